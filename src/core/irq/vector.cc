// See vector.h.

#include "core/irq/vector.h"

#include "arch/apic.h"
#include "core/irq/ipi.h"
#include "core/irq/irq_trace.h"

namespace irq {

namespace {

constexpr unsigned kStep = 16;
constexpr unsigned kFirst = arch::kFirstDevice;  // of the cycle; it is kMoveCleanupVector itself
constexpr unsigned kLimit = arch::kFirstSystem;

struct VectorTable {
    std::atomic<IrqDesc*> desc[256];
};
PER_CPU VectorTable vector_table{};

constinit SpinLock vector_lock{"vectors", LockRank::IrqChip};
constinit unsigned last_given GUARDED_BY(vector_lock) = kFirst;

std::atomic<IrqDesc*>& slot(const VectorPlace& place) {
    return per_cpu(vector_table, place.cpu).desc[place.vector];
}

bool is_reserved(unsigned vector) {
    return vector == arch::kSyscall32 || vector == arch::kMoveCleanupVector;
}

/// The one after `vector` in the order in which they are given out: 0x31, 0x41 … 0xe1, 0x22 ….
unsigned next_in_cycle(unsigned vector) {
    vector += kStep;
    if (vector >= kLimit) vector = kFirst + (vector + 1) % kStep;
    return vector;
}

/// A free vector on `cpu`, or 0.
unsigned find_free(unsigned cpu) REQUIRES(vector_lock) {
    unsigned vector = last_given;
    do {
        vector = next_in_cycle(vector);
        if (is_reserved(vector)) continue;
        if (slot({cpu, vector}).load(std::memory_order_relaxed) == nullptr) return vector;
    } while (vector != last_given);
    return 0;
}

void trace_vector(const IrqDesc& desc, bool moved) {
    if (!trace::is_enabled<VectorUpdate>()) return;
    const VectorState& v = desc.vectors;
    trace::point(VectorUpdate{.irq = desc.irq,
                              .vector = v.now.vector,
                              .cpu = v.now.cpu,
                              .prev_vector = moved ? v.old.vector : 0,
                              .prev_cpu = moved ? v.old.cpu : 0});
}

Result<void> take(IrqDesc& desc, VectorPlace place) REQUIRES(vector_lock) {
    VectorState& v = desc.vectors;
    last_given = place.vector;
    const bool moves = v.now.vector != 0;
    if (moves) {
        v.old = v.now;
        v.moving = true;
    }
    v.now = place;
    slot(place).store(&desc, std::memory_order_release);
    trace_vector(desc, moves);
    return {};
}

class VectorChip final : public IrqChip {
public:
    constexpr VectorChip() : IrqChip("APIC") {}
    void mask(IrqData&) override {}  // a local APIC cannot hold back one vector
    void unmask(IrqData&) override {}
    void ack(IrqData& data) override {
        complete_move(*data.desc);
        arch::apic_eoi();
    }
    void eoi(IrqData& data) override { ack(data); }
    void retrigger(IrqData& data) override {
        const VectorPlace& at = data.desc->vectors.now;
        send_vector(at.cpu, at.vector);
    }
};
constinit VectorChip chip;

void drop_old(IrqDesc& desc) REQUIRES(vector_lock) {
    VectorPlace& old = desc.vectors.old;
    if (old.vector != 0) slot(old).store(nullptr, std::memory_order_release);
    old = VectorPlace{};
    desc.vectors.moving = false;
}

/// On the processor that an interrupt has left: nothing can be under way any more, since this has
/// the lowest vector of all and comes after what waits in the local APIC.
void cleanup_interrupt(arch::TrapFrame&) {
    IrqGuard guard(vector_lock);
    for (unsigned vector = kFirst; vector < kLimit; vector++) {
        const VectorPlace here{cpu_id(), vector};
        IrqDesc* const desc = slot(here).load(std::memory_order_relaxed);
        if (desc == nullptr || desc->vectors.moving) continue;
        const VectorPlace& old = desc->vectors.old;
        if (old.vector != vector || old.cpu != here.cpu) continue;
        if (arch::apic_is_requested(vector)) {
            send_vector(here.cpu, arch::kMoveCleanupVector);  // look again after that one
        } else {
            drop_old(*desc);
        }
    }
}

}  // namespace

IrqChip& vector_chip = chip;

Result<void> assign_vector(IrqDesc& desc, u64 cpus) {
    IrqGuard guard(vector_lock);
    VectorState& v = desc.vectors;
    if (v.old.vector != 0) return EBUSY;
    cpus &= online_cpus.bits();
    if (cpus == 0) return EINVAL;
    if (v.now.vector != 0 && (cpus >> v.now.cpu & 1)) return {};
    for (; cpus != 0; cpus &= cpus - 1) {
        const u32 cpu = u32(__builtin_ctzll(cpus));
        if (const unsigned vector = find_free(cpu)) return take(desc, {cpu, vector});
    }
    return ENOSPC;
}

void release_vectors(IrqDesc& desc) {
    IrqGuard guard(vector_lock);
    drop_old(desc);
    VectorPlace& now = desc.vectors.now;
    if (now.vector != 0) slot(now).store(nullptr, std::memory_order_release);
    now = VectorPlace{};
}

void complete_move(IrqDesc& desc) {
    VectorState& v = desc.vectors;
    if (!v.moving) [[likely]] {
        return;
    }
    IrqGuard guard(vector_lock);
    if (v.now.cpu != cpu_id()) return;  // a late one, at the old place
    v.moving = false;
    send_vector(v.old.cpu, arch::kMoveCleanupVector);
}

IrqDesc* desc_of_vector(unsigned vector) {
    return this_cpu(vector_table).desc[vector].load(std::memory_order_acquire);
}

void read_vectors(unsigned cpu, VectorMatrixRow& row) {
    IrqGuard guard(vector_lock);
    row.available = row.allocated = 0;
    for (unsigned vector = 0; vector < 256; vector++) {
        const IrqDesc* const desc = slot({cpu, vector}).load(std::memory_order_relaxed);
        row.irq_of[vector] = desc != nullptr ? desc->irq : kNoIrq;
        if (vector < kFirst || vector >= kLimit || is_reserved(vector)) continue;
        (desc != nullptr ? row.allocated : row.available)++;
    }
}

void init_vectors() {
    set_vector_handler(arch::kMoveCleanupVector, cleanup_interrupt, "IRQ move cleanup");
}

}  // namespace irq
