// signalfd: how signals become bytes, and who is told when there are some.
//
// Whoever waits does so for the signals of a SighandStruct, but a poll may last longer than that:
// an epoll instance keeps its place on a queue after the process that put it there has ended. So
// the queues are not in the structure; a fixed number of them stands here for ever, each for many
// structures. Who is woken in vain looks and waits again.

#include "process/signalfd.h"

#include "abi/poll.h"
#include "abi/signalfd.h"
#include "lib/format.h"
#include "mm/own.h"
#include "process/signal_internal.h"

namespace process {

namespace {

constexpr usize kQueues = 64;
constinit sched::WaitQueue queues[kQueues] = {};  // GCC 12 leaves them zero without the braces

sched::WaitQueue& queue_of(const SighandStruct& sighand) {
    constexpr u64 kFibonacci = 0x9e37'79b9'7f4a'7c15;  // spreads what differs anywhere
    return queues[reinterpret_cast<u64>(&sighand) * kFibonacci >> 58];
}
static_assert(kQueues == 1 << (64 - 58));

struct Signalfd {
    explicit Signalfd(u64 signals) : mask(signals) {}
    std::atomic<u64> mask;
};
Signalfd& signalfd_of(fs::File& file) { return *static_cast<Signalfd*>(file.private_data); }

/// Which of a siginfo_t's unions holds.
enum class Layout : u8 { Kill, Timer, Queue, Fault, Child, Poll, Syscall };

Layout layout_of(const abi::SigInfo& info) {
    if (info.code == abi::SI_TIMER) return Layout::Timer;
    if (info.code == abi::SI_SIGIO) return Layout::Poll;
    if (info.code < 0) return Layout::Queue;
    if (info.code == abi::SI_USER || info.code >= abi::SI_KERNEL) return Layout::Kill;
    switch (info.signo) {
    case abi::SIGILL:
    case abi::SIGFPE:
    case abi::SIGSEGV:
    case abi::SIGBUS:
    case abi::SIGTRAP: return Layout::Fault;
    case abi::SIGCHLD: return Layout::Child;
    case abi::SIGSYS: return Layout::Syscall;
    default: return Layout::Poll;
    }
}

abi::SignalfdSiginfo spread(const abi::SigInfo& info) {
    abi::SignalfdSiginfo to{};
    to.signo = static_cast<u32>(info.signo);
    to.error = info.error;
    to.code = info.code;
    const Layout layout = layout_of(info);
    switch (layout) {
    case Layout::Kill:
    case Layout::Queue:
    case Layout::Child:
        to.pid = static_cast<u32>(info.pid());
        to.uid = info.uid();
        break;
    case Layout::Timer:
        to.tid = static_cast<u32>(info.timer_id());
        to.overrun = static_cast<u32>(info.overrun());
        break;
    case Layout::Fault: to.address = info.address(); break;
    case Layout::Poll:
        to.band = static_cast<u32>(info.fields[0]);
        to.fd = static_cast<i32>(info.fields[1]);
        break;
    case Layout::Syscall:
        to.call_address = info.fields[0];
        to.syscall = static_cast<i32>(info.fields[1]);
        to.arch = static_cast<u32>(info.fields[1] >> 32);
        break;
    }
    if (layout == Layout::Timer || layout == Layout::Queue) {
        to.pointer = info.value();
        to.int_value = static_cast<i32>(info.value());
    } else if (layout == Layout::Child) {
        to.status = info.status();
        to.utime = info.fields[2];
        to.stime = info.fields[3];
    }
    return to;
}

/// Takes one signal of the running task. EAGAIN, ERESTARTSYS.
Result<abi::SigInfo> take(const Signalfd& from, bool nonblocking) {
    Task& task = sched::current();
    abi::SigInfo info;
    IrqGuard guard(task.sighand->lock);
    while (dequeue_signal(task, ~from.mask.load(), info) == 0) {
        if (nonblocking) return EAGAIN;
        TRY(queue_of(*task.sighand).sleep(task.sighand->lock));
    }
    return abi::SigInfo(info);
}

class SignalfdOperations final : public fs::FileOperations {
public:
    void release(fs::File& file) const override { mm::destroy(&signalfd_of(file)); }

    /// As many as there are and fit; only for the first it waits.
    Result<usize> read(fs::File& file, IovIter& to, u64&) const override {
        constexpr usize kSize = sizeof(abi::SignalfdSiginfo);
        if (to.remaining() < kSize) return EINVAL;
        usize done = 0;
        while (to.remaining() >= kSize) {
            Result<abi::SigInfo> info = take(signalfd_of(file), done > 0 || file.is_nonblocking());
            if (!info.ok() && done > 0) break;
            const abi::SignalfdSiginfo image = spread(TRY(std::move(info)));
            Result<usize> copied = to.copy_to(&image, kSize);
            if (!copied.ok() || copied.value() < kSize) return done > 0 ? Result(done) : EFAULT;
            done += kSize;
        }
        return done;
    }
    Result<u64> seek(fs::File&, i64, int) const override { return u64{0}; }
    u32 poll(fs::File& file, fs::PollTable* table) const override {
        Task& task = sched::current();
        if (table) table->wait_on(queue_of(*task.sighand));
        IrqGuard guard(task.sighand->lock);
        const u64 pending = task.pending->set | task.signal->shared_pending.set;
        return (pending & signalfd_of(file).mask.load()) ? abi::POLLIN : 0;
    }
    usize show_fdinfo(fs::File& file, std::span<char> room) const override {
        return format_to(room, "sigmask:\t%016lx\n", signalfd_of(file).mask.load());
    }
    bool is_stream() const override { return true; }
};
constexpr SignalfdOperations kSignalfdOps;

}  // namespace

Result<Ref<fs::File>> make_signalfd(u64 mask, u32 flags) {
    if (flags & ~(abi::SFD_CLOEXEC | abi::SFD_NONBLOCK)) return EINVAL;
    auto signalfd = TRY(mm::make<Signalfd>(mask & ~kUnblockable));
    auto file = TRY(fs::File::open_anonymous(
        "[signalfd]", kSignalfdOps, abi::O_RDWR | (flags & abi::SFD_NONBLOCK), signalfd.get()));
    (void)signalfd.leak();  // the file's release() destroys it
    return file;
}

Result<void> signalfd_set_mask(fs::File& file, u64 mask) {
    if (file.ops != &kSignalfdOps) return EINVAL;
    SighandStruct& sighand = *sched::current().sighand;
    IrqGuard guard(sighand.lock);
    signalfd_of(file).mask.store(mask & ~kUnblockable);
    queue_of(sighand).wake_all();
    return {};
}

void signalfd_notify(SighandStruct& sighand) { queue_of(sighand).wake_all(); }

}  // namespace process
