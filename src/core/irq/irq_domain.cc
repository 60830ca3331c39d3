// See irq_domain.h.

#include "core/irq/irq_domain.h"

#include "core/irq/vector.h"

namespace irq {

void map_irq(IrqDesc& desc, IrqDomain& domain, u32 hwirq, void* chip_data) {
    desc.data = IrqData{.hwirq = hwirq,
                        .chip = &domain.chip,
                        .domain = &domain,
                        .desc = &desc,
                        .parent = &desc.vector_data,
                        .chip_data = chip_data};
    desc.vector_data = IrqData{.hwirq = desc.irq, .chip = &vector_chip, .desc = &desc};
}

void set_flow(IrqDesc& desc, FlowHandler flow, const char* name) {
    desc.handle = flow;
    desc.flow_name = name;
}

Result<unsigned> find_mapping(const IrqDomain& domain, u32 hwirq) {
    for (unsigned irq = 0; irq < kMaxIrqs; irq++) {
        const IrqDesc* const desc = irq_to_desc(irq);
        if (desc == nullptr || desc->data.domain != &domain) continue;
        if (desc->data.hwirq == hwirq) return irq;
    }
    return ENOENT;
}

Result<void> activate_irq(IrqDesc& desc) {
    if (desc.has(IrqDesc::kActivated)) return {};
    const u64 online = online_cpus.bits();
    TRY(assign_vector(desc, (desc.affinity & online) != 0 ? desc.affinity : online));
    desc.data.domain->write_route(desc.data, desc.vectors.now);
    desc.state |= IrqDesc::kActivated;
    return {};
}

Result<void> move_vector(IrqDesc& desc) {
    TRY(assign_vector(desc, desc.affinity));
    desc.data.domain->write_route(desc.data, desc.vectors.now);
    return {};
}

void deactivate_irq(IrqDesc& desc) {
    if (!desc.has(IrqDesc::kActivated)) return;
    desc.state &= ~u32{IrqDesc::kActivated | IrqDesc::kMoveWanted};
    release_vectors(desc);
}

}  // namespace irq
