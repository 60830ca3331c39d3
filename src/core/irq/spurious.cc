// A line that fires on and on while nobody feels responsible would stop the machine: it is shut
// off. Linux: kernel/irq/spurious.c, with the same numbers.

#include "arch/clock.h"
#include "arch/cpu.h"
#include "core/irq/irq_desc.h"
#include "core/log/printk.h"

namespace irq {

namespace {

constexpr u32 kJudgedAtOnce = 100'000;
constexpr u32 kTooMany = 99'900;  // of those

/// One now and then is an accident: only those within 0.1 s of each other are counted together.
void count_unhandled(IrqDesc& desc) {
    const u64 now = arch::rdtsc();
    const bool is_close = now - desc.last_unhandled_tsc < arch::tsc_khz() * 100;
    desc.unhandled = is_close ? desc.unhandled + 1 : 1;
    desc.last_unhandled_tsc = now;
}

void shut_off(IrqDesc& desc) REQUIRES(desc.lock) {
    printk(Level::Err, "irq %u: nobody cared", desc.irq);
    printk(Level::Err, "handlers:");
    for (const IrqAction* action = desc.action; action != nullptr; action = action->next) {
        printk(Level::Err, "[<%016x>] %s%s", reinterpret_cast<u64>(action->handler), action->name,
               action->thread != nullptr ? " threaded" : "");
    }
    printk(Level::Err, "Disabling IRQ #%u", desc.irq);
    desc.state |= IrqDesc::kSpuriousDisabled | IrqDesc::kDisabled;
    desc.depth++;
    mask_irq(desc);
}

/// Only a thread knows whether the interrupt was its device's: what the threads said since the
/// last time stands for this one.
bool threads_cared(IrqDesc& desc) {
    const u32 handled = desc.threads_handled.load(std::memory_order_relaxed);
    const bool cared = handled != desc.threads_handled_seen;
    desc.threads_handled_seen = handled;
    return cared;
}

}  // namespace

void note_interrupt(IrqDesc& desc, IrqReturn said) {
    const bool handled =
        said == IrqReturn::WakeThread ? threads_cared(desc) : said != IrqReturn::None;
    if (!handled) count_unhandled(desc);
    if (++desc.looked_at < kJudgedAtOnce) [[likely]] {
        return;
    }
    desc.looked_at = 0;
    if (desc.unhandled > kTooMany) shut_off(desc);
    desc.unhandled = 0;
}

}  // namespace irq
