/// read(2), write(2), poll(2) on terminals, and what open files of them do.
///
/// User memory is copied in pieces of kChunk bytes through the kernel stack, because the Tty's
/// lock may not be held meanwhile. So that the pieces of two readers (or writers) do not mix, a
/// flag says that one is at work; others wait for it, interruptibly.
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "core/time/clock.h"
#include "drivers/tty/tty.h"
#include "fs/char_dev.h"
#include "mm/own.h"

namespace tty {

using namespace abi;

static constexpr usize kChunk = 256;
static constexpr usize kEchoReserve = 128;  // room that writers leave for echo
static constexpr u64 kDeciseconds = 100 * time::kNsPerMs;

/// How long a read waits, from VMIN and VTIME (termios(3), "Canonical and noncanonical mode").
struct ReadRules {
    usize minimum;    // bytes that satisfy it
    u64 patience_ns;  // 0: for ever
    bool between;     // the patience counts from the last byte (VMIN > 0), not from the start

    static ReadRules of(const Tty& tty) {
        if (tty.settings.c_lflag & ICANON) return {1, 0, false};
        const usize min = tty.settings.c_cc[VMIN];
        const u64 time = tty.settings.c_cc[VTIME];
        return {min, time * kDeciseconds, min > 0};
    }
};

/// Waits for input; true: there is some. False: time is up, or VMIN and VTIME are both 0, or the
/// terminal was hung up. EAGAIN, ERESTARTSYS.
static Result<bool> wait_for_input(fs::File& file, Tty& tty, usize got, u64 deadline)
    REQUIRES(tty.lock) {
    while (true) {
        if (tty_file(file).is_hung_up()) return false;
        const ReadRules rules = ReadRules::of(tty);
        // A reader that wants at least five bytes need not be woken by each.
        if (tty.ldisc.input_available(1)) return true;
        if (tty.other_end_closed) return got > 0 ? Result<bool>(false) : Result<bool>(EIO);
        if (file.is_nonblocking()) return EAGAIN;
        if (rules.minimum == 0 && rules.patience_ns == 0) return false;
        if (deadline == 0) {
            TRY(tty.read_wait.sleep(tty.lock));
            continue;
        }
        const Result<void> slept = tty.read_wait.sleep_until(tty.lock, deadline);
        if (!slept.ok() && slept.error() == ETIMEDOUT) return tty.ldisc.input_available(1);
        TRY(slept);
    }
}

/// Waits until no other task is at work; `busy` is tty.reading or tty.writing.
static Result<void> take_turn(fs::File& file, Tty& tty, bool& busy, sched::WaitQueue& queue)
    REQUIRES(tty.lock) {
    while (busy) {
        if (file.is_nonblocking()) return EAGAIN;
        TRY(queue.sleep(tty.lock));
    }
    busy = true;
    return {};
}

static void end_turn(Tty& tty, bool& busy, sched::WaitQueue& queue) {
    IrqGuard guard(tty.lock);
    busy = false;
    queue.wake_all();
}

/// The deadline of the next wait, after `got` bytes.
static u64 next_deadline(const ReadRules& rules, u64 started, usize got) {
    if (rules.patience_ns == 0) return 0;
    if (!rules.between) return started + rules.patience_ns;
    return got == 0 ? 0 : time::now_ns() + rules.patience_ns;
}

/// One piece of a read: waits, takes bytes out, copies them. `done` becomes true when the read is
/// complete.
static Result<usize> read_chunk(fs::File& file, IovIter& to, usize got, u64 started, bool& done) {
    u8 chunk[kChunk];
    Tty& tty = *tty_file(file).tty;
    NTty::Taken taken;
    {
        IrqGuard guard(tty.lock);
        const ReadRules rules = ReadRules::of(tty);
        const u64 deadline = next_deadline(rules, started, got);
        const bool any = TRY(wait_for_input(file, tty, got, deadline));
        if (!any) {
            done = true;
            return usize{0};
        }
        taken = tty.ldisc.take(std::span(chunk).first(std::min(kChunk, to.remaining())));
        tty.unthrottle_locked();
        const bool canonical = tty.settings.c_lflag & ICANON;
        const usize enough = std::max<usize>(rules.minimum, 1);
        done = canonical ? taken.line_ended || !tty.ldisc.input_available(1)
                         : got + taken.count >= enough && !tty.ldisc.input_available(1);
    }
    if (taken.count == 0) return usize{0};
    const usize copied = TRY(to.copy_to(chunk, taken.count));
    if (copied < taken.count) done = true;
    return copied;
}

static Result<usize> read_turn(fs::File& file, IovIter& to) {
    const u64 started = time::now_ns();
    usize got = 0;
    bool done = false;
    while (!done && to.remaining() > 0) {
        Result<usize> piece = read_chunk(file, to, got, started, done);
        if (!piece.ok()) {
            if (got > 0) break;
            return piece.error();
        }
        got += piece.value();
    }
    return got;
}

/// Waits until a byte or more fits, and queues. 0: never (hung up).
static Result<usize> write_some(fs::File& file, Tty& tty, std::span<const u8> bytes)
    REQUIRES(tty.lock) {
    while (true) {
        if (tty_file(file).is_hung_up() || tty.other_end_closed) return EIO;
        const usize queued = tty.ldisc.opost.write(bytes, kEchoReserve);
        tty.port.start();
        if (queued > 0) return queued;
        if (file.is_nonblocking()) return EAGAIN;
        // If start() has sent everything, no interrupt will tell that there is room.
        if (tty.port.chars_in_buffer() == 0) continue;
        TRY(tty.write_wait.sleep(tty.lock));
    }
}

static Result<usize> write_turn(fs::File& file, IovIter& from) {
    u8 chunk[kChunk];
    Tty& tty = *tty_file(file).tty;
    usize written = 0;
    while (from.remaining() > 0) {
        Result<usize> copied = from.copy_from(chunk, std::min(kChunk, from.remaining()));
        if (!copied.ok()) return written > 0 ? Result<usize>(written) : copied.error();
        std::span<const u8> rest = std::span(chunk).first(copied.value());
        IrqGuard guard(tty.lock);
        while (!rest.empty()) {
            Result<usize> queued = write_some(file, tty, rest);
            if (!queued.ok()) return written > 0 ? Result<usize>(written) : queued.error();
            written += queued.value();
            rest = rest.subspan(queued.value());
        }
    }
    return written;
}

// --- the operations -----------------------------------------------------------------------------

static void name_default_owner(fs::File& file, const Tty& tty) {
    using enum fs::FileOwner::Kind;
    const sched::PidNumber front = tty.foreground.load();
    if (front > 0) {
        fs::name_owner(file, Group, front);
    } else {
        fs::name_owner(file, Process, sched::current().tgid);
    }
}

class TtyOperations final : public fs::FileOperations {
public:
    Result<void> open(fs::File& file) const override {
        Tty* tty = find_tty(file.inode()->device);
        if (!tty) return ENXIO;
        return open_tty(file, *tty, Via::Device);
    }

    void release(fs::File& file) const override {
        TtyFile* state = &tty_file(file);
        Tty& tty = *state->tty;
        {
            IrqGuard guard(tty.lock);
            if (--tty.open_count == 0) {
                tty.exclusive = false;
                tty.ldisc.flush_input();
                tty.unthrottle_locked();
                tty.port.shutdown();
            }
        }
        mm::destroy(state);
    }

    Result<usize> read(fs::File& file, IovIter& to, u64& /*offset*/) const override {
        TtyFile& state = tty_file(file);
        Tty& tty = *state.tty;
        if (state.is_hung_up()) return usize{0};
        if (!state.is_console) TRY(check_change(tty, SIGTTIN));
        {
            IrqGuard guard(tty.lock);
            TRY(take_turn(file, tty, tty.reading, tty.read_wait));
        }
        Result<usize> got = read_turn(file, to);
        end_turn(tty, tty.reading, tty.read_wait);
        return got;
    }

    Result<usize> write(fs::File& file, IovIter& from, u64& /*offset*/) const override {
        TtyFile& state = tty_file(file);
        Tty& tty = *state.tty;
        if (state.is_hung_up()) return EIO;
        if ((tty.settings.c_lflag & TOSTOP) && !state.is_console) {
            TRY(check_change(tty, SIGTTOU));
        }
        {
            IrqGuard guard(tty.lock);
            TRY(take_turn(file, tty, tty.writing, tty.write_wait));
        }
        Result<usize> written = write_turn(file, from);
        end_turn(tty, tty.writing, tty.write_wait);
        return written;
    }

    Result<u64> seek(fs::File& /*file*/, i64 /*offset*/, int /*whence*/) const override {
        return ESPIPE;
    }

    u32 poll(fs::File& file, fs::PollTable* table) const override {
        TtyFile& state = tty_file(file);
        Tty& tty = *state.tty;
        if (table) {
            table->wait_on(tty.read_wait);
            table->wait_on(tty.write_wait);
        }
        if (state.is_hung_up()) {
            return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
        }
        IrqGuard guard(tty.lock);
        u32 events = 0;
        const ReadRules rules = ReadRules::of(tty);
        if (tty.ldisc.input_available(rules.patience_ns == 0 ? rules.minimum : 1)) {
            events |= POLLIN | POLLRDNORM;
        }
        if (tty.other_end_closed) events |= POLLHUP;
        if (tty.port.write_room() > kEchoReserve) events |= POLLOUT | POLLWRNORM;
        return events;
    }

    Result<u64> ioctl(fs::File& file, u32 command, u64 argument) const override {
        if (tty_file(file).is_hung_up()) return command == FIONREAD ? ENOTTY : EIO;
        return tty_ioctl(file, command, argument);
    }

    /// Where nobody is named, the signals are for the group in front.
    Result<void> fasync(fs::File& file, int fd, bool on) const override {
        Tty& tty = *tty_file(file).tty;
        TRY(tty.fasync.set(file, fd, on));
        if (on && fs::owner_of(file).id == 0) name_default_owner(file, tty);
        return {};
    }

    bool is_stream() const override { return true; }
};

static constexpr TtyOperations kOperations;
constinit const fs::FileOperations& tty_operations = kOperations;

}  // namespace tty
