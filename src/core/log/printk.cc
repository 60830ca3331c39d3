// The log ring and the consoles. See printk.h.
//
// Texts lie in a ring of bytes, their descriptions in a ring of entries; a new record pushes out
// as many of the oldest as it needs. A panic goes past the locks: it may strike while one is held.

#include "core/log/printk.h"

#include "arch/clock.h"
#include "core/lock/spin_lock.h"
#include "core/log/panic.h"
#include "lib/string.h"

constinit int console_loglevel = 7;
void (*log_wake_readers)() = nullptr;

namespace {

constexpr usize kTextSize = 128 * 1024;
constexpr usize kEntries = 2048;
constexpr usize kMaxText = sizeof(LogRecord::text);

struct Entry {
    u64 time_ns;
    u32 offset;  // of the text in its ring; a text does not wrap around
    u16 length;
    Level level;
};

constinit SpinLock log_lock{"log", LockRank::Log};
constinit Entry entries[kEntries] GUARDED_BY(log_lock) = {};
constinit char texts[kTextSize] GUARDED_BY(log_lock) = {};
constinit u64 first GUARDED_BY(log_lock) = 0;  // sequence numbers: [first, next) exist
constinit u64 next GUARDED_BY(log_lock) = 0;
constinit u32 text_end GUARDED_BY(log_lock) = 0;  // where the next text goes

constinit SpinLock console_lock{"console", LockRank::Console};
constinit Console* consoles GUARDED_BY(console_lock) = nullptr;

/// Makes room for a text of `length` bytes: pushes out the records whose texts lie there.
u32 make_room(usize length) REQUIRES(log_lock) {
    u32 at = text_end;
    if (at + length > kTextSize) {
        // The tail of the ring stays unused; what lies there is older than what is at the front.
        while (first < next && entries[first % kEntries].offset >= at) first++;
        at = 0;
    }
    while (first < next) {
        const Entry& oldest = entries[first % kEntries];
        const bool overlaps = oldest.offset < at + length && at < oldest.offset + oldest.length;
        if (!overlaps && next - first < kEntries) break;
        first++;
    }
    return at;
}

/// Appends a record; returns its number.
u64 store(Level level, std::string_view text) REQUIRES(log_lock) {
    const u32 at = make_room(text.size());
    memcpy(texts + at, text.data(), text.size());
    entries[next % kEntries] = {arch::clock_ns(), at, u16(text.size()), level};
    text_end = u32(at + text.size());
    return next++;
}

bool load(u64 sequence, LogRecord& record) REQUIRES(log_lock) {
    if (sequence < first) sequence = first;
    if (sequence >= next) return false;
    const Entry& entry = entries[sequence % kEntries];
    record.sequence = sequence;
    record.time_ns = entry.time_ns;
    record.level = entry.level;
    record.length = entry.length;
    memcpy(record.text, texts + entry.offset, entry.length);
    return true;
}

usize format_prefix(std::span<char> room, u64 time_ns) {
    const u64 us = time_ns / 1000;
    return format_to(room, "[%5u.%06u] ", us / 1'000'000, us % 1'000'000);
}

/// The record as a console shows it: in one piece, so that what a tty sends over the same wire
/// cannot get between the parts.
std::string_view compose(u64 time_ns, std::string_view text) REQUIRES(console_lock) {
    static constinit char line[32 + kMaxText + 1] = {};
    usize length = format_prefix(line, time_ns);
    memcpy(line + length, text.data(), text.size());
    length += text.size();
    line[length++] = '\n';
    return {line, length};
}

void show(u64 time_ns, std::string_view text) REQUIRES(console_lock) {
    const std::string_view line = compose(time_ns, text);
    for (Console* console = consoles; console != nullptr; console = console->next) {
        console->write(line);
    }
}

std::string_view without_newline(std::string_view text) {
    if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    return text;
}

void publish(Level level, std::string_view text) {
    text = without_newline(text.substr(0, kMaxText));
    {
        IrqGuard guard(log_lock);
        store(level, text);
    }
    if (static_cast<int>(level) < console_loglevel) {
        IrqGuard guard(console_lock);
        show(arch::clock_ns(), text);
    }
    if (log_wake_readers != nullptr) log_wake_readers();
}

struct Formatter {
    char text[768];
};
PER_CPU Formatter formatter{};

}  // namespace

/// In a panic the other processors are stopped, and one of them, or this one, may hold a lock.
static void print_in_panic(std::span<const FormatArg> args, const char* format) NO_LOCK_ANALYSIS {
    static constinit char text[768];
    const usize length = vformat(text, format, args);
    const std::string_view line =
        without_newline({text, length < sizeof text ? length : sizeof text - 1});
    store(Level::Emerg, line);
    show(arch::clock_ns(), line);
}

void vprintk(Level level, const char* format, std::span<const FormatArg> args) {
    if (is_panicking()) return print_in_panic(args, format);
    const bool irqs = arch::irq_save();  // the buffer is this processor's
    char* const text = this_cpu(formatter).text;
    const std::span<char> room(text, sizeof(Formatter::text));
    const usize length = vformat(room, format, args);
    publish(level, {text, length < room.size() ? length : room.size() - 1});
    arch::irq_restore(irqs);
}

void log_from_user(Level level, std::string_view text) { publish(level, text); }

bool log_read(u64 sequence, LogRecord& record) {
    IrqGuard guard(log_lock);
    return load(sequence, record);
}

u64 log_next_sequence() {
    IrqGuard guard(log_lock);
    return next;
}

/// Puts `console` where one of the same name is; false if there is none.
static bool replace_console(Console& console) {
    IrqGuard guard(console_lock);
    for (Console** at = &consoles; *at != nullptr; at = &(*at)->next) {
        if (std::string_view((*at)->name) != console.name) continue;
        console.next = (*at)->next;
        *at = &console;
        return true;
    }
    return false;
}

void register_console(Console& console) {
    if (replace_console(console)) return;
    static constinit LogRecord record{};
    u64 sequence = 0;
    // What has been said so far, to the new console only.
    while (log_read(sequence, record)) {
        sequence = record.sequence + 1;
        if (static_cast<int>(record.level) >= console_loglevel) continue;
        IrqGuard guard(console_lock);
        console.write(compose(record.time_ns, {record.text, record.length}));
    }
    IrqGuard guard(console_lock);
    console.next = consoles;
    consoles = &console;
}

void console_write_unlocked(std::string_view text) NO_LOCK_ANALYSIS {
    for (Console* console = consoles; console != nullptr; console = console->next) {
        console->write(text);
    }
}
