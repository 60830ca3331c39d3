/// Message signalled interrupts: the device itself writes to the address of a local APIC, so its
/// interrupt needs no line and is nobody else's. Linux: kernel/irq/msi.c. See: Intel SDM vol. 3,
/// 10.11; PCI 3.0, 6.8.
#pragma once

#include "core/irq/irq_desc.h"

namespace irq {

/// A device that can send messages, as its driver describes it. Must outlive its interrupts.
struct MsiDevice {
    /// The chip column of /proc/interrupts.
    const char* name;
    /// Makes interrupt number `index` of the device use this message from now on. Interrupts are
    /// off, a spin lock is held; any time between allocation and release.
    void (*write_message)(MsiDevice& device, u32 index, const MsiMessage& message);
    /// Holds the message back, if the device can (MSI-X, MSI with a mask bit); null: it cannot.
    void (*set_masked)(MsiDevice& device, u32 index, bool masked) = nullptr;
};

/// An irq number for interrupt `index` of the device, to be given to request_irq(). EEXIST: it has
/// one; ENOSPC, ENOMEM. Process context.
Result<unsigned> alloc_msi(MsiDevice& device, u32 index);

/// Gives the number back; nobody has it requested any more.
void free_msi(unsigned irq);

/// The message that makes processor `cpu` take `vector`.
MsiMessage compose_msi(const VectorPlace& to);

}  // namespace irq
