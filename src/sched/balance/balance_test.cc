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
