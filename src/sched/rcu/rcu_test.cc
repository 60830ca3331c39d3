// Grace periods: for whom they wait and for whom not.

#include "core/log/printk.h"
#include "core/percpu/context_tracking.h"
#include "core/rcu/state.h"
#include "core/time/hrtimer.h"
#include "sched/rcu/grace_period.h"
#include "sched/rcu/stall.h"
#include "sched/rcu/test_readers.h"

namespace sched {

namespace {

/// Two readers of whom at every moment at least one is in a section: each leaves only when the
/// other has come again.
struct Relay {
    std::atomic<u32> rounds[2]{};
    std::atomic<u32> stop{0}, ended{0};
};
constinit Relay relay;

void run_relay(unsigned me) {
    move_to(me + 1);
    for (u32 round = 1; relay.stop.load() == 0; round++) {
        RcuReadGuard guard;
        relay.rounds[me].store(round);
        // The first of the two waits for the other's same round, the second for the next one.
        while (relay.rounds[1 - me].load() < round + me && relay.stop.load() == 0) {
            arch::cpu_relax();
        }
    }
    relay.ended.fetch_add(1);
}

/// A reader in an interrupt that comes while its processor sleeps. It ends by itself: whoever could
/// tell it to may be waiting for an answer of this processor, which has interrupts off.
struct InterruptReader {
    HeldReader held;
    std::atomic<u32> was_idle{0};
    time::HrTimer timer{expired};

    static time::Restart expired(time::HrTimer& timer);
    static void start(void*);
};
alignas(InterruptReader) constinit std::byte interrupt_reader_room[sizeof(InterruptReader)] = {};
InterruptReader& interrupt_reader = reinterpret_cast<InterruptReader&>(interrupt_reader_room);

time::Restart InterruptReader::expired(time::HrTimer&) {
    interrupt_reader.was_idle = current().pid == 0;
    RcuReadGuard guard;
    interrupt_reader.held.is_inside.store(1);
    const u64 end = time::now_ns() + 40 * time::kNsPerMs;
    while (time::now_ns() < end) arch::cpu_relax();
    interrupt_reader.held.has_left.store(1);
    return time::Restart::No;
}

void InterruptReader::start(void*) {
    move_to(1);
    interrupt_reader.timer.start(2 * time::kNsPerMs, time::TimerMode::RelativePinned);
}

/// Runs a grace period, and counts the processors that slept all the time.
u32 sleepers_through(void (*synchronize)()) {
    u64 before[kMaxCpus];
    u32 count = 0;
    for_each_cpu(online_cpus, [&](unsigned cpu) { before[cpu] = context::snapshot(cpu); });
    synchronize();
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        count += !context::is_busy(before[cpu]) && context::snapshot(cpu) == before[cpu];
    });
    return count;
}

/// True if some record of the log since `sequence` contains `words`.
bool log_says(u64 sequence, std::string_view words) {
    static constinit LogRecord record{};
    for (; log_read(sequence, record); sequence = record.sequence + 1) {
        if (std::string_view(record.text, record.length).find(words) != std::string_view::npos) {
            return true;
        }
    }
    return false;
}

}  // namespace

TEST(a_period_waits_for_a_held_reader, "sched.rcu.held_reader") {
    if (!online_cpus.has(1)) return;
    static constinit HeldReader held;
    held.start(test);
    nap(60 * time::kNsPerMs);  // ten looks of the thread
    EXPECT_EQ(held.waited.load(), 0u);
    held.finish(test);
}

TEST(an_expedited_period_waits_too, "sched.rcu.expedited_held") {
    if (!online_cpus.has(1)) return;
    static constinit HeldReader held;
    held.synchronize = synchronize_rcu_expedited;
    held.start(test);
    nap(30 * time::kNsPerMs);
    EXPECT_EQ(held.waited.load(), 0u);
    held.finish(test);
}

// The interrupt makes the sleeping processor a reader: nobody may take it for idle.
TEST(an_interrupt_of_idle_is_waited_for, "sched.rcu.interrupt_held") {
    if (!online_cpus.has(1)) return;
    new (&interrupt_reader) InterruptReader();
    for (unsigned tries = 0; tries < 20 && interrupt_reader.was_idle.load() == 0; tries++) {
        interrupt_reader.held.is_inside = interrupt_reader.held.may_leave = 0;
        interrupt_reader.held.has_left = interrupt_reader.held.waited = 0;
        (void)kthread_run(InterruptReader::start, nullptr, "rcu_starter").take();
        EXPECT(wait_for(interrupt_reader.held.is_inside, 1));
        interrupt_reader.held.start_waiter();
        while (interrupt_reader.held.has_left.load() == 0) {
            const bool waited = interrupt_reader.held.waited.load() != 0;
            EXPECT(!waited || interrupt_reader.held.has_left.load() != 0);
            nap(time::kNsPerMs);
        }
        interrupt_reader.held.finish(test);
        interrupt_reader.timer.cancel();
    }
    EXPECT_EQ(interrupt_reader.was_idle.load(), 1u);
    interrupt_reader.~InterruptReader();
}

TEST(later_readers_are_not_waited_for, "sched.rcu.later_readers") {
    if (!online_cpus.has(2)) return;
    relay.stop = relay.ended = 0;
    relay.rounds[0] = relay.rounds[1] = 0;
    (void)kthread_run([](void*) { run_relay(0); }, nullptr, "rcu_relay").take();
    (void)kthread_run([](void*) { run_relay(1); }, nullptr, "rcu_relay").take();
    while (relay.rounds[1].load() == 0) nap(time::kNsPerMs);
    synchronize_rcu();
    synchronize_rcu_expedited();
    relay.stop = 1;
    EXPECT(wait_for(relay.ended, 2));
}

TEST(waiting_takes_a_period, "sched.rcu.synchronize") {
    if (online_cpus.count() == 1) return;
    const u64 before = rcu::sequence();
    synchronize_rcu();
    EXPECT(rcu::sequence() >= before + 2);
    const u64 expedited = rcu_expedited_periods();
    synchronize_rcu_expedited();
    EXPECT(rcu_expedited_periods() > expedited);
}

// Eight who wait at the same time need two or three grace periods, not eight.
TEST(waiters_share_a_period, "sched.rcu.shared") {
    if (online_cpus.count() == 1) return;
    static constinit std::atomic<u32> waiting{0}, ended{0};
    waiting = ended = 0;
    static constinit std::atomic<u64> first{0}, last{0};
    first = ~u64{0};
    last = 0;
    for (unsigned i = 0; i < 8; i++) {
        (void)kthread_run(
            [](void*) {
                waiting.fetch_add(1);
                while (waiting.load() < 8) nap(time::kNsPerMs);
                const u64 now = rcu::sequence();
                u64 seen = first.load();
                while (now < seen && !first.compare_exchange_weak(seen, now)) {
                }
                seen = last.load();
                while (now > seen && !last.compare_exchange_weak(seen, now)) {
                }
                synchronize_rcu();
                ended.fetch_add(1);
            },
            nullptr, "rcu_waiter")
            .take();
    }
    EXPECT(wait_for(ended, 8));
    // Each waits for at most two periods after it has looked.
    EXPECT(rcu::sequence() <= last.load() + 6);
}

// A processor that sleeps answers without being woken.
TEST(idle_processors_are_left_alone, "sched.rcu.idle") {
    if (!online_cpus.has(1)) return;
    (void)set_cpus_allowed(*rcu_thread(), 1);
    (void)set_cpus_allowed(current(), 1);
    u32 normal = 0, expedited = 0;
    for (unsigned tries = 0; tries < 50 && (normal == 0 || expedited == 0); tries++) {
        normal += sleepers_through(synchronize_rcu);
        expedited += sleepers_through(synchronize_rcu_expedited);
    }
    EXPECT(normal > 0);
    EXPECT(expedited > 0);
    (void)set_cpus_allowed(*rcu_thread(), ~u64{0});
    (void)set_cpus_allowed(current(), ~u64{0});
}

TEST(a_stall_is_reported, "sched.rcu.stall") {
    if (!online_cpus.has(1)) return;
    static constinit HeldReader held;
    const u64 log_begin = log_next_sequence();
    const u32 reports = rcu_last_stall().count;
    const u64 timeout = rcu_stall_timeout_ns.exchange(30 * time::kNsPerMs);
    held.start(test);
    const u64 deadline = time::now_ns() + 10 * time::kNsPerSec;
    const auto is_reported = [&] {
        return log_says(log_begin, "HeldReader") && rcu_last_stall().count > reports;
    };
    while (!is_reported() && time::now_ns() < deadline) {
        nap(5 * time::kNsPerMs);
    }
    rcu_stall_timeout_ns = timeout;
    EXPECT(rcu_last_stall().count > reports);
    EXPECT(rcu_last_stall().cpus >> 1 & 1);
    EXPECT(rcu_last_stall().took_ns >= 30 * time::kNsPerMs);
    EXPECT(log_says(log_begin, "detected stalls"));
    EXPECT(log_says(log_begin, "rcu_reader"));
    EXPECT(log_says(log_begin, "rcu: CPU 1 is here"));
    EXPECT(log_says(log_begin, "HeldReader"));  // its stack comes last
    held.finish(test);
}

}  // namespace sched
