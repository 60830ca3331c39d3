// Readers on all processors, in threads and in interrupts, while a writer replaces what they read
// and poisons the old one as soon as it may: whoever finds poison has been betrayed.

#include "core/time/hrtimer.h"
#include "sched/rcu/test_readers.h"

namespace sched {

namespace {

constexpr u64 kAlive = 0x600d'600d'600d'600d;
constexpr u64 kPoison = 0xdead'dead'dead'dead;
constexpr u32 kElements = 64;

struct Element {
    RcuHead rcu{};
    std::atomic<u64> state{kPoison};
    std::atomic<u32> is_free{1};
};

struct Torture {
    Element elements[kElements];
    RcuPointer<Element> current;
    std::atomic<u32> stop{0}, ended{0};
    std::atomic<u32> betrayed{0}, reads{0}, interrupt_reads{0}, writes{0};
};
constinit Torture torture;

/// One section: finds the element and looks at it for a while.
void read_once(u32 looks) {
    RcuReadGuard guard;
    const Element* const element = torture.current.get();
    for (u32 i = 0; i < looks; i++) {
        if (element->state.load(std::memory_order_relaxed) != kAlive) torture.betrayed.fetch_add(1);
        arch::cpu_relax();
    }
    torture.reads.fetch_add(1, std::memory_order_relaxed);
}

void read_much(void* cpu) {
    move_to(unsigned(reinterpret_cast<u64>(cpu)));
    TestRandom random(reinterpret_cast<u64>(cpu) + 1);
    while (torture.stop.load() == 0) {
        read_once(u32(random.below(2000)));
        if (random.one_in(10)) {
            IrqOffGuard off;
            read_once(100);
        }
        if (random.one_in(20)) yield();
        if (random.one_in(50)) nap(random.below(3 * time::kNsPerMs));
    }
    torture.ended.fetch_add(1);
}

/// A reader in interrupts: most of those of an idle processor find it asleep.
time::Restart read_in_interrupt(time::HrTimer& timer) {
    read_once(500);
    torture.interrupt_reads.fetch_add(1, std::memory_order_relaxed);
    timer.forward_now(700 * time::kNsPerUs);
    return torture.stop.load() != 0 ? time::Restart::No : time::Restart::Yes;
}

void bury(Element& element) {
    element.state.store(kPoison, std::memory_order_relaxed);
    element.is_free.store(1, std::memory_order_release);
}
void bury_later(RcuHead& head) { bury(rcu_owner<Element, &Element::rcu>(head)); }

Element* take_free() {
    for (Element& element : torture.elements) {
        if (element.is_free.load(std::memory_order_acquire) == 0) continue;
        element.is_free.store(0, std::memory_order_relaxed);
        element.state.store(kAlive, std::memory_order_relaxed);
        return &element;
    }
    return nullptr;
}

void replace_once(TestRandom& random) {
    Element* const next = take_free();
    if (next == nullptr) return nap(time::kNsPerMs);
    Element* const old = torture.current.replace(next);
    torture.writes.fetch_add(1);
    if (old == nullptr) return;
    switch (random.below(8)) {
    case 0: synchronize_rcu(); return bury(*old);
    case 1: synchronize_rcu_expedited(); return bury(*old);
    default: call_rcu(old->rcu, bury_later);
    }
    if (random.one_in(4)) nap(random.below(time::kNsPerMs));
}

void start_readers() {
    TestRandom random(1);
    replace_once(random);
    for_each_cpu(online_cpus, [](unsigned cpu) {
        (void)kthread_run(read_much, reinterpret_cast<void*>(u64{cpu}), "rcu_torture").take();
    });
}

}  // namespace

TEST(nobody_reads_what_was_freed, "sched.rcu.torture") {
    torture.stop = torture.ended = torture.betrayed = torture.reads = torture.writes = 0;
    torture.interrupt_reads = 0;
    start_readers();
    time::HrTimer timer{read_in_interrupt};
    timer.start(time::now_ns());
    TestRandom random(test.seed);
    const u64 end = time::now_ns() + 2 * time::kNsPerSec;
    while (time::now_ns() < end) replace_once(random);
    torture.stop = 1;
    EXPECT(wait_for(torture.ended, online_cpus.count()));
    timer.cancel();
    rcu_barrier();
    EXPECT_EQ(torture.betrayed.load(), 0u);
    EXPECT(torture.reads.load() > 100);
    EXPECT(torture.interrupt_reads.load() > 10);
    EXPECT(torture.writes.load() > 20);
    bury(*torture.current.replace(nullptr));
    for (const Element& element : torture.elements) EXPECT_EQ(element.is_free.load(), 1u);
}

}  // namespace sched
