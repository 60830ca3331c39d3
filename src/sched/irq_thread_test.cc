// Threaded handlers: where they run, what they hold back, who waits for them.
#include "abi/sched.h"
#include "core/irq/test_line.h"
#include "core/time/clock.h"
#include "sched/kthread.h"
#include "sched/sched.h"
#include "sched/wait_queue.h"

namespace {

using namespace irq_test;
using irq::IrqReturn;

struct Work {
    std::atomic<u32> hard{0}, begun{0}, done{0}, may_end{~0u};
    bool in_process = false, named = false, realtime = false, could_sleep = false;
};

IrqReturn wake_the_thread(unsigned, void* work) {
    static_cast<Work*>(work)->hard++;
    return IrqReturn::WakeThread;
}

IrqReturn do_the_work(unsigned, void* context) {
    auto* const work = static_cast<Work*>(context);
    const sched::Task& me = sched::current();
    work->in_process = !in_interrupt() && !on_irq_stack(__builtin_frame_address(0));
    work->named = std::string_view(me.comm).substr(0, 4) == "irq/" &&
                  std::string_view(me.comm).find("-worker") != std::string_view::npos;
    work->realtime = me.policy == abi::SCHED_FIFO && me.rt_priority == 50;
    work->could_sleep = may_sleep();
    const u32 turn = ++work->begun;
    while (work->may_end.load() < turn) sched::yield();
    work->done++;
    return IrqReturn::Handled;
}

bool comes_to(const std::atomic<u32>& counter, u32 wanted) {
    for (u32 tries = 0; tries < 2'000'000; tries++) {
        if (counter.load() >= wanted) return true;
        sched::yield();
    }
    return false;
}

TEST(thread_context, "sched.irq_thread.context") {
    EdgeLine line;
    Work work;
    REQUIRE(
        request_threaded_irq(line.irq, {wake_the_thread, do_the_work}, 0, "worker", &work).ok());
    line.raise();
    REQUIRE(comes_to(work.done, 1));
    EXPECT(work.in_process);
    EXPECT(work.could_sleep);
    EXPECT(work.named);
    EXPECT(work.realtime);
    EXPECT_EQ(work.hard.load(), 1u);
    free_irq(line.irq, &work);
}

TEST(thread_alone, "sched.irq_thread.alone") {
    EdgeLine line;
    Work work;
    REQUIRE(request_threaded_irq(line.irq, {nullptr, do_the_work}, kOneshot, "worker", &work).ok());
    line.raise();
    EXPECT(comes_to(work.done, 1));
    line.raise();
    EXPECT(comes_to(work.done, 2));
    free_irq(line.irq, &work);
}

/// A level that our chip holds: it comes as long as it is not masked and the device asserts it.
struct LevelChip final : irq::IrqChip {
    constexpr LevelChip() : IrqChip("test") {}
    void mask(IrqData&) override { masked = true; }
    void unmask(IrqData&) override { masked = false; }
    void eoi(IrqData& data) override {
        masked_at_eoi = masked;
        acknowledged++;
        data.parent->chip->eoi(*data.parent);
    }
    bool masked = true, masked_at_eoi = false;
    u32 acknowledged = 0;
};

/// One interrupt on a level line, on this processor.
void deliver(irq::IrqDesc& desc) {
    IrqOffGuard irqs_off;
    desc.handle(desc);
}

struct LevelLine {
    LevelChip chip;
    irq::IrqDomain domain{"test", chip, [](IrqData&, const VectorPlace&) {}};
    irq::IrqDesc* desc = nullptr;
    LevelLine() {
        Result<IrqDesc*> made = alloc_dynamic_desc();
        if (!made.ok()) return;
        desc = made.value();
        map_irq(*desc, domain, 7, nullptr);
        desc->state |= IrqDesc::kLevel;
        set_flow(*desc, handle_fasteoi_irq, "fasteoi");
    }
    ~LevelLine() {
        if (desc) free_desc(*desc);
    }
};

TEST(oneshot_masks, "sched.irq_thread.oneshot") {
    LevelLine line;
    REQUIRE(line.desc != nullptr);
    const unsigned number = line.desc->irq;
    Work work;
    work.may_end = 0;
    REQUIRE(request_threaded_irq(number, {wake_the_thread, do_the_work}, kOneshot, "worker", &work)
                .ok());
    EXPECT(!line.chip.masked);
    deliver(*line.desc);
    EXPECT(line.chip.masked_at_eoi);  // or the acknowledgement would bring it right back
    EXPECT_EQ(line.chip.acknowledged, 1u);
    REQUIRE(comes_to(work.begun, 1));
    EXPECT(line.chip.masked);
    work.may_end = 1;
    synchronize_irq(number);
    EXPECT_EQ(work.done.load(), 1u);
    EXPECT(!line.chip.masked);
    disable_irq(number);
    deliver(*line.desc);
    EXPECT(line.chip.masked);  // lazily, and no thread
    EXPECT_EQ(work.hard.load(), 1u);
    enable_irq(number);
    EXPECT(!line.chip.masked);
    free_irq(number, &work);
    EXPECT(line.chip.masked);
}

IrqReturn look_at_mask(unsigned, void* chip) {
    auto* const level = static_cast<LevelChip*>(chip);
    return level->acknowledged == 0 && !level->masked ? IrqReturn::Handled : IrqReturn::None;
}

TEST(level_eoi_last, "sched.irq_thread.level_without_thread") {
    LevelLine line;
    REQUIRE(line.desc != nullptr);
    REQUIRE(request_irq(line.desc->irq, look_at_mask, 0, "test", &line.chip).ok());
    deliver(*line.desc);
    EXPECT_EQ(line.chip.acknowledged, 1u);
    EXPECT_EQ(line.desc->unhandled, 0u);  // nothing was acknowledged before the handler ran
    EXPECT(!line.chip.masked);
    free_irq(line.desc->irq, &line.chip);
}

TEST(free_waits, "sched.irq_thread.free_waits") {
    EdgeLine line;
    Work work;
    for (u32 i = 1; i <= 20; i++) {
        REQUIRE(request_threaded_irq(line.irq, {wake_the_thread, do_the_work}, 0, "worker", &work)
                    .ok());
        line.raise();
        REQUIRE(reaches(work.hard, i));
        free_irq(line.irq, &work);  // what has been asked for is still done
        EXPECT_EQ(work.done.load(), i);
    }
}

/// Two drivers that come and go on one line, which is never the other's while one of them has it.
struct Rival {
    unsigned number;
    std::atomic<u32>& owners;
    std::atomic<u32> turns{0}, refused{0}, wrong{0};
    std::atomic<bool> has_ended{false};

    static void run(void* argument) {
        auto& self = *static_cast<Rival*>(argument);
        Work work;
        for (u32 round = 0; round < 200; round++) {
            if (!request_threaded_irq(self.number, {wake_the_thread, do_the_work},
                                      round % 2 ? u32{kOneshot} : 0u, "rival", &work)
                     .ok()) {
                self.refused++;
                sched::yield();
                continue;
            }
            const u32 owners = ++self.owners;
            IrqDesc& desc = *irq_to_desc(self.number);
            {
                IrqGuard guard(desc.lock);
                const bool is_oneshot = desc.has(IrqDesc::kOneshotLine);
                if (owners != 1 || is_oneshot != bool(round % 2) ||
                    !desc.has(IrqDesc::kActivated)) {
                    self.wrong++;
                }
            }
            self.turns++;
            sched::yield();
            self.owners--;
            free_irq(self.number, &work);
        }
        self.has_ended = true;
    }
};

TEST(requests_take_turns, "sched.irq_thread.requests") {
    EdgeLine line;
    std::atomic<u32> owners{0};
    Rival rivals[2] = {{line.irq, owners}, {line.irq, owners}};
    for (Rival& rival : rivals) REQUIRE(sched::kthread_run(Rival::run, &rival, "rival").ok());
    u32 turns = 0;
    for (const Rival& rival : rivals) {
        while (!rival.has_ended.load()) sched::yield();
        EXPECT_EQ(rival.wrong.load(), 0u);
        EXPECT_EQ(rival.turns.load() + rival.refused.load(), 200u);
        turns += rival.turns.load();
    }
    EXPECT(turns > 0);  // one alone may have had all, on one processor
    IrqGuard guard(line.desc().lock);
    EXPECT(!line.desc().has(IrqDesc::kOneshotLine | IrqDesc::kActivated));
}

}  // namespace
