/// printk: the kernel's own voice. Messages go into a ring (dmesg, /dev/kmsg) and to the consoles.
///
///     printk("ext4: bad magic %#x\n", magic);
///     printk(Level::Err, "ata1: drive does not answer\n");
///
/// May be called from anywhere, interrupts and panics included. One call is one record; a
/// trailing newline is optional. Formats: lib/format.h.
#pragma once

#include <span>
#include <string_view>

#include "lib/format.h"
#include "lib/result.h"
#include "lib/types.h"

/// Severities as syslog(2) numbers them; a console shows those below its threshold.
enum class Level : u8 { Emerg, Alert, Crit, Err, Warning, Notice, Info, Debug };

void vprintk(Level level, const char* format, std::span<const FormatArg> args);

template <class... Args>
void printk(Level level, const char* format, const Args&... args) {
    const FormatArg list[sizeof...(Args) + 1] = {FormatArg(args)..., FormatArg()};
    vprintk(level, format, std::span(list, sizeof...(Args)));
}
template <class... Args>
void printk(const char* format, const Args&... args) {
    printk(Level::Info, format, args...);
}

/// A record of the ring, as readers see it.
struct LogRecord {
    u64 sequence;
    u64 time_ns;
    Level level;
    u16 length;
    char text[1000];
};

/// Copies the record numbered `sequence`, or the oldest that still exists after it. False if
/// there is none yet.
bool log_read(u64 sequence, LogRecord& record);

/// Number of the next record to be written: where a reader that only wants news begins.
u64 log_next_sequence();

/// Appends text that user space wrote to /dev/kmsg.
void log_from_user(Level level, std::string_view text);

/// A place where records are shown. Write() may be called with interrupts off and must not sleep.
struct Console {
    const char* name;  // as in console=: "ttyS0"
    void (*write)(std::string_view text);
    Console* next = nullptr;
};

/// Adds a console and shows it what is in the ring so far. A driver that takes a console over
/// from the early code registers its own of the same name, which replaces that one silently.
void register_console(Console& console);

/// Records of this severity and above (numerically: below) go to the consoles; `quiet` and
/// syslog(SYSLOG_ACTION_CONSOLE_LEVEL) change it. Linux' default is 7.
extern constinit int console_loglevel;

/// Writes to every console at once, past the ring and all locks: for panics only.
void console_write_unlocked(std::string_view text);

/// Called after each record, for whoever waits for it; in printk()'s context, so it may take no
/// locks. Set once, by sched/.
extern void (*log_wake_readers)();
