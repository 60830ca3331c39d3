// Atomic numbers, bits and barriers, on all processors at once.

#include "lib/atomic_ops.h"
#include "lib/bit_ops.h"
#include "lib/test.h"
#include "sched/lock/lock_test_thread.h"

namespace {

using sched::TestThread;

constexpr u32 kRounds = 5000;
constinit std::atomic<u64> sum{0};
constinit u64 map[4] = {};
constinit std::atomic<u32> winners{0};

void add_up(void*) {
    for (u32 i = 0; i < kRounds; i++) sum.fetch_add(1, std::memory_order_relaxed);
}
void grab_bits(void*) {
    for (usize bit = 0; bit < 256; bit++) winners += !test_and_set_bit(bit, map);
}

/// Runs `body` on two processors (or twice on one) to its end.
void on_two(void (*first)(void*), void (*second)(void*)) {
    static constinit TestThread threads[2];
    threads[0].start(first, nullptr, 0);
    threads[1].start(second, nullptr, online_cpus.has(1) ? 1 : 0);
    for (TestThread& thread : threads) thread.join();
}

}  // namespace

TEST(atomic_additions_all_count, "lock.atomic.sum") {
    static constinit TestThread threads[4];
    sum = 0;
    for (TestThread& thread : threads) thread.start(add_up, nullptr);
    for (TestThread& thread : threads) thread.join();
    EXPECT_EQ(sum.load(), 4u * kRounds);
}

TEST(atomic_tests_tell_the_edge, "lock.atomic.edges") {
    std::atomic<i32> value{2};
    EXPECT(!dec_and_test(value) && dec_and_test(value) && value.load() == 0);
    EXPECT(!dec_and_test(value) && value.load() == -1);
    EXPECT(inc_and_test(value) && !inc_and_test(value));
    EXPECT(sub_and_test(value, 1) && !sub_and_test(value, 1));
    EXPECT(!add_negative(value, 1) && add_negative(value, -1) && add_negative(value, -5));
    value = 0x7fff'ffff;
    EXPECT(add_negative(value, 1));  // goes round
    value = 0;
    EXPECT(!inc_not_zero(value) && !dec_if_positive(value));
    value = 1;
    EXPECT(inc_not_zero(value) && dec_if_positive(value) && value.load() == 1);
}

TEST(bits_have_one_winner, "lock.atomic.bits") {
    for (u64& word : map) word = 0;
    winners = 0;
    on_two(grab_bits, grab_bits);
    EXPECT_EQ(winners.load(), 256u);
    EXPECT(test_and_clear_bit(200, map) && !test_bit(200, map) && test_bit(199, map));
    EXPECT(!test_and_change_bit(200, map) && test_and_change_bit(200, map));
    change_bit(130, map);
    EXPECT_EQ(map[2], ~(u64{1} << (130 - 128)));
    set_bit(130, map);
    clear_bit_plain(0, map);
    EXPECT(map[0] == ~u64{1} && test_and_set_bit_lock(0, map));
    EXPECT(!test_and_set_bit_lock(0, map));
    clear_bit_unlock(0, map);
    EXPECT(!test_bit(0, map));
}

namespace {

// Two processors write one word each and read the other's. With a full barrier between, at least
// one of them sees what the other wrote. Without it x86 lets both miss it.
struct Litmus {
    std::atomic<u32> x[2] = {}, ready{0}, round{0};
    u32 saw[2] = {};
    u32 both_missed = 0, stale = 0;
};
constinit Litmus litmus;
constexpr u32 kLitmusRounds = 3000;

void meet(u32 at) {
    litmus.ready++;
    while (litmus.ready.load() < at) arch::cpu_relax();
}

void store_buffer(u32 me) {
    for (u32 i = 0; i < kLitmusRounds; i++) {
        meet(i * 4 + 2);
        litmus.x[me].store(i + 1, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_seq_cst);
        litmus.saw[me] = litmus.x[1 - me].load(std::memory_order_relaxed);
        meet(i * 4 + 4);
        if (me == 0) litmus.both_missed += litmus.saw[0] != i + 1 && litmus.saw[1] != i + 1;
    }
}

void send(void*) {
    for (u32 i = 1; i <= kLitmusRounds; i++) {
        litmus.x[0].store(i, std::memory_order_relaxed);
        litmus.x[1].store(i, std::memory_order_release);
    }
}
void receive(void*) {
    for (u32 flag = 0; flag < kLitmusRounds;) {
        flag = litmus.x[1].load(std::memory_order_acquire);
        litmus.stale += litmus.x[0].load(std::memory_order_relaxed) < flag;
        if (flag == 0) sched::nap_ms(1);
    }
}

}  // namespace

TEST(full_barrier_orders_store_and_load, "lock.barrier.store_buffer") {
    if (!online_cpus.has(1)) return;
    litmus.ready = 0;
    litmus.both_missed = 0;
    on_two([](void*) { store_buffer(0); }, [](void*) { store_buffer(1); });
    EXPECT_EQ(litmus.both_missed, 0u);
}

TEST(release_publishes, "lock.barrier.message") {
    litmus.x[0] = litmus.x[1] = 0;
    litmus.stale = 0;
    on_two(send, receive);
    EXPECT_EQ(litmus.stale, 0u);
}
