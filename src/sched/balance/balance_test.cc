// Tasks that move: by the stop class' thread, and by weight.

#include "core/log/panic.h"
#include "core/percpu/percpu.h"
#include "lib/test.h"
#include "sched/balance/stopper.h"
#include "sched/kthread.h"
#include "sched/policy.h"
#include "sched/run_queue.h"
#include "sched/test_wait.h"

namespace sched {

namespace {

constinit std::atomic<bool> spin_stops{false};
constinit std::atomic<u32> spinning{0};

void spin(void*) {
    while (!spin_stops.load(std::memory_order_relaxed)) arch::cpu_relax();
    spinning.fetch_sub(1);
}

/// Threads that use the processors in `cpus` until this dies.
template <unsigned N>
class Crowd {
public:
    explicit Crowd(u64 cpus) {
        spin_stops = false;
        spinning = N;
        for (Task*& task : tasks_) {
            task = kthread_create(spin, nullptr, "crowd").take();
            task->ref_count.inc();
            task->cpus_allowed = cpus;
            wake_up_new_task(*task);
        }
    }
    ~Crowd() {
        spin_stops = true;
        while (spinning.load() > 0) nap(time::kNsPerMs);
        for (Task* task : tasks_) Ref<Task>::adopt(task).reset();
    }
    Task& operator[](unsigned i) { return *tasks_[i]; }
    unsigned on(unsigned cpu) const {
        unsigned count = 0;
        for (Task* task : tasks_) count += task->cpu.load() == cpu;
        return count;
    }

private:
    Task* tasks_[N];
};

/// Somebody who dozes off again and again, and somebody else who pushes it from one processor to
/// another meanwhile.
struct Drowsy {
    Task* task = nullptr;
    std::atomic<bool> stops{false};
    std::atomic<u32> ended{0};
    u64 rounds = 0;
};

void doze(void* to) {
    Drowsy& self = *static_cast<Drowsy*>(to);
    while (!self.stops) {
        set_current_state(kInterruptible);
        for (unsigned i = 0; i < 100; i++) arch::cpu_relax();  // may be sent away here
        schedule();
        self.rounds++;
    }
    self.ended++;
}

void shift_about(void* to) {
    Drowsy& self = *static_cast<Drowsy*>(to);
    while (self.task == nullptr) yield();
    for (u32 i = 0; !self.stops; i++) (void)set_cpus_allowed(*self.task, 1 + i % 2);
    self.ended++;
}

struct Seen {
    u32 cpu = ~0u;
    i32 prio = 0;
    bool may_sleep = true;
};

void look(void* to) {
    Seen& seen = *static_cast<Seen*>(to);
    seen = {cpu_id(), current().prio, preempt_depth() == 0};
}

}  // namespace

TEST(stopper_preempts_everybody, "sched.stopper.runs_there") {
    Crowd<2> crowd(online_cpus.bits());
    for (unsigned cpu = 0; cpu < kMaxCpus; cpu++) {
        if (!online_cpus.has(cpu)) continue;
        Seen seen;
        EXPECT(stop_one_cpu(cpu, look, &seen));
        EXPECT_EQ(seen.cpu, cpu);
        EXPECT_EQ(seen.prio, kStopPrio);
        EXPECT(!seen.may_sleep);
    }
}

// Not soon, but before the call returns; although the task runs, and does not want to stop.
TEST(affinity_is_obeyed_at_once, "sched.stopper.affinity") {
    if (!online_cpus.has(1)) return;
    Crowd<1> crowd(3);
    for (unsigned i = 0; i < 40; i++) {
        const unsigned cpu = i & 1;
        EXPECT(set_cpus_allowed(crowd[0], u64{1} << cpu).ok());
        if (crowd[0].cpu.load() != cpu) {
            EXPECT_EQ(crowd[0].cpu.load(), cpu);
            return;
        }
    }
}

// Four threads are on one processor, none on the other, and a fifth keeps the other from being
// idle: what evens them out is the look now and then.
TEST(busy_processors_even_out, "sched.balance.periodic") {
    if (!online_cpus.has(1)) return;
    Crowd<6> crowd(1);
    (void)set_cpus_allowed(crowd[0], 2);
    EXPECT_EQ(crowd.on(0), 5u);
    for (unsigned i = 1; i < 6; i++) EXPECT(set_cpus_allowed(crowd[i], 3).ok());
    EXPECT(comes_true([&] { return crowd.on(0) == 3; }));
}

// A task that is about to sleep is sent to another processor, and woken while it is on its way: it
// must be put on one queue, once.
TEST(waking_somebody_who_moves, "sched.balance.wake_race") {
    if (!online_cpus.has(2)) return;
    Drowsy drowsy;
    drowsy.task = kthread_run(doze, &drowsy, "drowsy").take();
    drowsy.task->ref_count.inc();
    Task* const shifter = kthread_run(shift_about, &drowsy, "shifter").take();
    (void)set_cpus_allowed(*shifter, 4);
    const u64 end = time::now_ns() + 300 * time::kNsPerMs;
    for (u32 i = 0; time::now_ns() < end; i++) {
        try_to_wake_up(*drowsy.task, kInterruptible);
        if (i % 64 == 0) yield();
    }
    drowsy.stops = true;
    EXPECT(comes_true([&] {
        try_to_wake_up(*drowsy.task, kInterruptible);
        return drowsy.ended.load() == 2;
    }));
    EXPECT(drowsy.rounds > 0);
    Ref<Task>::adopt(drowsy.task).reset();
}

TEST(stop_task_cannot_be_changed, "sched.stopper.policy") {
    Seen seen;
    Task* stopper = nullptr;
    EXPECT(stop_one_cpu(
        0, [](void* to) { *static_cast<Task**>(to) = &current(); }, &stopper));
    EXPECT(stopper != nullptr && !set_scheduler(*stopper, {}).ok());
    EXPECT(stop_one_cpu(0, look, &seen));
    EXPECT_EQ(seen.prio, kStopPrio);
}

}  // namespace sched
