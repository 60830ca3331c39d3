// Timeouts and signal masks of calls that wait. See syscall/file/wait_args.h.
#include "syscall/file/wait_args.h"

#include "abi/signal.h"
#include "core/time/clock.h"
#include "process/signal_internal.h"
#include "sched/wait_queue.h"

namespace syscall {

Result<u64> deadline_after(const abi::Timespec& timeout) {
    if (timeout.sec < 0 || timeout.nsec < 0 || timeout.nsec >= i64(time::kNsPerSec)) return EINVAL;
    u64 ns = 0;
    const u64 now = time::now_ns();
    if (__builtin_mul_overflow(u64(timeout.sec), time::kNsPerSec, &ns) ||
        __builtin_add_overflow(ns, u64(timeout.nsec), &ns) ||
        __builtin_add_overflow(ns, now, &ns)) {
        return sched::kForever;
    }
    return timeout.sec == 0 && timeout.nsec == 0 ? u64{0} : ns;
}

u64 deadline_after_ms(i64 timeout_ms) {
    if (timeout_ms < 0) return sched::kForever;
    return timeout_ms == 0 ? 0 : time::now_ns() + u64(timeout_ms) * time::kNsPerMs;
}

Result<u64> deadline_in(UserPtr<const abi::Timespec> timeout) {
    if (timeout.is_null()) return sched::kForever;
    return deadline_after(TRY(timeout.copy_in()));
}

Result<TemporarySigmask> TemporarySigmask::set(UserPtr<const u64> mask, u64 size) {
    if (mask.is_null()) return TemporarySigmask(false);
    if (size != sizeof(u64)) return EINVAL;
    const u64 wanted = TRY(mask.copy_in());
    sched::Task& task = sched::current();
    task.saved_sigmask = task.blocked;
    task.set(sched::kRestoreSigmask);
    process::set_current_blocked(wanted);
    return TemporarySigmask(true);
}

void TemporarySigmask::note_error(Errno error) {
    switch (error) {
    case EINTR:
    case ERESTARTSYS:
    case ERESTARTNOHAND:
    case ERESTARTNOINTR:
    case ERESTART_RESTARTBLOCK: is_set_ = false; break;  // do_signal() restores the mask
    default: break;
    }
}

TemporarySigmask::~TemporarySigmask() {
    if (!is_set_) return;
    sched::Task& task = sched::current();
    task.clear(sched::kRestoreSigmask);
    process::set_current_blocked(task.saved_sigmask);
}

}  // namespace syscall
