// The scheduler's tick, idling, and who used how much time. Linux: kernel/sched/{core,idle,
// loadavg,cputime}.c.
//
// A processor ticks only while it runs a task (core/time/tick/tick.h). At each tick the time since
// the last one is charged to user or system mode by what was interrupted; the exact sum is
// sum_exec_runtime, and the ticks tell how it divides.

#include <array>

#include "core/irq/entry.h"
#include "core/irq_work/irq_work.h"
#include "core/percpu/context_tracking.h"
#include "core/rcu/quiescent.h"
#include "core/softirq/softirq.h"
#include "core/time/clock.h"
#include "core/time/tick/tick.h"
#include "core/time/timekeeping.h"
#include "core/time/wheel/run.h"
#include "sched/run_queue.h"
#include "sched/sched.h"

namespace sched {

namespace {

/// Room for a RunQueue, built by init(): it has a timer, and those may not be global objects
/// because they have a destructor.
struct alignas(RunQueue) RunQueueRoom {
    std::byte bytes[sizeof(RunQueue)];
};
PER_CPU RunQueueRoom run_queue_room{};

constexpr u64 kLoadPeriodNs = 5 * time::kNsPerSec;
constexpr u64 kFixed1 = 1 << 11;
// exp(-5 s / 1, 5, 15 min) with 11 fraction bits.
constexpr u64 kDecay[3] = {1884, 2014, 2037};

/// What a processor has spent on behalf of nobody.
u64 interrupt_ns(unsigned cpu) { return irq::time_ns(cpu) + softirq::time_ns(cpu); }

struct LoadState {
    SpinLock lock{"load_avg", LockRank::Clock};
    u64 averages[3] = {};
    u64 next_ns = kLoadPeriodNs;
};
constinit LoadState load_state;
constinit std::atomic<u64> forks{0};

u64 ready_tasks() {
    u64 sum = 0;
    for_each_cpu(online_cpus, [&](unsigned cpu) { sum += cpu_rq(cpu).nr_running; });
    return sum;
}

/// Brings the averages up to date; whoever looks or ticks does it.
void update_load(u64 now) {
    if (now < load_state.next_ns) return;
    const u64 asleep = nr_uninterruptible() * kFixed1;
    const u64 active = ready_tasks() * kFixed1 + asleep;
    IrqGuard guard(load_state.lock);
    // After a long idle time many periods are due; in all but the last nothing ran.
    for (unsigned steps = 0; now >= load_state.next_ns; load_state.next_ns += kLoadPeriodNs) {
        if (++steps > 1000) {
            load_state.next_ns = now + kLoadPeriodNs;
            break;
        }
        const bool is_last = now < load_state.next_ns + kLoadPeriodNs;
        for (unsigned i = 0; i < 3; i++) {
            u64& load = load_state.averages[i];
            const u64 then = is_last ? active : asleep;
            load = (load * kDecay[i] + then * (kFixed1 - kDecay[i])) / kFixed1;
        }
    }
}

void account_tick(RunQueue& rq, Task& task, u64 now) REQUIRES(rq.lock) {
    u64 delta = now - rq.last_tick_ns;
    rq.last_tick_ns = now;
    delta -= rq.interrupt_part(delta);
    const arch::TrapFrame* frame = irq::current_frame();
    const bool user = frame != nullptr && frame->from_user();
    u64& user_part = task.nice > 0 ? rq.nice_ns : rq.user_ns;
    (user ? user_part : rq.system_ns) += delta;
    (user ? task.user_ns : task.system_ns).fetch_add(delta, std::memory_order_relaxed);
}

/// Charges the running task, and sees whether its slice is over. False while idle.
bool scheduler_tick(RunQueue& rq, u64 now) {
    IrqGuard guard(rq.lock);
    const bool busy = rq.current != rq.idle;
    if (busy) {
        rq.update_curr();
        account_tick(rq, *rq.current, now);
    }
    if (rq.slice_is_over()) resched_curr(rq);
    return busy;
}

}  // namespace

void update_process_times(u64 now, bool keeper) {
    RunQueue& rq = this_rq();
    if (keeper) time::update_wall_time(now);
    const bool busy = scheduler_tick(rq, now);
    time::run_local_timers();
    rcu::sched_clock_irq();
    irq_work::tick();
    if (busy && task_tick_hook != nullptr) task_tick_hook(current(), now);
    if (rq.nr_running > 1) kick_idle_cpu();
    note_balance_is_due(rq, now);
    if (keeper) update_load(now);
}

u64 nr_uninterruptible() {
    i64 sum = 0;
    for_each_cpu(possible_cpus, [&](unsigned cpu) { sum += cpu_rq(cpu).uninterruptible; });
    return sum > 0 ? u64(sum) : 0;
}

RunQueue& this_rq() { return reinterpret_cast<RunQueue&>(this_cpu(run_queue_room)); }
RunQueue& cpu_rq(unsigned cpu) { return reinterpret_cast<RunQueue&>(per_cpu(run_queue_room, cpu)); }

Task& idle_task(unsigned cpu) { return *cpu_rq(cpu).idle; }

void RunQueue::enter_idle() {
    idle_since_ns = time::now_ns();
    idle_switches++;
    time::tick_idle_enter(idle_since_ns);
    irq_work::note_tick_stops();
}

u64 RunQueue::interrupt_part(u64 delta) {
    const u64 total = interrupt_ns(cpu);
    const u64 part = std::min(delta, total - last_interrupt_ns);
    last_interrupt_ns = total;
    return part;
}

void RunQueue::leave_idle() {
    const u64 now = time::now_ns();
    time::update_wall_time(now);  // nobody may have ticked for long
    if (idle_since_ns != 0) {
        const u64 delta = now - idle_since_ns;
        idle_ns += delta - interrupt_part(delta);
    }
    idle_since_ns = 0;
    last_tick_ns = now;
    irq_work::note_tick_goes_on();
    time::tick_idle_exit(now);
}

/// Sleeps until the next interrupt, unless there is something to do. Preemption is off: an
/// interrupt must return here, where the processor becomes busy again for others.
static void idle_sleep() {
    rcu::prepare_idle();
    arch::irq_disable();
    if (!need_resched()) time::tick_idle_reevaluate();
    context::idle_enter();
    if (need_resched() || rcu::idle_must_stay_awake()) {
        arch::irq_enable();
    } else {
        arch::irq_enable_and_halt();
    }
    context::idle_exit();
}

void cpu_idle_loop() NO_LOCK_ANALYSIS {
    this_rq().enter_idle();
    for (;;) {
        preempt_disable();
        while (!need_resched()) idle_sleep();
        preempt_enable_no_resched();
        schedule();
    }
}

/// total * part / whole without overflow, for part <= whole; exact to 32 bits.
static u64 share_of(u64 total, u64 part, u64 whole) {
    for (; whole >> 32 != 0; whole >>= 1) part >>= 1;
    return total / whole * part + total % whole * part / whole;
}

void (*task_tick_hook)(Task& task, u64 now_ns) = nullptr;

u64 task_runtime(const Task& task) {
    for (;;) {
        RunQueue& rq = cpu_rq(task.cpu.load(std::memory_order_relaxed));
        IrqGuard guard(rq.lock);
        if (task.cpu.load(std::memory_order_relaxed) != rq.cpu) continue;  // it moved meanwhile
        if (rq.current == &task) rq.update_curr();
        return task.se.sum_exec_runtime;
    }
}

CpuTimes cpu_times(const Task& task) {
    const u64 user = task.user_ns.load(std::memory_order_relaxed);
    const u64 system = task.system_ns.load(std::memory_order_relaxed);
    const u64 total = task_runtime(task);
    if (user == 0) return {0, total};
    const u64 user_share = share_of(total, user, user + system);
    return {user_share, total - user_share};
}

CpuStats cpu_stats(unsigned cpu) {
    const RunQueue& rq = cpu_rq(cpu);
    CpuStats stats{.user_ns = rq.user_ns,
                   .nice_ns = rq.nice_ns,
                   .system_ns = rq.system_ns,
                   .idle_ns = rq.idle_ns,
                   .irq_ns = irq::time_ns(cpu),
                   .softirq_ns = softirq::time_ns(cpu),
                   .switches = rq.switches,
                   .running = rq.nr_running};
    const u64 since = rq.idle_since_ns;
    if (since != 0) {
        const u64 delta = time::now_ns() - since;
        stats.idle_ns += delta - std::min(delta, interrupt_ns(cpu) - rq.last_interrupt_ns);
    }
    return stats;
}

void load_averages(u64 (&averages)[3]) {
    update_load(time::now_ns());
    IrqGuard guard(load_state.lock);
    for (unsigned i = 0; i < 3; i++) averages[i] = load_state.averages[i];
}

u64 total_forks() { return forks.load(std::memory_order_relaxed); }
void count_fork() { forks.fetch_add(1, std::memory_order_relaxed); }

}  // namespace sched
