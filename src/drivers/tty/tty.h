/// Tty: a terminal, whatever is at its other end. Linux: struct tty_struct.
///
/// It joins a TtyPort (bytes out, line control) to a line discipline (NTty: bytes in, editing)
/// and keeps what belongs to sessions: who owns the terminal, which group is in front.
///
/// Bytes arrive in interrupt context: the port takes `lock`, feeds `ldisc`, calls
/// input_arrived_locked(), lets go of the lock and calls send_signals() with what that returned.
///
/// Ttys are never freed; a pty pair is reused. So a stale SignalStruct::tty may exist, and is
/// believed only while the session number in the Tty agrees (job_control.cc).
///
/// Lock: `lock` guards everything but the atomics. Order: sighand lock, then `lock`, then the
/// port's own. Signals are sent without it, because they need the locks above.
#pragma once

#include "core/lock/spin_lock.h"
#include "drivers/tty/n_tty.h"
#include "fs/fasync.h"
#include "fs/file.h"
#include "sched/pid.h"
#include "sched/wait_queue.h"

namespace tty {

class Tty {
public:
    struct Buffers {
        std::span<u8> input;   // a power of two
        std::span<u64> marks;  // one bit for each byte of it
    };
    Tty(const char* name, u32 device, TtyPort& port, Buffers buffers);
    Tty(const Tty&) = delete;

    /// Signals that input asked for, to be sent once `lock` is free; and who wants to know by a
    /// signal that it can be read.
    struct Signals {
        u64 set = 0;
        sched::PidNumber pgrp = 0;
        fs::FasyncList* readable = nullptr;
    };
    /// After feeding `ldisc`: wakes readers and holds the line back if the buffer is full.
    [[nodiscard]] Signals input_arrived_locked() REQUIRES(lock);
    /// The port has room again: wakes writers.
    void output_drained_locked() REQUIRES(lock);
    static void send_signals(const Signals& signals);

    /// After reading or flushing: lets the line deliver again.
    void unthrottle_locked() REQUIRES(lock);

    /// Takes the terminal away from all who have it open (but for /dev/console): reads find the
    /// end of file, writes EIO. The session that owned it is sent SIGHUP and SIGCONT and has no
    /// terminal any more. May sleep.
    void hangup() EXCLUDES(lock);

    /// Settings that a fresh terminal has ("sane").
    static abi::Termios2 initial_settings();
    void change_settings_locked(const abi::Termios2& wanted) REQUIRES(lock);

    SpinLock lock{"tty", LockRank::Tty};
    const char* const name;
    const u32 device;
    TtyPort& port;
    abi::Termios2 settings;
    NTty ldisc;
    abi::WinSize window{};
    sched::WaitQueue read_wait, write_wait;
    fs::FasyncList fasync;  // files with O_ASYNC; has a lock of its own
    u32 open_count = 0;
    u32 hangups = 0;  // so far: an open file remembers the number it started with
    bool throttled = false;
    bool reading = false;  // a reader is between two chunks: others wait
    bool writing = false;
    bool exclusive = false;         // TIOCEXCL
    bool locked = false;            // pty: TIOCSPTLCK
    bool other_end_closed = false;  // pty: no master

    std::atomic<sched::PidNumber> session{0};     // 0: nobody's controlling terminal
    std::atomic<sched::PidNumber> foreground{0};  // process group that may read
};

/// What an open file of a terminal keeps in File::private_data.
struct TtyFile {
    TtyFile(Tty& terminal, bool console)
        : tty(&terminal), hangups(terminal.hangups), is_console(console) {}

    Tty* tty;
    u32 hangups;
    bool is_console;  // opened as /dev/console: survives hangups, no job control on it

    bool is_hung_up() const { return !is_console && hangups != tty->hangups; }
};
inline TtyFile& tty_file(fs::File& file) { return *static_cast<TtyFile*>(file.private_data); }

/// Makes an open file of `tty`. EIO (pty locked or without master), EBUSY (exclusive), ENOMEM,
/// what the port's activate() says.
enum class Via : u8 { Device, Console };
Result<void> open_tty(fs::File& file, Tty& tty, Via via);

/// Enters a terminal with its device node. EBUSY, ENOMEM.
Result<void> register_tty(Tty& tty, const char* node_name);
/// The registered terminal with this device number, or null.
Tty* find_tty(u32 device);
Tty* find_tty(std::string_view name);

/// Open files of terminals: read, write, poll, ioctl.
extern const fs::FileOperations& tty_operations;

// --- ioctl.cc
Result<u64> tty_ioctl(fs::File& file, u32 command, u64 argument);
Result<void> set_window(Tty& tty, const abi::WinSize& window);
/// Waits until everything was sent. ERESTARTSYS.
Result<void> drain_output(Tty& tty);

// --- job_control.cc
/// May the running process do what only the foreground may? {} if so; else its group is sent
/// `signal` (SIGTTIN or SIGTTOU) and the call is to be restarted; EIO where that is pointless.
Result<void> check_change(Tty& tty, int signal);
/// The running process's controlling terminal, or null.
Tty* current_tty();
/// At open: a session leader without terminal gets this one, if it is free.
void acquire_at_open(Tty& tty, const fs::File& file);
/// TIOCSCTTY and its relatives; ENOTTY if the request is none of them.
Result<u64> job_control_ioctl(fs::File& file, Tty& tty, u32 command, u64 argument);
void install_job_control_hooks();

}  // namespace tty
