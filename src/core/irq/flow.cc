// The flow handlers: what to do with the signal, apart from what to do about the device.
// Linux: kernel/irq/{chip,handle}.c.

#include "arch/cpu.h"
#include "core/irq/irq_desc.h"
#include "core/irq/irq_domain.h"
#include "core/irq/irq_trace.h"
#include "core/log/printk.h"

namespace irq {

void mask_irq(IrqDesc& desc) {
    if (desc.has(IrqDesc::kMasked)) return;
    desc.data.chip->mask(desc.data);
    desc.state |= IrqDesc::kMasked;
}

void unmask_irq(IrqDesc& desc) {
    if (!desc.has(IrqDesc::kMasked)) return;
    desc.state &= ~u32{IrqDesc::kMasked};
    desc.data.chip->unmask(desc.data);
}

namespace {

/// Only while handlers run (kInProgress): finish_oneshot() waits for the end of that.
void wake_thread(IrqDesc& desc, IrqAction& action) {
    if (action.thread == nullptr) [[unlikely]] {
        printk(Level::Warning, "irq %u: %s wants its thread woken, but has none", desc.irq,
               action.name);
        return;
    }
    if (action.run_wanted.exchange(true)) return;  // it has yet to look
    desc.threads_oneshot |= action.thread_bit;
    desc.threads_active.fetch_add(1, std::memory_order_relaxed);
    thread_services->wake(*action.thread);
}

IrqReturn run_actions(IrqDesc& desc) {
    IrqReturn all = IrqReturn::None;
    for (IrqAction* action = desc.action; action != nullptr; action = action->next) {
        if (trace::is_enabled<IrqHandlerEntry>()) [[unlikely]] {
            trace::point(IrqHandlerEntry{.irq = i32(desc.irq), .name = trace_name(action->name)});
        }
        const IrqReturn said = action->handler(desc.irq, action->dev_id);
        if (trace::is_enabled<IrqHandlerExit>()) [[unlikely]] {
            trace::point(IrqHandlerExit{.irq = i32(desc.irq), .ret = i32(said)});
        }
        if (arch::irqs_on()) [[unlikely]] {
            printk(Level::Warning, "irq %u: handler of %s turned interrupts on", desc.irq,
                   action->name);
            arch::irq_disable();
        }
        if (said == IrqReturn::WakeThread) wake_thread(desc, *action);
        all = all | said;
    }
    return all;
}

/// Lets go of the lock while the handlers run, so that others can note what arrives meanwhile.
void handle_event(IrqDesc& desc) REQUIRES(desc.lock) {
    desc.state = (desc.state & ~u32{IrqDesc::kPending}) | IrqDesc::kInProgress;
    desc.lock.unlock();
    const IrqReturn said = run_actions(desc);
    desc.lock.lock();
    desc.state &= ~u32{IrqDesc::kInProgress};
    note_interrupt(desc, said);
}

bool may_run(const IrqDesc& desc) {
    return desc.action != nullptr && !desc.has(IrqDesc::kDisabled | IrqDesc::kInProgress);
}

void move_masked(IrqDesc& desc) REQUIRES(desc.lock) {
    IrqData& data = desc.data;
    if (!data.chip->can_move(data)) return;  // the next interrupt tries again
    const Result<void> assigned = move_vector(desc);
    if (!assigned.ok() && assigned.error() == EBUSY) return;
    desc.state &= ~u32{IrqDesc::kMoveWanted};
}

}  // namespace

/// Masked meanwhile: the controller's two registers cannot be changed in one go.
void move_irq_if_wanted(IrqDesc& desc) {
    if (!desc.has(IrqDesc::kMoveWanted)) [[likely]] {
        return;
    }
    const bool was_masked = desc.has(IrqDesc::kMasked);
    mask_irq(desc);
    move_masked(desc);
    if (!was_masked) unmask_irq(desc);
}

/// An edge is gone once it is acknowledged: whoever cannot handle it now must note it. If the line
/// is disabled it is masked only now, for who knows whether anything would have come.
void handle_edge_irq(IrqDesc& desc) NO_LOCK_ANALYSIS {
    desc.lock.lock();
    IrqData& data = desc.data;
    if (!may_run(desc)) {
        desc.state |= IrqDesc::kPending;
        mask_irq(desc);
        data.chip->ack(data);
        desc.lock.unlock();
        return;
    }
    count_irq(desc);
    data.chip->ack(data);
    move_irq_if_wanted(desc);
    do {
        // One that came while the handlers ran was masked by whoever noted it.
        if (desc.has(IrqDesc::kPending)) unmask_irq(desc);
        handle_event(desc);
    } while (desc.has(IrqDesc::kPending) && may_run(desc));
    desc.lock.unlock();
}

/// A level stays until the device is served, so it must not be acknowledged before. A disabled or
/// oneshot line is masked first: else the acknowledgement would bring it right back.
void handle_fasteoi_irq(IrqDesc& desc) NO_LOCK_ANALYSIS {
    desc.lock.lock();
    IrqData& data = desc.data;
    if (may_run(desc)) {
        count_irq(desc);
        if (desc.has(IrqDesc::kOneshotLine)) mask_irq(desc);
        handle_event(desc);
    } else if (!desc.has(IrqDesc::kInProgress)) {
        mask_irq(desc);
    }
    const bool was_masked = desc.has(IrqDesc::kMasked);
    if (desc.has(IrqDesc::kMoveWanted)) mask_irq(desc);
    data.chip->eoi(data);
    move_irq_if_wanted(desc);
    const bool enabled = desc.action != nullptr && !desc.has(IrqDesc::kDisabled);
    const bool oneshot_done = desc.has(IrqDesc::kOneshotLine) && desc.threads_oneshot == 0;
    if (enabled && (oneshot_done || !was_masked)) unmask_irq(desc);
    desc.lock.unlock();
}

/// No lock, no state: the handlers of such a line are set up once.
void handle_percpu_irq(IrqDesc& desc) NO_LOCK_ANALYSIS {
    count_irq(desc);
    IrqData& data = desc.data;
    data.chip->ack(data);
    if (desc.action != nullptr) run_actions(desc);
}

bool finish_oneshot(IrqDesc& desc, const IrqAction& action) {
    IrqGuard guard(desc.lock);
    if (desc.has(IrqDesc::kInProgress)) return false;
    // Woken again: its next round will come here.
    if (action.run_wanted.load(std::memory_order_relaxed)) return true;
    desc.threads_oneshot &= ~action.thread_bit;
    const bool stays_masked = desc.threads_oneshot != 0 || desc.has(IrqDesc::kDisabled);
    if (desc.has(IrqDesc::kOneshotLine) && !stays_masked) unmask_irq(desc);
    return true;
}

}  // namespace irq
