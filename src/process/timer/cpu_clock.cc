// See cpu_clock.h.

#include "process/timer/cpu_clock.h"

#include "abi/time.h"
#include "core/time/clock.h"
#include "process/process.h"
#include "sched/sched.h"

namespace process {

using sched::Task;
using sched::tasks_lock;

std::optional<CpuClock> cpu_clock_of(int clock_id) {
    constexpr int kPerThread = 4, kWhichMask = 3;
    if (clock_id == abi::CLOCK_PROCESS_CPUTIME_ID) return CpuClock{0, false, CpuTime::Sched};
    if (clock_id == abi::CLOCK_THREAD_CPUTIME_ID) return CpuClock{0, true, CpuTime::Sched};
    const int which = clock_id & kWhichMask;
    if (clock_id >= 0 || which >= int(kCpuTimes)) return std::nullopt;
    return CpuClock{.pid = ~(clock_id >> 3),
                    .per_thread = (clock_id & kPerThread) != 0,
                    .which = static_cast<CpuTime>(which)};
}

Task* find_clock_task(const CpuClock& clock) {
    Task& self = sched::current();
    if (clock.pid == 0) return clock.per_thread ? &self : self.signal->leader;
    Task* const task = sched::find_task(clock.pid);
    if (task == nullptr || task->signal == nullptr) return nullptr;
    if (clock.per_thread) return task->signal == self.signal ? task : nullptr;
    return task->signal->leader == task ? task : nullptr;
}

u64 sample_cpu_clock(const CpuClock& clock, Task& task) {
    if (clock.per_thread) {
        if (clock.which != CpuTime::Virt) return sched::task_runtime(task);
        return sched::cpu_times(task).user_ns;
    }
    const CpuTimes times = process_times_locked(task);
    return clock.which == CpuTime::Virt ? times.user_ns : times.user_ns + times.system_ns;
}

Result<u64> read_cpu_clock(const CpuClock& clock) {
    Task& self = sched::current();
    const bool own_thread = clock.pid == 0 || clock.pid == self.pid;
    if (clock.per_thread && own_thread && clock.which != CpuTime::Virt) {
        return sched::task_runtime(self);
    }
    IrqGuard guard(tasks_lock);
    Task* task = find_clock_task(clock);
    if (task == nullptr && !clock.per_thread && own_thread) task = self.signal->leader;
    if (task == nullptr) return EINVAL;
    return sample_cpu_clock(clock, *task);
}

Result<u64> cpu_clock_resolution_ns(const CpuClock& clock) {
    TRY(read_cpu_clock(clock));
    return clock.which == CpuTime::Sched ? u64{1} : sched::kTickNs;
}

}  // namespace process
