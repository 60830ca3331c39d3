// Requesting, sharing, disabling; edges that arrive when nobody has time; lines that nobody wants.
#include "core/irq/test_line.h"
#include "core/log/printk.h"

namespace {

using namespace irq_test;
using irq::IrqReturn;

struct Listener {
    std::atomic<u32> calls{0};
    IrqReturn says = IrqReturn::Handled;
};
IrqReturn listen(unsigned, void* listener) {
    auto* const me = static_cast<Listener*>(listener);
    me->calls++;
    return me->says;
}

TEST(request_errors, "core.irq.request.errors") {
    EdgeLine line;
    Listener one;
    auto request = [&](unsigned irq, HandlerFn handler, u32 flags, void* dev_id) {
        const Result<void> result = request_irq(irq, handler, flags, "test", dev_id);
        return result.ok() ? Errno{} : result.error();
    };
    EXPECT_EQ(request(kMaxIrqs, listen, 0, &one), EINVAL);
    EXPECT_EQ(request(kMaxIrqs - 1, listen, 0, &one), EINVAL);  // nobody has mapped it
    EXPECT_EQ(request(line.irq, nullptr, 0, &one), EINVAL);
    EXPECT_EQ(request(line.irq, listen, kShared, nullptr), EINVAL);
    EXPECT_EQ(request(line.irq, listen, kShared | kNoAutoEnable, &one), EINVAL);
    Result<void> thread_alone = request_threaded_irq(line.irq, {nullptr, listen}, 0, "test", &one);
    EXPECT(!thread_alone.ok() && thread_alone.error() == EINVAL);
    EXPECT(!alloc_msi(line.device, 0).ok());  // it has one
    EXPECT_EQ(line.marks() & IrqDesc::kActivated, 0u);
}

TEST(shared_line, "core.irq.shared") {
    EdgeLine line;
    Listener one, two, third;
    two.says = IrqReturn::None;
    REQUIRE(request_irq(line.irq, listen, kShared | kTriggerHigh, "one", &one).ok());
    REQUIRE(request_irq(line.irq, listen, kShared | kTriggerHigh, "two", &two).ok());
    for (u32 flags :
         {0u, u32{kTriggerHigh}, kShared | kTriggerLow, kShared | kTriggerHigh | kOneshot}) {
        const Result<void> result = request_irq(line.irq, listen, flags, "third", &third);
        EXPECT(!result.ok() && result.error() == EBUSY);
    }
    line.raise();
    EXPECT(reaches(one.calls, 1) && reaches(two.calls, 1));
    free_irq(line.irq, &one);  // the other goes on
    line.raise();
    EXPECT(reaches(two.calls, 2));
    EXPECT_EQ(one.calls.load(), 1u);
    free_irq(line.irq, &two);
    EXPECT(line.masked);
    EXPECT_EQ(line.marks() & IrqDesc::kActivated, 0u);  // and the vector is free
    EXPECT_EQ(third.calls.load(), 0u);
}

TEST(disable_nests, "core.irq.disable.nests") {
    EdgeLine line;
    Listener one;
    REQUIRE(request_irq(line.irq, listen, 0, "test", &one).ok());
    disable_irq(line.irq);
    disable_irq_nosync(line.irq);
    EXPECT(!line.masked);  // lazily: only when one comes
    line.raise();
    settle();
    EXPECT_EQ(one.calls.load(), 0u);
    EXPECT(line.masked);
    EXPECT(line.marks() & IrqDesc::kPending);
    enable_irq(line.irq);
    settle();
    EXPECT_EQ(one.calls.load(), 0u);
    enable_irq(line.irq);
    EXPECT(reaches(one.calls, 1));  // the one that came meanwhile
    EXPECT(!line.masked);
    line.raise();
    EXPECT(reaches(one.calls, 2));
    settle();
    EXPECT_EQ(one.calls.load(), 2u);
    free_irq(line.irq, &one);
}

TEST(no_auto_enable, "core.irq.disable.no_auto_enable") {
    EdgeLine line;
    Listener one;
    REQUIRE(request_irq(line.irq, listen, kNoAutoEnable, "test", &one).ok());
    EXPECT(line.masked);
    enable_irq(line.irq);
    line.raise();
    EXPECT(reaches(one.calls, 1));
    free_irq(line.irq, &one);
}

/// A handler that stays until it may leave.
struct Dweller {
    std::atomic<u32> entered{0}, may_leave{0};
};
IrqReturn dwell(unsigned, void* dweller) {
    auto* const me = static_cast<Dweller*>(dweller);
    const u32 turn = ++me->entered;
    while (me->may_leave.load() < turn) arch::cpu_relax();
    return IrqReturn::Handled;
}

TEST(edge_while_running, "core.irq.edge.while_running") {
    if (online_cpus.count() < 2) return;
    EdgeLine line;
    Dweller dweller;
    PreemptGuard stay;
    const unsigned other = cpu_id() == 0 ? 1 : 0;
    REQUIRE(set_affinity(line.irq, u64{1} << other).ok());
    REQUIRE(request_irq(line.irq, dwell, 0, "test", &dweller).ok());
    line.raise();
    EXPECT(reaches(dweller.entered, 1));
    {
        // It arrives here, as after a move. The other processor has it in hand already.
        IrqOffGuard irqs_off;
        line.desc().handle(line.desc());
    }
    EXPECT(line.marks() & IrqDesc::kPending);
    EXPECT(line.masked);
    dweller.may_leave = 1;
    EXPECT(reaches(dweller.entered, 2));  // again, for the one that came
    EXPECT(!line.masked);
    dweller.may_leave = 2;
    synchronize_irq(line.irq);
    EXPECT_EQ(dweller.entered.load(), 2u);
    EXPECT_EQ(line.marks() & IrqDesc::kInProgress, 0u);
    free_irq(line.irq, &dweller);
}

TEST(spurious_line, "core.irq.spurious") {
    EdgeLine line;
    Listener one, two;
    one.says = IrqReturn::None;
    REQUIRE(request_irq(line.irq, listen, kShared, "careless", &one).ok());
    auto fire = [&](u32 times) {
        for (u32 i = 0; i < times; i++) {
            IrqOffGuard irqs_off;
            line.desc().handle(line.desc());
        }
    };
    const int level = console_loglevel;
    console_loglevel = 0;
    fire(99'999);
    EXPECT_EQ(line.marks() & IrqDesc::kSpuriousDisabled, 0u);
    fire(1);
    console_loglevel = level;
    EXPECT(line.marks() & IrqDesc::kSpuriousDisabled);
    EXPECT(line.masked);
    EXPECT_EQ(one.calls.load(), 100'000u);
    fire(1);
    EXPECT_EQ(one.calls.load(), 100'000u);
    // Somebody else may know the device.
    REQUIRE(request_irq(line.irq, listen, kShared, "caring", &two).ok());
    line.raise();
    EXPECT(reaches(two.calls, 1));
    free_irq(line.irq, &one);
    free_irq(line.irq, &two);
}

TEST(some_unhandled, "core.irq.spurious.some_are_fine") {
    EdgeLine line;
    Listener one;
    REQUIRE(request_irq(line.irq, listen, 0, "test", &one).ok());
    for (u32 i = 0; i < 100'000; i++) {
        one.says = i % 500 == 0 ? IrqReturn::Handled : IrqReturn::None;  // 99,800 unhandled
        IrqOffGuard irqs_off;
        line.desc().handle(line.desc());
    }
    EXPECT_EQ(line.marks() & IrqDesc::kSpuriousDisabled, 0u);
    free_irq(line.irq, &one);
}

/// What a handler finds around itself.
struct Surroundings {
    std::atomic<u32> calls{0};
    bool own_stack, interrupt, could_sleep, has_frame, irqs;
};
IrqReturn look_around(unsigned, void* context) {
    auto* const seen = static_cast<Surroundings*>(context);
    int local = 0;
    seen->own_stack = on_irq_stack(&local);
    seen->interrupt = in_interrupt();
    seen->could_sleep = may_sleep();
    seen->has_frame = current_frame() != nullptr;
    seen->irqs = arch::irqs_on();
    seen->calls++;
    return IrqReturn::Handled;
}

TEST(handler_context, "core.irq.stack") {
    EdgeLine line;
    Surroundings seen;
    int local = 0;
    EXPECT(!on_irq_stack(&local));
    REQUIRE(request_irq(line.irq, look_around, 0, "test", &seen).ok());
    line.raise();
    REQUIRE(reaches(seen.calls, 1));
    EXPECT(seen.own_stack);
    EXPECT(seen.interrupt);
    EXPECT(!seen.could_sleep);
    EXPECT(seen.has_frame);
    EXPECT(!seen.irqs);
    EXPECT(!in_interrupt());
    EXPECT(current_frame() == nullptr);
    free_irq(line.irq, &seen);
}

TEST(stray_vector, "core.irq.stray") {
    static constinit VectorMatrixRow row{};
    PreemptGuard stay;
    read_vectors(cpu_id(), row);
    unsigned vector = arch::kFirstSystem - 1;
    while (row.irq_of[vector] != kNoIrq) vector--;
    const u32 before = interrupt_errors();
    send_vector(cpu_id(), vector);
    settle();
    EXPECT_EQ(interrupt_errors(), before + 1);
    send_vector(cpu_id(), vector);  // the first one was acknowledged, or this would not come
    settle();
    EXPECT_EQ(interrupt_errors(), before + 2);
}

TEST(saved_flag_nests, "core.irq.save_restore") {
    EXPECT(arch::irqs_on());
    const bool outer = arch::irq_save();
    const bool inner = arch::irq_save();
    EXPECT(outer && !inner && !arch::irqs_on());
    arch::irq_restore(inner);
    EXPECT(!arch::irqs_on());  // as it was
    arch::irq_restore(outer);
    EXPECT(arch::irqs_on());
}

}  // namespace
