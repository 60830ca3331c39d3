// Callbacks come once each, in order, not too early, and in bounded memory.

#include "core/rcu/state.h"
#include "mm/rcu_free.h"
#include "sched/rcu/test_readers.h"

namespace sched {

namespace {

struct Callback {
    RcuHead rcu;
    u32 number;
};
constinit std::atomic<u32> called{0}, out_of_order{0};
constexpr u32 kCallbacks = 500;
constinit Callback callbacks[kCallbacks]{};

void count_call(RcuHead& head) {
    const u32 number = rcu_owner<Callback, &Callback::rcu>(head).number;
    if (called.fetch_add(1) != number) out_of_order.fetch_add(1);
}

void queue_all() {
    called = out_of_order = 0;
    PreemptGuard stay;  // all on one processor
    for (u32 i = 0; i < kCallbacks; i++) {
        callbacks[i].number = i;
        call_rcu(callbacks[i].rcu, count_call);
    }
}

constinit mm::KmemCache flood_cache("rcu_flood", sizeof(Callback), 8, mm::SlabFlags::NoMerge);
constinit std::atomic<u32> freed{0};

void free_one(RcuHead& head) {
    flood_cache.free(&rcu_owner<Callback, &Callback::rcu>(head));
    freed.fetch_add(1, std::memory_order_relaxed);
}

u64 all_queued() {
    u64 sum = 0;
    for_each_cpu(online_cpus, [&](unsigned cpu) { sum += rcu::queued_callbacks(cpu); });
    return sum;
}

}  // namespace

TEST(callbacks_run_in_order, "sched.rcu.callbacks.order") {
    {
        PreemptGuard stay;
        queue_all();
        EXPECT_EQ(called.load(), 0u);  // we are a reader ourselves
    }
    EXPECT(wait_for(called, kCallbacks));
    EXPECT_EQ(out_of_order.load(), 0u);
}

TEST(memory_is_freed_later, "sched.rcu.kfree") {
    struct Note {
        u64 text;
        RcuHead rcu;
    };
    rcu_barrier();
    Note* const note = static_cast<Note*>(mm::kmalloc(sizeof(Note), mm::Gfp::Kernel).take());
    note->text = 0x1234;
    {
        RcuReadGuard guard;
        mm::kfree_rcu<Note, &Note::rcu>(*note);
        EXPECT_EQ(note->text, 0x1234u);
        EXPECT(rcu::queued_callbacks(cpu_id()) > 0);
    }
    rcu_barrier();
}

TEST(barrier_waits_for_all, "sched.rcu.barrier") {
    rcu_barrier();  // with nothing to wait for, perhaps
    for (unsigned round = 0; round < 5; round++) {
        queue_all();
        rcu_barrier();
        EXPECT_EQ(called.load(), kCallbacks);
    }
    EXPECT_EQ(out_of_order.load(), 0u);
}

// A processor that has queued callbacks and sleeps is woken for them.
TEST(sleeping_processors_call_back, "sched.rcu.callbacks.asleep") {
    static constinit RcuHead heads[kMaxCpus];
    called = 0;
    for_each_cpu(online_cpus, [](unsigned cpu) {
        (void)kthread_run(
            [](void* head) {
                move_to(unsigned(static_cast<RcuHead*>(head) - heads));
                call_rcu(*static_cast<RcuHead*>(head), [](RcuHead&) { called.fetch_add(1); });
            },
            &heads[cpu], "rcu_caller")
            .take();
    });
    EXPECT(wait_for(called, online_cpus.count()));
}

// Who frees faster than grace periods come needs memory for what waits, but not for all.
TEST(a_flood_of_callbacks_is_worked_off, "sched.rcu.callbacks.flood") {
    constexpr u32 kFlood = 100'000;
    freed = 0;
    u64 most = 0;
    for (u32 i = 0; i < kFlood; i++) {
        auto* const object = static_cast<Callback*>(flood_cache.alloc(mm::Gfp::Kernel).take());
        call_rcu(object->rcu, free_one);
        if (i % 1000 == 0) {
            nap(time::kNsPerMs);
            const u64 now = all_queued();
            most = now > most ? now : most;
        }
    }
    rcu_barrier();
    EXPECT_EQ(freed.load(), kFlood);
    EXPECT(most < kFlood);
    EXPECT(flood_cache.stats().objects_total < kFlood);
    EXPECT_EQ(flood_cache.stats().objects_in_use, 0u);
}

}  // namespace sched
