// poll(2), ppoll(2). Linux: fs/select.c. select(2) is in sys_select.cc.
#include "abi/poll.h"
#include "abi/resource.h"
#include "core/time/clock.h"
#include "ipc/poll_wait.h"
#include "sched/signal_struct.h"
#include "syscall/file/calls.h"
#include "syscall/file/file_args.h"
#include "syscall/file/poll_set.h"
#include "syscall/file/wait_args.h"

namespace syscall {
namespace {

using namespace abi;

/// The pollfd array of a call, with the files it names.
class PollFds {
public:
    static Result<PollFds> copy_in(UserPtr<const PollFd> at, u32 count) {
        const usize bytes = count * sizeof(PollFd);
        auto set = TRY(PollSet::create(count));
        auto* fds =
            static_cast<PollFd*>(TRY(mm::kmalloc(std::max(bytes, usize{8}), mm::Gfp::Kernel)));
        PollFds all(std::move(set), fds, count);
        TRY(copy_from_user(fds, at.address(), bytes));
        for (u32 i = 0; i < count; i++) {
            const u32 wanted = static_cast<u16>(fds[i].events);
            if (fds[i].fd < 0) {
                all.set_.add_nothing();
                continue;
            }
            all.set_.add(fds[i].fd, wanted | POLLERR | POLLHUP);
        }
        return all;
    }
    PollFds(PollFds&& from)
        : set_(std::move(from.set_)),
          fds_(std::exchange(from.fds_, nullptr)),
          count_(from.count_) {}
    ~PollFds() { mm::kfree(fds_); }

    PollSet& set() { return set_; }

    /// Stores each result in the program's array, which is otherwise left alone.
    Result<void> copy_out(UserPtr<PollFd> at) {
        for (u32 i = 0; i < count_; i++) {
            fds_[i].revents = static_cast<i16>(set_.found(i));
            const VirtAddr to = (at + i).address() + offsetof(PollFd, revents);
            TRY(copy_to_user(to, &fds_[i].revents, sizeof fds_[i].revents));
        }
        return {};
    }

private:
    PollFds(PollSet&& set, PollFd* fds, u32 count)
        : set_(std::move(set)), fds_(fds), count_(count) {}
    PollSet set_;
    PollFd* fds_;
    u32 count_;
};

Result<u64> do_poll(UserPtr<PollFd> user_fds, u32 count, u64 deadline) {
    if (count > sched::current().signal->rlimits[RLIMIT_NOFILE].current) return EINVAL;
    auto fds = TRY(PollFds::copy_in(UserPtr<const PollFd>(user_fds.address()), count));
    const usize ready = TRY(fds.set().wait(deadline));
    TRY(fds.copy_out(user_fds));
    return u64{ready};
}

/// After a signal without a handler poll(2) goes on with what is left of its time. See
/// restart_syscall(2).
u64 restart_poll(sched::Task& task) {
    auto outcome = do_poll(UserPtr<PollFd>(task.restart_data[0]),
                           static_cast<u32>(task.restart_data[1]), task.restart_data[2]);
    if (!outcome.ok() && outcome.error() == ERESTARTNOHAND) {
        return to_register<u64>(ERESTART_RESTARTBLOCK);
    }
    return to_register(std::move(outcome));
}

Result<u64> sys_poll(UserPtr<PollFd> fds, u32 count, int timeout_ms) {
    const u64 deadline = deadline_after_ms(timeout_ms);
    auto outcome = do_poll(fds, count, deadline);
    if (outcome.ok() || outcome.error() != ERESTARTNOHAND) return outcome;
    sched::Task& task = sched::current();
    task.restart_data[0] = fds.address().raw();
    task.restart_data[1] = count;
    task.restart_data[2] = deadline;
    task.restart_function = restart_poll;
    return ERESTART_RESTARTBLOCK;
}

/// What is left until `deadline`, for the calls that tell.
Timespec time_left(u64 deadline) {
    const u64 now = time::now_ns();
    const u64 left = deadline > now ? deadline - now : 0;
    return {static_cast<i64>(left / time::kNsPerSec), static_cast<i64>(left % time::kNsPerSec)};
}

Result<u64> sys_ppoll(UserPtr<PollFd> fds, u32 count, UserPtr<Timespec> timeout,
                      UserPtr<const u64> mask, u64 mask_size) {
    const u64 deadline = TRY(deadline_in(UserPtr<const Timespec>(timeout.address())));
    auto sigmask = TRY(TemporarySigmask::set(mask, mask_size));
    auto outcome = sigmask.finish(do_poll(fds, count, deadline));
    // As Linux: the time that is left is a courtesy, and failing to tell it is no error.
    if (!timeout.is_null()) (void)timeout.copy_out(time_left(deadline)).ok();
    return outcome;
}

constexpr Entry kCalls[] = {
    {7, "poll", call<sys_poll>},
    {271, "ppoll", call<sys_ppoll>},
};

}  // namespace

constinit const std::span<const Entry> kPollCalls = kCalls;

}  // namespace syscall
