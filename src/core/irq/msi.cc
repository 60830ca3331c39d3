// See msi.h.

#include "core/irq/msi.h"

#include "core/irq/ipi.h"
#include "core/irq/irq_domain.h"

namespace irq {

namespace {

MsiDevice& device_of(const IrqData& data) { return *static_cast<MsiDevice*>(data.chip_data); }

class MsiChip final : public IrqChip {
public:
    constexpr MsiChip() : IrqChip("PCI-MSI") {}
    void mask(IrqData& data) override { set_masked(data, true); }
    void unmask(IrqData& data) override { set_masked(data, false); }

private:
    static void set_masked(IrqData& data, bool masked) {
        MsiDevice& device = device_of(data);
        if (device.set_masked != nullptr) device.set_masked(device, data.hwirq, masked);
    }
};
constinit MsiChip chip;

void write_route(IrqData& data, const VectorPlace& to) {
    MsiDevice& device = device_of(data);
    device.write_message(device, data.hwirq, compose_msi(to));
}

constinit IrqDomain domain{"PCI-MSI", chip, write_route};

bool is_mapped(const MsiDevice& device, u32 index) {
    for (unsigned irq = 0; irq < kMaxIrqs; irq++) {
        const IrqDesc* const desc = irq_to_desc(irq);
        if (desc == nullptr || desc->data.domain != &domain) continue;
        if (desc->data.chip_data == &device && desc->data.hwirq == index) return true;
    }
    return false;
}

}  // namespace

MsiMessage compose_msi(const VectorPlace& to) {
    constexpr u64 kBase = 0xfee0'0000;  // physical destination, fixed delivery, edge
    return {.address = kBase | u64{apic_id_of(to.cpu)} << 12, .data = to.vector};
}

Result<unsigned> alloc_msi(MsiDevice& device, u32 index) {
    if (is_mapped(device, index)) return EEXIST;
    IrqDesc& desc = *TRY(alloc_dynamic_desc());
    map_irq(desc, domain, index, &device);
    set_flow(desc, handle_edge_irq, "edge");
    return desc.irq;
}

void free_msi(unsigned irq) {
    IrqDesc* const desc = irq_to_desc(irq);
    if (desc != nullptr && desc->data.domain == &domain) free_desc(*desc);
}

}  // namespace irq
