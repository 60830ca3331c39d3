// See posix_clock.h.

#include "process/timer/posix_clock.h"

#include "abi/prctl.h"
#include "core/time/clock.h"
#include "process/process.h"
#include "sched/sched.h"

namespace process {

namespace {

using sched::Task;

template <u64 (*Read)()>
Result<u64> reading(int) {
    return Read();
}

Result<u64> one_ns(int) { return 1; }
Result<u64> one_tick(int) { return time::kTickNs; }

Result<void> set_realtime(u64 ns) {
    if (!(sched::current().cred.cap_effective >> abi::CAP_SYS_TIME & 1)) return EPERM;
    return time::set_realtime_ns(ns);
}

Result<u64> process_time(int) {
    const CpuTimes times = process_times(sched::current());
    return times.user_ns + times.system_ns;
}

Result<u64> thread_time(int) {
    const sched::CpuTimes times = sched::cpu_times(sched::current());
    return times.user_ns + times.system_ns;
}

/// Clocks with negative numbers measure a process or thread: ~pid << 3 | 4 for a thread | what.
Result<u64> cpu_time(int clock) {
    constexpr int kPerThread = 4, kSchedClock = 2;
    const sched::PidNumber pid = ~(clock >> 3);
    if ((clock & 3) > kSchedClock) return EINVAL;
    IrqGuard guard(sched::tasks_lock);
    Task* const task = pid == 0 ? &sched::current() : sched::find_task(pid);
    if (task == nullptr || task->signal == nullptr) return EINVAL;
    if (clock & kPerThread) {
        if (task->tgid != sched::current().tgid) return EINVAL;
        const sched::CpuTimes times = sched::cpu_times(*task);
        return times.user_ns + times.system_ns;
    }
    const CpuTimes times = process_times_locked(*task);
    return times.user_ns + times.system_ns;
}

Result<u64> cpu_resolution(int clock) {
    TRY(cpu_time(clock));
    return 1;
}

constexpr KClock kRealtime{reading<time::realtime_ns>, one_ns, set_realtime, true};
constexpr KClock kMonotonic{reading<time::now_ns>, one_ns};
constexpr KClock kProcessTime{process_time, one_ns};
constexpr KClock kThreadTime{thread_time, one_ns};
constexpr KClock kCpuTime{cpu_time, cpu_resolution};
constexpr KClock kRaw{reading<time::raw_ns>, one_ns};
constexpr KClock kRealtimeCoarse{reading<time::realtime_coarse_ns>, one_tick};
constexpr KClock kMonotonicCoarse{reading<time::coarse_ns>, one_tick};
constexpr KClock kBoottime{reading<time::boottime_ns>, one_ns};
constexpr KClock kRealtimeAlarm{reading<time::realtime_ns>, one_ns};
constexpr KClock kBoottimeAlarm{reading<time::boottime_ns>, one_ns};
constexpr KClock kTai{reading<time::tai_ns>, one_ns};

constexpr const KClock* kClocks[] = {
    &kRealtime,         // CLOCK_REALTIME
    &kMonotonic,        // CLOCK_MONOTONIC
    &kProcessTime,      // CLOCK_PROCESS_CPUTIME_ID
    &kThreadTime,       // CLOCK_THREAD_CPUTIME_ID
    &kRaw,              // CLOCK_MONOTONIC_RAW
    &kRealtimeCoarse,   // CLOCK_REALTIME_COARSE
    &kMonotonicCoarse,  // CLOCK_MONOTONIC_COARSE
    &kBoottime,         // CLOCK_BOOTTIME
    &kRealtimeAlarm,    // CLOCK_REALTIME_ALARM
    &kBoottimeAlarm,    // CLOCK_BOOTTIME_ALARM
    nullptr,            // once CLOCK_SGI_CYCLE
    &kTai,              // CLOCK_TAI
};
constexpr int kClockCount = sizeof kClocks / sizeof kClocks[0];

}  // namespace

const KClock* clockid_to_kclock(int clock) {
    if (clock < 0) return &kCpuTime;
    return clock < kClockCount ? kClocks[clock] : nullptr;
}

}  // namespace process
