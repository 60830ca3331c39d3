// Lending priorities: along chains, back again, and what it is for: an inversion that ends.

#include "sched/lock/rt_mutex.h"

#include "abi/sched.h"
#include "core/log/panic.h"
#include "lib/test.h"
#include "sched/kthread.h"
#include "sched/policy.h"
#include "sched/run_queue.h"
#include "sched/test_wait.h"
#include "sched/tunables.h"

namespace sched {

namespace {

constexpr SchedParams fifo(u32 priority) {
    return {.policy = abi::SCHED_FIFO, .rt_priority = priority};
}
constexpr i32 kNothingLent = kMaxPrio;

/// A task to whom things are done: others join queues for it. It sleeps until this dies.
class Sleeper {
public:
    explicit Sleeper(u32 rt_priority = 0) : waiter(start()) {
        if (rt_priority != 0) set(rt_priority);
    }
    ~Sleeper() {
        stop_ = true;
        (void)comes_true([&] { return ended_.load(); });
        Ref<Task>::adopt(&task()).reset();
    }
    Sleeper(const Sleeper&) = delete;

    void set(u32 rt_priority) { ASSERT(set_scheduler(task(), fifo(rt_priority)).ok()); }
    Task& task() { return waiter.task; }
    i32 lent() { return task().boost_prio; }

private:
    Task& start() {
        Task* task = kthread_run(sleep, this, "rt_sleeper").take();
        task->ref_count.inc();
        return *task;
    }
    static void sleep(void* self) {
        Sleeper& me = *static_cast<Sleeper*>(self);
        while (!me.stop_) nap(time::kNsPerMs);
        me.ended_ = true;
    }

    std::atomic<bool> stop_{false}, ended_{false};

public:
    RtWaiter waiter;
};

}  // namespace

TEST(rt_mutex_lends_along_chains, "sched.rt_mutex.chain") {
    Sleeper low, middle(20), high(30);
    RtMutex first, second;
    EXPECT(first.init_proxy_locked(low.task()).ok());
    EXPECT(second.init_proxy_locked(middle.task()).ok());
    EXPECT(first.join(middle.waiter).ok());
    EXPECT_EQ(low.lent(), prio_of_rt(20));
    EXPECT(second.join(high.waiter).ok());
    EXPECT_EQ(middle.lent(), prio_of_rt(30));
    EXPECT_EQ(low.lent(), prio_of_rt(30));
    EXPECT_EQ(low.task().policy, u32{abi::SCHED_OTHER});
    EXPECT(second.join(low.waiter).error() == EDEADLK);
    EXPECT(first.join(low.waiter).error() == EDEADLK);
    // A waiter's own priority changes.
    high.set(40);
    EXPECT_EQ(low.lent(), prio_of_rt(40));
    second.leave(high.waiter);
    EXPECT_EQ(middle.lent(), kNothingLent);
    EXPECT_EQ(low.lent(), prio_of_rt(20));
    first.leave(middle.waiter);
    EXPECT_EQ(low.lent(), kNothingLent);
}

TEST(rt_mutex_is_granted_in_order, "sched.rt_mutex.order") {
    Sleeper owner, fair, also_fair, low(10), high(30);
    RtMutex mutex;
    EXPECT(mutex.init_proxy_locked(owner.task()).ok());
    Sleeper* const comers[] = {&fair, &also_fair, &high, &low};
    for (Sleeper* comer : comers) EXPECT(mutex.join(comer->waiter).ok());
    set_user_nice(also_fair.task(), -10);  // does not jump the queue
    low.set(35);                           // does
    Sleeper* const order[] = {&low, &high, &fair, &also_fair};
    Sleeper* holder = &owner;
    for (Sleeper* next : order) {
        EXPECT(mutex.top_waiter() == &next->waiter);
        mutex.grant(next->waiter);
        EXPECT(next->waiter.is_granted && mutex.owner_pid() == next->task().pid);
        EXPECT_EQ(holder->lent(), kNothingLent);
        holder = next;
    }
}

TEST(rt_mutex_outlives_its_holder, "sched.rt_mutex.owner_dies") {
    Sleeper owner, waiter(20), urgent(30);
    RtMutex held, unknown;
    EXPECT(held.init_proxy_locked(owner.task()).ok());
    EXPECT(held.join(waiter.waiter).ok());
    EXPECT(!held.is_turn_of(waiter.waiter));
    rt_mutex_release_all(owner.task(), RtRelease::Ends);
    EXPECT_EQ(owner.lent(), kNothingLent);
    EXPECT_EQ(held.owner_pid(), 0);
    EXPECT(unknown.init_proxy_locked(owner.task()).error() == ESRCH);
    EXPECT(held.is_turn_of(waiter.waiter));
    EXPECT(held.join(urgent.waiter).ok());
    EXPECT(!held.is_turn_of(waiter.waiter) && held.is_turn_of(urgent.waiter));
    held.grant(urgent.waiter);
    EXPECT_EQ(urgent.lent(), prio_of_rt(20));
    held.leave(waiter.waiter);
}

namespace {

/// Three tasks on one processor: `low` holds what `high` waits for, and `middle` uses the processor
/// until `high` has it. It gives up after a time, for otherwise a failure would be a hang.
struct Inversion {
    static constexpr u64 kPatience = 3'000'000'000;
    static constexpr u32 kLow = 20, kMiddle = 50, kHigh = 80;

    RtMutex mutex;
    std::atomic<bool> is_held{false}, is_wanted{false}, high_has_it{false}, gave_up{false};
    std::atomic<u32> ended{0};

    static void low(void* context) {
        Inversion& me = *static_cast<Inversion*>(context);
        ASSERT(me.mutex.init_proxy_locked(current()).ok());
        me.is_held = true;
        // Holds it until somebody waits, and then needs the processor to let go.
        while (me.mutex.top_waiter() == nullptr) nap(time::kNsPerMs);
        for (unsigned i = 0; i < 100'000; i++) arch::cpu_relax();
        me.mutex.grant(*me.mutex.top_waiter());
        me.ended++;
    }
    static void middle(void* context) {
        Inversion& me = *static_cast<Inversion*>(context);
        const u64 end = time::now_ns() + kPatience;
        while (!me.high_has_it.load() && !me.gave_up.load()) {
            if (time::now_ns() > end) me.gave_up = true;
            arch::cpu_relax();
        }
        me.ended++;
    }
    static void high(void* context) {
        Inversion& me = *static_cast<Inversion*>(context);
        RtWaiter waiter(current());
        ASSERT(me.mutex.join(waiter).ok());
        Result<RtWaited> waited = rt_mutex_wait(waiter, kForever);
        me.high_has_it = waited.ok() && waited.value() == RtWaited::Granted;
        rt_mutex_release_all(current(), RtRelease::GoesOn);
        me.ended++;
    }

    void start(void (*run)(void*), u32 priority) {
        Task* task = kthread_create(run, this, "inversion").take();
        ASSERT(set_cpus_allowed(*task, 1).ok());
        ASSERT(set_scheduler(*task, fifo(priority)).ok());
        wake_up_new_task(*task);
    }
};

}  // namespace

TEST(rt_mutex_ends_an_inversion, "sched.rt_mutex.inversion") {
    const i64 before = tunables.rt_runtime_ns.exchange(-1);
    EXPECT(set_scheduler(current(), fifo(95)).ok());
    Inversion inversion;
    inversion.start(Inversion::low, Inversion::kLow);
    EXPECT(comes_true([&] { return inversion.is_held.load(); }));
    inversion.start(Inversion::middle, Inversion::kMiddle);
    inversion.start(Inversion::high, Inversion::kHigh);
    EXPECT(comes_true([&] { return inversion.ended == 3; }));
    EXPECT(inversion.high_has_it && !inversion.gave_up);
    EXPECT(set_scheduler(current(), {.policy = abi::SCHED_OTHER}).ok());
    tunables.rt_runtime_ns = before;
}

}  // namespace sched
