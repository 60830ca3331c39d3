// Probes of lab 03-scheduling: who goes on, when. For a running kernel only.
//
//   sched_wake      in: pairs u32 state (interruptible 1, uninterruptible 2, killable 258), u32
//                   states. A thread sleeps in the one, and is woken with the other.
//                   out: for each u8 what try_to_wake_up() said, u8 whether the thread went on, u8
//                   what it says when the thread is awake, u8 the state that it went on with
//   sched_gap       in: u8 what happens (Gap) between set_current_state() and schedule(), u64
//                   rescue_ns after which the task is woken anyway.
//                   out: u64 ns until it went on, u8 whether it had to be rescued
//   sched_preempt   in: u8 rt_priority of a thread that an interrupt wakes while this one works, u8
//                   whether preemption is off for the first half of that work; u64 work_ns
//                   out: u64 ns from the wake-up to the thread's first instruction, u8 whether it
//                   came during the work, u8 whether it came while preemption was off
//   sched_timeline  in: u32 n. out: u64 ticks of the time-stamp counter for kPairs times erase()
//   and
//                   insert() of a task, among n that wait

#include <atomic>
#include <new>

#include "abi/sched.h"
#include "arch/cpu.h"
#include "core/time/clock.h"
#include "core/time/hrtimer.h"
#include "fs/debugfs/probe.h"
#include "init/probes/bytes.h"
#include "mm/vmalloc.h"
#include "sched/class/timeline.h"
#include "sched/kthread.h"
#include "sched/policy.h"
#include "sched/sched.h"
#include "sched/timeout.h"

namespace probes {
namespace {

using sched::Task;

/// Interrupts on this processor at a moment, and wakes a task.
struct Alarm {
    static time::Restart ring(time::HrTimer& timer) {
        auto& self = reinterpret_cast<Alarm&>(timer);  // its first member
        self.rang_ns = time::now_ns();
        self.said = sched::try_to_wake_up(self.task, sched::kWakeable);
        return time::Restart::No;
    }
    explicit Alarm(Task& whom) : task(whom) {}
    ~Alarm() { timer.cancel(); }
    void start(u64 at_ns) { timer.start(at_ns, time::TimerMode::AbsolutePinned); }

    time::HrTimer timer{ring};
    Task& task;
    u64 rang_ns = 0;
    bool said = false;
};

void busy_until(u64 ns) {
    while (time::now_ns() < ns) arch::cpu_relax();
}

/// A thread that sleeps once and tells when it went on.
class Sleeper {
public:
    explicit Sleeper(u32 state) : state_(state) {}
    /// False if there is no memory. `priority`: of SCHED_FIFO; 0: a fair thread.
    bool start(u32 priority, u64 cpus) {
        Result<Task*> made = sched::kthread_create(run, this, "sleeper");
        if (!made.ok()) return false;
        task_ = made.value();
        task_->ref_count.inc();
        task_->cpus_allowed = cpus;
        sched::wake_up_new_task(*task_);
        if (priority != 0) {
            const sched::SchedParams fifo{.policy = abi::SCHED_FIFO, .rt_priority = priority};
            (void)sched::set_scheduler(*task_, fifo).ok();
        }
        return true;
    }
    bool wait_until_asleep() const {
        for (u32 i = 0; i < 1000 && (!told_ || task_->on_rq != 0); i++) sched::msleep(1);
        return task_->on_rq == 0;
    }
    /// Whether it has gone on, after a while.
    bool goes_on() const {
        for (u32 i = 0; i < 5 && !awake_; i++) sched::msleep(1);
        return awake_;
    }
    /// Makes sure that it ends; false if it does not.
    bool finish() {
        for (u32 i = 0; i < 500 && !awake_; i++) {
            sched::try_to_wake_up(*task_, state_);
            sched::msleep(1);
        }
        may_end_ = true;
        for (u32 i = 0; i < 500 && !gone_; i++) sched::msleep(1);
        if (task_->ref_count.dec_and_test()) Task::release(task_);
        return gone_;
    }
    Task& task() const { return *task_; }
    bool awake() const { return awake_; }
    u64 awake_ns() const { return awake_ns_; }
    u32 state_then() const { return state_then_; }

private:
    static void run(void* argument) {
        Sleeper& self = *static_cast<Sleeper*>(argument);
        sched::set_current_state(self.state_);
        self.told_ = true;
        sched::schedule();
        self.awake_ns_ = time::now_ns();
        self.state_then_ = sched::current().state.load();
        sched::current().state.store(sched::kRunning);
        self.awake_ = true;
        while (!self.may_end_) sched::msleep(1);
        self.gone_ = true;
    }

    Task* task_ = nullptr;
    const u32 state_;
    std::atomic<bool> told_{false}, awake_{false}, may_end_{false}, gone_{false};
    u64 awake_ns_ = 0;
    u32 state_then_ = 0;
};

/// Threads may never come back to their Sleeper; then it stays, and no other is made.
constinit std::atomic<bool> busy{false};
alignas(Sleeper) constinit std::byte sleeper_room[sizeof(Sleeper)]{};
Sleeper* new_sleeper(u32 state, u32 priority, u64 cpus) {
    auto* const sleeper = new (sleeper_room) Sleeper(state);
    return sleeper->start(priority, cpus) ? sleeper : nullptr;
}

Result<void> wake_one(u32 state, u32 states, ByteWriter& answer) {
    Sleeper* const sleeper = new_sleeper(state, 0, ~u64{0});
    if (sleeper == nullptr) return ENOMEM;
    const bool asleep = sleeper->wait_until_asleep();
    const bool said = asleep && sched::try_to_wake_up(sleeper->task(), states);
    const bool went_on = sleeper->goes_on();
    answer.put(u8{said});
    answer.put(u8{went_on});
    answer.put(u8{went_on && sched::try_to_wake_up(sleeper->task(), ~(1u | 2u | 256u))});
    answer.put(u8(sleeper->state_then()));
    return sleeper->finish() && asleep ? Result<void>() : ETIMEDOUT;
}

bool is_sleeping_state(u32 state) { return state == 1 || state == 2 || state == 258; }

Result<usize> run_wake(std::span<const std::byte> in, std::span<std::byte> out) {
    if (busy.exchange(true)) return EBUSY;
    ByteReader input(in);
    ByteWriter answer(out);
    Result<void> done{};
    while (done.ok() && input.left() >= 8) {
        const auto state = input.take<u32>(), states = input.take<u32>();
        if (!is_sleeping_state(state)) return EINVAL;
        done = wake_one(state, states, answer);
    }
    if (!done.ok()) return done.error();  // and stays busy
    busy = false;
    return answer.result();
}

// --- between set_current_state() and schedule() -------------------------------------------------

enum Gap : u8 {
    kWoken,      // a wake-up in an interrupt
    kPreempted,  // somebody more urgent runs for a moment
    kNothing
};
constexpr u64 kSoonNs = 30'000;

Result<usize> run_gap(std::span<const std::byte> in, std::span<std::byte> out) {
    ByteReader input(in);
    const auto what = input.take<u8>();
    const auto rescue = input.take<u64>();
    if (!input.ok() || what > kNothing || rescue > time::kNsPerSec) return EINVAL;
    if (busy.exchange(true)) return EBUSY;
    Task& me = sched::current();
    const u64 old_cpus = me.cpus_allowed;
    const u64 here = u64{1} << me.cpu.load();
    if (!sched::set_cpus_allowed(me, here).ok()) return EINVAL;
    Sleeper* const urgent = new_sleeper(sched::kInterruptible, 50, here);
    if (urgent == nullptr || !urgent->wait_until_asleep()) return ENOMEM;
    u64 took;
    bool rescued;
    {
        Alarm event(what == kPreempted ? urgent->task() : me), rescuer(me);
        const u64 begin = time::now_ns();
        rescuer.start(begin + rescue);
        sched::set_current_state(sched::kInterruptible);
        if (what != kNothing) {
            event.start(begin + kSoonNs);
            busy_until(begin + 3 * kSoonNs);
        }
        if (what != kPreempted) sched::schedule();
        sched::current().state.store(sched::kRunning);
        took = time::now_ns() - begin;
        rescued = rescuer.rang_ns != 0;
    }
    const bool gone = urgent->finish();
    (void)sched::set_cpus_allowed(me, old_cpus).ok();
    if (!gone) return ETIMEDOUT;
    busy = false;
    ByteWriter answer(out);
    answer.put(took);
    answer.put(u8{rescued});
    return answer.result();
}

// --- preemption ---------------------------------------------------------------------------------

Result<usize> run_preempt(std::span<const std::byte> in, std::span<std::byte> out) {
    ByteReader input(in);
    const auto priority = input.take<u8>(), off = input.take<u8>();
    const auto work = input.take<u64>();
    if (!input.ok() || priority > 99 || work > time::kNsPerSec) return EINVAL;
    if (busy.exchange(true)) return EBUSY;
    Task& me = sched::current();
    const u64 old_cpus = me.cpus_allowed;
    const u64 here = u64{1} << me.cpu.load();
    if (!sched::set_cpus_allowed(me, here).ok()) return EINVAL;
    Sleeper* const other = new_sleeper(sched::kInterruptible, priority, here);
    if (other == nullptr || !other->wait_until_asleep()) return ENOMEM;
    bool early = false, meanwhile = false;
    u64 rang = 0;
    {
        Alarm alarm(other->task());
        const u64 begin = time::now_ns();
        if (off == 0) {
            alarm.start(begin + kSoonNs);
        } else {
            PreemptGuard stay;
            alarm.start(begin + kSoonNs);
            busy_until(begin + work / 2);
            early = other->awake();
        }
        busy_until(begin + work);
        meanwhile = other->awake();
        rang = alarm.rang_ns;
    }
    other->goes_on();
    const u64 late = other->awake() ? other->awake_ns() - rang : ~u64{0};
    const bool gone = other->finish();
    (void)sched::set_cpus_allowed(me, old_cpus).ok();
    if (!gone) return ETIMEDOUT;
    busy = false;
    ByteWriter answer(out);
    answer.put(late);
    answer.put(u8{meanwhile});
    answer.put(u8{early});
    return answer.result();
}

// --- what the timeline costs --------------------------------------------------------------------

constexpr u32 kMostTasks = 8192, kPairs = 64;

u64 time_pairs(sched::Timeline& line, Task* tasks, u32 count) {
    u64 sum = 0;
    for (u32 i = 0; i < kPairs; i++) {
        Task& task = tasks[u64{i} * 7919 % count];
        IrqOffGuard alone;
        const u64 begin = arch::rdtsc();
        line.erase(task);
        task.se.vruntime += 1'000'003;
        line.insert(task);
        sum += arch::rdtsc() - begin;
    }
    return sum;
}

Result<usize> run_timeline(std::span<const std::byte> in, std::span<std::byte> out) {
    ByteReader input(in);
    const auto count = input.take<u32>();
    if (!input.ok() || count == 0 || count > kMostTasks) return EINVAL;
    auto* const tasks = static_cast<Task*>(TRY(mm::vmalloc(count * sizeof(Task))));
    sched::Timeline line;
    // In the order of their times: what leaves a careless tree deepest.
    for (u32 i = 0; i < count; i++) {
        new (&tasks[i]) Task;
        tasks[i].se.vruntime = u64{i} * 1000;
        line.insert(tasks[i]);
    }
    const u64 ticks = time_pairs(line, tasks, count);
    while (Task* first = line.first()) line.erase(*first);
    mm::vfree(tasks);
    ByteWriter answer(out);
    answer.put(ticks);
    return answer.result();
}

PROBE(wake) = {.name = "sched_wake", .run = run_wake};
PROBE(gap) = {.name = "sched_gap", .run = run_gap};
PROBE(preempt) = {.name = "sched_preempt", .run = run_preempt};
PROBE(timeline) = {.name = "sched_timeline", .run = run_timeline};

}  // namespace
}  // namespace probes
