/// Clocks that measure how long a process or a thread has run. Linux:
/// kernel/time/posix-cpu-timers.c, the first part.
///
/// Their clock ids are negative: ~number << 3, plus 4 for a thread, plus which time is meant;
/// number 0 is the caller. CLOCK_PROCESS_CPUTIME_ID and CLOCK_THREAD_CPUTIME_ID name the caller's.
#pragma once

#include <optional>

#include "lib/result.h"
#include "sched/task.h"

namespace process {

/// What such a clock counts: user and system time, user time, or the time on a processor as the
/// scheduler knows it, which here is the first one too.
enum class CpuTime : u8 { Prof, Virt, Sched };
inline constexpr unsigned kCpuTimes = 3;

struct CpuClock {
    sched::PidNumber pid;  // 0: the caller's
    bool per_thread;
    CpuTime which;
};

/// The clock that a clock id means; none if it is of another kind.
std::optional<CpuClock> cpu_clock_of(int clock_id);

/// The task whose time the clock shows: the thread, or the leader of the process. Null if there is
/// none, or it is a thread of another process.
sched::Task* find_clock_task(const CpuClock& clock) REQUIRES(sched::tasks_lock);

/// The time now, in nanoseconds; `task` as found.
u64 sample_cpu_clock(const CpuClock& clock, sched::Task& task) REQUIRES(sched::tasks_lock);

/// For clock_gettime(2): EINVAL if there is no such process or thread. Unlike for timers, a clock
/// of the caller's process may also be named by the number of the calling thread.
Result<u64> read_cpu_clock(const CpuClock& clock);

/// For clock_getres(2): 1 for the scheduler's time, a tick for the others. EINVAL as above.
Result<u64> cpu_clock_resolution_ns(const CpuClock& clock);

}  // namespace process
