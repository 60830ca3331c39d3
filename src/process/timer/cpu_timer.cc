// See cpu_timer.h.

#include "process/timer/cpu_timer.h"

#include "core/time/clock.h"
#include "mm/own.h"
#include "process/process.h"
#include "process/signal_internal.h"
#include "process/timer/sched_limits.h"

namespace process {

using sched::CpuTimers;

namespace {

constexpr u64 kNever = ~u64{0};

/// The task's times by CpuTime.
struct Samples {
    u64 ns[kCpuTimes];
    u64 of(CpuTime which) const { return ns[static_cast<unsigned>(which)]; }
};

Samples samples_of(u64 user_ns, u64 system_ns) {
    const u64 all = user_ns + system_ns;
    return {{all, user_ns, all}};
}

/// Lets everything that is due expire; returns how much is missing for what comes first.
u64 run_queues(CpuTimers& timers, const Samples& now) REQUIRES(tasks_lock) {
    u64 missing = kNever;
    for (unsigned which = 0; which < kCpuTimes; which++) {
        auto& queue = timers.queue[which];
        while (CpuTimer* timer = queue.first()) {
            if (timer->expires_ns > now.ns[which]) {
                missing = std::min(missing, timer->expires_ns - now.ns[which]);
                break;
            }
            cancel_cpu_timer(*timer);
            timer->expired(*timer);
        }
    }
    return missing;
}

void send(SignalStruct& signal, int number) REQUIRES(tasks_lock) {
    abi::SigInfo info;
    info.signo = number;
    info.code = abi::SI_KERNEL;
    (void)send_signal_locked(*signal.leader, info, Target::Process);
}

u64 run_itimers(SignalStruct& signal, const Samples& now) REQUIRES(tasks_lock) {
    static constexpr int kSignal[2] = {abi::SIGPROF, abi::SIGVTALRM};
    u64 missing = kNever;
    for (unsigned which = 0; which < 2; which++) {
        CpuTimers::Interval& timer = signal.cpu_timers->itimer[which];
        if (timer.expires_ns == 0) continue;
        if (timer.expires_ns <= now.ns[which]) {
            send(signal, kSignal[which]);
            timer.expires_ns += timer.interval_ns;
            if (timer.interval_ns == 0) timer.expires_ns = 0;
        }
        if (timer.expires_ns == 0) continue;
        const bool due = timer.expires_ns <= now.ns[which];
        missing = std::min(missing, due ? 0 : timer.expires_ns - now.ns[which]);
    }
    return missing;
}

/// RLIMIT_CPU: a warning each second from the soft limit on, the end at the hard one.
u64 check_cpu_limit(SignalStruct& signal, const Samples& now) REQUIRES(tasks_lock) {
    abi::Rlimit& limit = signal.rlimits[abi::RLIMIT_CPU];
    if (limit.current == abi::RLIM_INFINITY) return kNever;
    const u64 used_ns = now.of(CpuTime::Prof), used_sec = used_ns / time::kNsPerSec;
    if (limit.maximum != abi::RLIM_INFINITY && used_sec >= limit.maximum) {
        send(signal, abi::SIGKILL);
        return kNever;
    }
    if (used_sec >= limit.current) {
        send(signal, abi::SIGXCPU);
        limit.current++;
    }
    const u64 next_sec = std::min(limit.current, limit.maximum);
    if (next_sec > kNever / time::kNsPerSec || next_sec <= used_sec) {
        return next_sec <= used_sec ? 0 : kNever;
    }
    return next_sec * time::kNsPerSec - used_ns;
}

void check_thread(Task& task, u64 now_ns) REQUIRES(tasks_lock) {
    task.cpu_check_ns.store(kNever);
    if (task.cpu_timers == nullptr) return;
    const sched::CpuTimes times = sched::cpu_times(task);
    const u64 missing = run_queues(*task.cpu_timers, samples_of(times.user_ns, times.system_ns));
    // What just expired may have been started anew, which set the mark to 0.
    if (missing != kNever && task.cpu_check_ns.load() != 0) {
        task.cpu_check_ns.store(now_ns + missing);
    }
}

void check_process(SignalStruct& signal, u64 now_ns) REQUIRES(tasks_lock) {
    signal.cpu_check_ns.store(kNever);
    const CpuTimes times = process_times_locked(*signal.leader);
    const Samples now = samples_of(times.user_ns, times.system_ns);
    u64 missing = check_cpu_limit(signal, now);
    if (signal.cpu_timers != nullptr) {
        missing = std::min(missing, run_itimers(signal, now));
        missing = std::min(missing, run_queues(*signal.cpu_timers, now));
    }
    if (missing != kNever && signal.cpu_check_ns.load() != 0) {
        signal.cpu_check_ns.store(now_ns + missing / online_cpus.count());
    }
}

/// The scheduler's tick: time has passed for this task.
void run_posix_cpu_timers(Task& task, u64 now_ns) {
    if (task.signal == nullptr) return;
    if (task.sched_class == sched::ClassId::RealTime) check_rt_time(task);
    const bool thread_due = task.cpu_check_ns.load(std::memory_order_relaxed) <= now_ns;
    const bool process_due = task.signal->cpu_check_ns.load(std::memory_order_relaxed) <= now_ns;
    if (!thread_due && !process_due) return;
    IrqGuard guard(tasks_lock);
    if (task.thread_link.is_linked() == false) return;  // released: it only has to leave
    if (thread_due) check_thread(task, now_ns);
    if (process_due) check_process(*task.signal, now_ns);
}

CpuTimers*& timers_of(const CpuClock& clock, Task& task) {
    return clock.per_thread ? task.cpu_timers : task.signal->cpu_timers;
}

void forget_all(CpuTimers* timers) REQUIRES(tasks_lock) {
    if (timers == nullptr) return;
    for (auto& queue : timers->queue) {
        while (CpuTimer* timer = queue.first()) cancel_cpu_timer(*timer);
    }
    timers->itimer[0] = timers->itimer[1] = {};
}

}  // namespace

CpuTimersRoom::~CpuTimersRoom() { free_cpu_timers(take()); }

Result<void> CpuTimersRoom::reserve() {
    made_ = TRY(mm::make<CpuTimers>()).leak();
    return {};
}

void start_cpu_timer(CpuTimer& timer, const CpuClock& clock, Task& task, u64 expires_ns,
                     CpuTimersRoom& room) {
    timer.expires_ns = expires_ns;
    timer.which = clock.which;
    if (timers_of(clock, task) == nullptr) timers_of(clock, task) = room.take();
    restart_cpu_timer(timer, clock, task);
}

void restart_cpu_timer(CpuTimer& timer, const CpuClock& clock, Task& task) {
    CpuTimers* const timers = timers_of(clock, task);
    if (timers == nullptr) return;
    if (timer.expires_ns <= sample_cpu_clock(clock, task)) {
        timer.expired(timer);
        return;
    }
    timers->queue[static_cast<unsigned>(timer.which)].insert(timer);
    timer.queue = timers;
    (clock.per_thread ? task.cpu_check_ns : task.signal->cpu_check_ns).store(0);
}

bool cancel_cpu_timer(CpuTimer& timer) {
    CpuTimers* const timers = std::exchange(timer.queue, nullptr);
    if (timers == nullptr) return false;
    timers->queue[static_cast<unsigned>(timer.which)].erase(timer);
    return true;
}

void cpu_timers_exit(Task& task) {
    forget_all(task.cpu_timers);
    if (task.signal->thread_count == 0) forget_all(task.signal->cpu_timers);
}

void free_cpu_timers(CpuTimers* timers) {
    if (timers != nullptr) mm::destroy(timers);
}

// --- interval timers -----------------------------------------------------------------------------

namespace {

/// What is left, and never 0 while it runs.
ItimerValue value_of(const CpuTimers::Interval& timer, u64 now_ns) {
    if (timer.expires_ns == 0) return {0, 0};
    const bool due = timer.expires_ns <= now_ns;
    return {due ? sched::kTickNs : timer.expires_ns - now_ns, timer.interval_ns};
}

}  // namespace

Result<ItimerValue> set_cpu_itimer(CpuTime which, const ItimerValue& value) {
    SignalStruct& signal = *sched::current().signal;
    CpuTimersRoom room;
    if (signal.cpu_timers == nullptr) TRY(room.reserve());
    IrqGuard guard(tasks_lock);
    if (signal.cpu_timers == nullptr) signal.cpu_timers = room.take();
    const u64 now = sample_cpu_clock({0, false, which}, *signal.leader);
    CpuTimers::Interval& timer = signal.cpu_timers->itimer[static_cast<unsigned>(which)];
    const ItimerValue old = value_of(timer, now);
    timer.expires_ns = value.left_ns == 0 ? 0 : now + value.left_ns;
    timer.interval_ns = value.interval_ns;
    recheck_cpu_timers(signal);
    return ItimerValue(old);
}

ItimerValue get_cpu_itimer(CpuTime which) {
    SignalStruct& signal = *sched::current().signal;
    IrqGuard guard(tasks_lock);
    if (signal.cpu_timers == nullptr) return {0, 0};
    return value_of(signal.cpu_timers->itimer[static_cast<unsigned>(which)],
                    sample_cpu_clock({0, false, which}, *signal.leader));
}

// --- sleeping ------------------------------------------------------------------------------------

namespace {

/// Wakes a sleeper when the clock has got there.
struct Sleeper {
    static void wake(CpuTimer& timer) {
        auto& self = *static_cast<Sleeper*>(timer.context);
        self.done = true;
        sched::wake_up_process(self.task);
    }
    CpuTimer timer{wake, this};
    Task& task = sched::current();
    bool done = false;  // guarded by the task list lock
};

}  // namespace

Result<CpuSleep> sleep_on_cpu_clock(const CpuClock& clock, u64 ns, bool absolute) {
    CpuTimersRoom room;
    TRY(room.reserve());
    Sleeper sleeper;
    IrqGuard guard(tasks_lock);
    Task* task = find_clock_task(clock);
    if (task == nullptr) return EINVAL;
    const u64 deadline = absolute ? ns : sample_cpu_clock(clock, *task) + ns;
    start_cpu_timer(sleeper.timer, clock, *task, deadline, room);
    sched::WaitQueue queue;  // nobody else wakes it
    while (!sleeper.done && queue.sleep(tasks_lock).ok()) {
    }
    cancel_cpu_timer(sleeper.timer);
    if (sleeper.done) return CpuSleep{deadline, 0};
    task = find_clock_task(clock);
    const u64 now = task != nullptr ? sample_cpu_clock(clock, *task) : 0;
    return CpuSleep{deadline, now < deadline ? deadline - now : 1};
}

void init_cpu_timers() {
    sched::task_tick_hook = run_posix_cpu_timers;
    init_sched_limits();
}

}  // namespace process
