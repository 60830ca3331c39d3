// Connecting handlers to lines, holding lines back, moving them. Linux: kernel/irq/manage.c.

#include "arch/cpu.h"
#include "core/irq/irq_desc.h"
#include "core/irq/irq_domain.h"
#include "core/log/printk.h"

namespace irq {

namespace {

/// One at a time connects handlers to a line or takes them off: from the first step to the last
/// one, some of which sleep. Before there are threads, nobody else is there.
class RequestGuard {
public:
    explicit RequestGuard(IrqDesc& desc) : desc_(desc), services_(thread_services) {
        if (services_ != nullptr) services_->begin_request(desc);
    }
    ~RequestGuard() {
        if (services_ != nullptr) services_->end_request(desc_);
    }
    RequestGuard(const RequestGuard&) = delete;

private:
    IrqDesc& desc_;
    const ThreadServices* const services_;
};

IrqReturn only_wake_thread(unsigned, void*) { return IrqReturn::WakeThread; }

Result<void> check_request(ThreadedHandler handler, u32 flags, const void* dev_id) {
    if (handler.hard == nullptr && handler.thread == nullptr) return EINVAL;
    if ((flags & kShared) && (dev_id == nullptr || (flags & kNoAutoEnable))) return EINVAL;
    // An unmasked level would come back for ever before the thread gets to run.
    if (handler.hard == nullptr && !(flags & kOneshot)) return EINVAL;
    return {};
}

/// Who has the line already must agree.
bool may_share(const IrqAction& old, const IrqAction& added) {
    return (old.flags & added.flags & kShared) &&
           ((old.flags ^ added.flags) & (kTriggerMask | kOneshot | kPerCpu)) == 0;
}

/// A bit for the thread that no other action on the line has. EBUSY: there are 64 already.
Result<u64> free_thread_bit(const IrqDesc& desc) REQUIRES(desc.lock) {
    u64 taken = 0;
    for (const IrqAction* at = desc.action; at != nullptr; at = at->next) taken |= at->thread_bit;
    if (~taken == 0) return EBUSY;
    return ~taken & (taken + 1);
}

/// The line gets its first handler.
Result<void> start_line(IrqDesc& desc, const IrqAction& action) REQUIRES(desc.lock) {
    TRY(activate_irq(desc));
    const u32 marks[][2] = {{kOneshot, IrqDesc::kOneshotLine},
                            {kPerCpu, IrqDesc::kPerCpuLine | IrqDesc::kCannotMove},
                            {kNoBalancing, IrqDesc::kCannotMove}};
    for (const auto& [flag, mark] : marks) {
        if (action.flags & flag) desc.state |= mark;
    }
    desc.looked_at = desc.unhandled = 0;
    return {};
}

Result<void> connect(IrqDesc& desc, IrqAction& action) {
    IrqGuard guard(desc.lock);
    IrqAction** end = &desc.action;
    for (; *end != nullptr; end = &(*end)->next) {
        if (!may_share(**end, action)) return EBUSY;
    }
    action.thread_bit = TRY(free_thread_bit(desc));
    const bool is_first = desc.action == nullptr;
    if (is_first) TRY(start_line(desc, action));
    *end = &action;
    if (is_first && !(action.flags & kNoAutoEnable)) {
        desc.depth = 0;
        desc.state &= ~u32{IrqDesc::kDisabled | IrqDesc::kPending};
        unmask_irq(desc);
    }
    // Somebody new may care about a line that was shut off.
    if (!is_first && desc.has(IrqDesc::kSpuriousDisabled)) {
        desc.state &= ~u32{IrqDesc::kSpuriousDisabled};
        enable_locked(desc);
    }
    return {};
}

/// Takes the action off the chain; the last one shuts the line down. Null: it is not there.
IrqAction* disconnect(IrqDesc& desc, const void* dev_id) {
    IrqGuard guard(desc.lock);
    IrqAction** at = &desc.action;
    while (*at != nullptr && (*at)->dev_id != dev_id) at = &(*at)->next;
    IrqAction* const gone = *at;
    if (gone == nullptr) return nullptr;
    *at = gone->next;  // gone->next stays, for a processor that stands on it
    if (desc.action == nullptr) {
        desc.depth = 1;
        desc.state |= IrqDesc::kDisabled;
        desc.state &= ~u32{IrqDesc::kSpuriousDisabled};
        mask_irq(desc);
    }
    return gone;
}

/// Nobody handles the line any more: what is left of it is given back.
void retire_line(IrqDesc& desc) {
    IrqGuard guard(desc.lock);
    if (desc.action != nullptr) return;
    deactivate_irq(desc);
    desc.state &= ~u32{IrqDesc::kOneshotLine | IrqDesc::kPerCpuLine | IrqDesc::kCannotMove |
                       IrqDesc::kPending};
    desc.threads_oneshot = 0;
}

void wait_for_handlers(IrqDesc& desc) {
    for (;;) {
        {
            IrqGuard guard(desc.lock);
            if (!desc.has(IrqDesc::kInProgress)) return;
        }
        arch::cpu_relax();
    }
}

Result<IrqAction*> make_action(unsigned irq, ThreadedHandler handler, u32 flags, const char* name,
                               void* dev_id) {
    void* const memory = services.alloc(sizeof(IrqAction));
    if (memory == nullptr) return ENOMEM;
    auto* const action = new (memory) IrqAction{};
    action->handler = handler.hard != nullptr ? handler.hard : only_wake_thread;
    action->thread_fn = handler.thread;
    action->dev_id = dev_id;
    action->name = name;
    action->irq = irq;
    action->flags = flags;
    return action;
}

/// The thread is there before the first interrupt can want it, and after the last.
Result<void> connect_with_thread(IrqDesc& desc, IrqAction& action) {
    if (action.thread_fn != nullptr) action.thread = TRY(thread_services->start(desc, action));
    const Result<void> connected = connect(desc, action);
    if (!connected.ok() && action.thread != nullptr) thread_services->stop(*action.thread);
    return connected.ok() ? Result<void>() : connected.error();
}

/// False: there is no such handler.
bool free_action(IrqDesc& desc, const void* dev_id) {
    const RequestGuard alone(desc);
    IrqAction* const gone = disconnect(desc, dev_id);
    if (gone == nullptr) return false;
    wait_for_handlers(desc);
    if (gone->thread != nullptr) thread_services->stop(*gone->thread);
    retire_line(desc);
    services.free(gone);
    return true;
}

}  // namespace

Result<void> request_threaded_irq(unsigned irq, ThreadedHandler handler, u32 flags,
                                  const char* name, void* dev_id) {
    TRY(check_request(handler, flags, dev_id));
    IrqDesc* const desc = irq_to_desc(irq);
    if (desc == nullptr || desc->handle == nullptr) return EINVAL;
    IrqAction* const action = TRY(make_action(irq, handler, flags, name, dev_id));
    const RequestGuard alone(*desc);
    const Result<void> connected = connect_with_thread(*desc, *action);
    if (!connected.ok()) {
        services.free(action);
        return connected.error();
    }
    return {};
}

Result<void> request_irq(unsigned irq, HandlerFn handler, u32 flags, const char* name,
                         void* dev_id) {
    return request_threaded_irq(irq, {handler, nullptr}, flags, name, dev_id);
}

void free_irq(unsigned irq, void* dev_id) {
    IrqDesc* const desc = irq_to_desc(irq);
    if (desc == nullptr || !free_action(*desc, dev_id)) {
        printk(Level::Warning, "Trying to free already-free IRQ %u", irq);
    }
}

void disable_irq_nosync(unsigned irq) {
    IrqDesc* const desc = irq_to_desc(irq);
    if (desc == nullptr) return;
    IrqGuard guard(desc->lock);
    if (desc->depth++ == 0) desc->state |= IrqDesc::kDisabled;
}

void disable_irq(unsigned irq) {
    disable_irq_nosync(irq);
    synchronize_irq(irq);
}

void enable_locked(IrqDesc& desc) {
    if (desc.depth == 0 || desc.action == nullptr) {
        if (desc.depth == 0) printk(Level::Warning, "Unbalanced enable for IRQ %u", desc.irq);
        return;
    }
    if (--desc.depth > 0) return;
    desc.state &= ~u32{IrqDesc::kDisabled};
    unmask_irq(desc);
    // A level that is still there comes by itself; an edge has to be made again.
    if (desc.has(IrqDesc::kPending) && !desc.has(IrqDesc::kLevel)) {
        desc.state &= ~u32{IrqDesc::kPending};
        desc.data.chip->retrigger(desc.data);
    }
}

void enable_irq(unsigned irq) {
    IrqDesc* const desc = irq_to_desc(irq);
    if (desc == nullptr) return;
    IrqGuard guard(desc->lock);
    enable_locked(*desc);
}

void synchronize_irq(unsigned irq) {
    IrqDesc* const desc = irq_to_desc(irq);
    if (desc == nullptr) return;
    wait_for_handlers(*desc);
    if (desc->threads_active.load(std::memory_order_acquire) != 0) {
        thread_services->wait_until_idle(*desc);
    }
}

Result<void> set_affinity(unsigned irq, u64 cpus) {
    IrqDesc* const desc = irq_to_desc(irq);
    if (desc == nullptr) return EINVAL;
    IrqGuard guard(desc->lock);
    if (desc->has(IrqDesc::kCannotMove)) return EIO;
    if ((cpus & online_cpus.bits()) == 0) return EINVAL;
    desc->affinity = cpus & possible_cpus.bits();
    const VectorPlace& now = desc->vectors.now;
    if (now.vector == 0) return {};
    if (desc->affinity >> now.cpu & 1) {
        desc->state &= ~u32{IrqDesc::kMoveWanted};
    } else {
        desc->state |= IrqDesc::kMoveWanted;
    }
    return {};
}

}  // namespace irq
