// The table of interrupts, and their counts.

#include "core/irq/irq_desc.h"

#include <new>

#include "core/irq/irq_domain.h"

namespace irq {

constinit Services services{};
constinit const ThreadServices* thread_services = nullptr;

namespace {

constinit SpinLock table_lock{"irq_table", LockRank::IrqDesc};
constinit std::atomic<IrqDesc*> table[kMaxIrqs]{};

struct Counts {
    u32 of[kMaxIrqs];
};
PER_CPU Counts counts{};

void reset(IrqDesc& desc) {
    desc.state = IrqDesc::kMasked | IrqDesc::kDisabled;
    desc.depth = 1;
    desc.handle = nullptr;
    desc.flow_name = nullptr;
    desc.data = desc.vector_data = IrqData{};
    desc.affinity = default_affinity.load(std::memory_order_relaxed);
    desc.looked_at = desc.unhandled = 0;
    desc.last_unhandled_tsc = 0;
    for_each_cpu(possible_cpus, [&](unsigned cpu) { per_cpu(counts, cpu).of[desc.irq] = 0; });
}

/// Memory for a descriptor, unless the table has an old one. The caller has no lock.
Result<IrqDesc*> ensure_desc(unsigned irq) {
    if (IrqDesc* old = table[irq].load(std::memory_order_acquire)) return old;
    void* const memory = services.alloc(sizeof(IrqDesc));
    if (memory == nullptr) return ENOMEM;
    IrqDesc* const made = new (memory) IrqDesc(irq);
    IrqDesc* other = nullptr;
    if (table[irq].compare_exchange_strong(other, made, std::memory_order_acq_rel)) return made;
    services.free(memory);
    return other;
}

bool claim(IrqDesc& desc) {
    IrqGuard guard(table_lock);
    if (desc.in_use) return false;
    desc.in_use = true;
    reset(desc);
    return true;
}

}  // namespace

IrqDesc* irq_to_desc(unsigned irq) {
    if (irq >= kMaxIrqs) return nullptr;
    IrqDesc* const desc = table[irq].load(std::memory_order_acquire);
    return desc != nullptr && desc->in_use ? desc : nullptr;
}

Result<IrqDesc*> alloc_desc(unsigned irq) {
    if (irq >= kMaxIrqs) return EINVAL;
    IrqDesc* const desc = TRY(ensure_desc(irq));
    if (!claim(*desc)) return EEXIST;
    return desc;
}

Result<IrqDesc*> alloc_dynamic_desc() {
    for (unsigned irq = first_dynamic_irq(); irq < kMaxIrqs; irq++) {
        IrqDesc* const desc = TRY(ensure_desc(irq));
        if (claim(*desc)) return desc;
    }
    return ENOSPC;
}

void free_desc(IrqDesc& desc) {
    ASSERT(desc.action == nullptr);
    IrqGuard guard(table_lock);
    desc.in_use = false;
}

u32 irq_count(unsigned irq, unsigned cpu) { return per_cpu(counts, cpu).of[irq]; }
void count_irq(const IrqDesc& desc) { this_cpu(counts).of[desc.irq]++; }

}  // namespace irq
