/// The local APICs: which vector of which processor stands for which interrupt.
/// Linux: arch/x86/kernel/apic/vector.c.
///
/// Each processor has a table of its own from vector to IrqDesc, so the same vector can stand for
/// different interrupts, and there are about 200 of them on *each* processor.
///
/// Vectors are given out 16 apart: the upper four bits of a vector are its priority class, and an
/// interrupt is held back while one of its class or above is being handled.
#pragma once

#include "core/irq/irq_desc.h"
#include "core/irq/irq_domain.h"

namespace irq {

extern IrqChip& vector_chip;

/// Gives the interrupt a vector on one of `cpus`, or another one. The old one keeps its table entry
/// until an interrupt has arrived at the new one: what is on its way must not get lost.
/// EINVAL: none of `cpus` is online; ENOSPC: all their vectors are taken; EBUSY: the last move is
/// not over. The line's lock is held.
Result<void> assign_vector(IrqDesc& desc, u64 cpus);
void release_vectors(IrqDesc& desc);

/// An interrupt has arrived at vector `place`: if the line was moving there, it has moved.
void complete_move(IrqDesc& desc);

/// The interrupt that `vector` stands for on this processor, or null.
IrqDesc* desc_of_vector(unsigned vector);

/// For debugfs: the state of one processor's table.
struct VectorMatrixRow {
    u32 available, allocated;
    u32 irq_of[256];  // kNoIrq: free
};
inline constexpr u32 kNoIrq = ~0u;
void read_vectors(unsigned cpu, VectorMatrixRow& row);

void init_vectors();

}  // namespace irq
