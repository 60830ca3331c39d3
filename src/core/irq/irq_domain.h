/// IrqDomain: who gives out the interrupts of one controller. Linux: kernel/irq/irqdomain.c.
///
/// Domains stand in a hierarchy, as the controllers do:
///
///     device line --> IO-APIC --+
///                               +--> VECTOR (the local APICs)
///     device      --> MSI ------+
///
/// An interrupt is mapped once (which hwirq of which domain has which irq number) and activated
/// when somebody requests it: only then it takes a vector.
#pragma once

#include "core/irq/irq_desc.h"

namespace irq {

struct IrqDomain {
    const char* name;
    IrqChip& chip;
    /// Called when the interrupt gets its vector, and whenever the vector has changed: programs the
    /// controller to send it there. The line is masked, its lock held.
    void (*write_route)(IrqData& data, const VectorPlace& to);
};

/// Makes `hwirq` of `domain` known as `desc`, below which lie the local APICs. `flow`: how its
/// signals are treated.
void map_irq(IrqDesc& desc, IrqDomain& domain, u32 hwirq, void* chip_data);
void set_flow(IrqDesc& desc, FlowHandler flow, const char* name);

/// Which irq number `hwirq` of `domain` has. ENOENT: it is not mapped.
Result<unsigned> find_mapping(const IrqDomain& domain, u32 hwirq);

/// The interrupt gets a vector on one of the processors in desc.affinity, or loses it. ENOSPC.
Result<void> activate_irq(IrqDesc& desc) REQUIRES(desc.lock);
void deactivate_irq(IrqDesc& desc) REQUIRES(desc.lock);

/// Another vector on one of the processors in desc.affinity, and the controller is told. The line
/// is masked. EBUSY: the last move is not over; EINVAL, ENOSPC: stays where it is.
Result<void> move_vector(IrqDesc& desc) REQUIRES(desc.lock);

/// Below: ISA lines and inputs of I/O APICs.
unsigned first_dynamic_irq();

/// The I/O APICs, and the irqs of the ISA lines. Boot.
void init_io_apics();

/// The irq of an input of an I/O APIC beyond the ISA lines, for PCI's INTx pins; level-triggered
/// and active low unless said otherwise. ENXIO: there is no such input; ENOMEM.
struct GsiSignal {
    bool level = true, active_low = true;
};
Result<unsigned> map_gsi(u32 gsi, GsiSignal signal);

/// Where interrupts go if nobody says otherwise: /proc/irq/default_smp_affinity.
extern constinit std::atomic<u64> default_affinity;

}  // namespace irq
