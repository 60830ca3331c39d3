// Work queued with interrupts off runs as soon as they are on, once, in interrupt context.

#include "core/irq_work/irq_work.h"

#include "arch/vectors.h"
#include "core/irq/entry.h"
#include "core/lock/spin_lock.h"
#include "core/time/clock.h"
#include "lib/test.h"
#include "sched/sched.h"
#include "sched/wait_queue.h"

namespace {

struct Noted {
    std::atomic<u32> runs{0};
    std::atomic<u32> cpu{~0u};
    std::atomic<bool> hardirq{false}, irqs{true};
};
constinit Noted noted;

void note(IrqWork&) {
    noted.hardirq = in_hardirq();
    noted.irqs = arch::irqs_on();
    noted.cpu = cpu_id();
    noted.runs.fetch_add(1);
}

void begin() { noted.runs = 0, noted.cpu = ~0u, noted.hardirq = false, noted.irqs = true; }

}  // namespace

TEST(irq_work_runs_when_irqs_are_on, "core.irq_work.queue") {
    IrqWork work(note);
    begin();
    PreemptGuard stay;
    {
        IrqOffGuard quiet;
        EXPECT(work.queue());
        EXPECT(!work.queue());
        EXPECT(work.is_pending());
        EXPECT_EQ(noted.runs.load(), 0u);
    }
    work.sync();
    EXPECT_EQ(noted.runs.load(), 1u);
    EXPECT_EQ(noted.cpu.load(), cpu_id());
    EXPECT(noted.hardirq && !noted.irqs);
}

TEST(irq_work_in_order, "core.irq_work.order") {
    static constinit char story[4];
    static constinit u32 length = 0;
    length = 0;
    IrqWork a([](IrqWork&) { story[length++] = 'a'; });
    IrqWork b([](IrqWork&) { story[length++] = 'b'; });
    IrqWork c([](IrqWork&) { story[length++] = 'c'; });
    {
        IrqOffGuard quiet;
        a.queue(), b.queue(), c.queue();
    }
    a.sync(), b.sync(), c.sync();
    EXPECT_EQ(std::string_view(story, length), "abc");
}

TEST(irq_work_queues_itself, "core.irq_work.again") {
    begin();
    IrqWork work([](IrqWork& self) {
        if (noted.runs.fetch_add(1) + 1 < 50) self.queue();
    });
    work.queue();
    work.sync();
    EXPECT_EQ(noted.runs.load(), 50u);
}

TEST(irq_work_on_other_cpu, "core.irq_work.remote") {
    IrqWork work(note);
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        begin();
        EXPECT(work.queue_on(cpu));
        work.sync();
        EXPECT_EQ(noted.cpu.load(), cpu);
    });
}

// While the tick runs, a lazy one waits for it and costs no interrupt of its own.
TEST(lazy_irq_work_waits_for_tick, "core.irq_work.lazy") {
    IrqWork work(note, IrqWork::Lazy::Yes);
    begin();
    PreemptGuard stay;  // this processor is busy, so it ticks
    const u32 before = irq::vector_count(arch::kIrqWorkVector, cpu_id());
    EXPECT(work.queue());
    work.sync();
    EXPECT_EQ(noted.runs.load(), 1u);
    EXPECT(noted.hardirq);
    EXPECT_EQ(irq::vector_count(arch::kIrqWorkVector, cpu_id()), before);
}
