// What real-time and deadline tasks hear when they run for longer than they said: SIGXCPU.

#include "process/timer/sched_limits.h"
#include "core/time/clock.h"
#include "process/signal_internal.h"
#include "sched/class/dl_rq.h"
#include "sched/policy.h"

namespace process {

namespace {

constexpr u64 kUsPerSec = 1'000'000;

/// The thread may have been buried already, and only has to leave.
void send_to_process_of(Task& task, int number) REQUIRES(tasks_lock) {
    if (!task.thread_link.is_linked()) return;
    abi::SigInfo info;
    info.signo = number;
    info.code = abi::SI_KERNEL;
    (void)send_signal_locked(task, info, Target::Process);
}

void tell_of_overrun(Task& task) {
    if (task.signal == nullptr) return;
    IrqGuard guard(tasks_lock);
    send_to_process_of(task, abi::SIGXCPU);
}

}  // namespace

void check_rt_time(Task& task) {
    abi::Rlimit& limit = task.signal->rlimits[abi::RLIMIT_RTTIME];
    if (limit.current == abi::RLIM_INFINITY) return;
    const u64 used_us = sched::rt_awake_ns(task) / time::kNsPerUs;
    if (used_us < std::min(limit.current, limit.maximum)) return;
    IrqGuard guard(tasks_lock);
    if (used_us >= limit.maximum) {
        send_to_process_of(task, abi::SIGKILL);
    } else {
        send_to_process_of(task, abi::SIGXCPU);
        limit.current += kUsPerSec;
    }
}

void init_sched_limits() { sched::dl_overrun_hook = tell_of_overrun; }

}  // namespace process
