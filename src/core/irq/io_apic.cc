// The I/O APICs' domain, and the irqs of the ISA bus. Linux: arch/x86/kernel/apic/io_apic.c.
//
// ISA line n is irq n. The firmware's overrides say to which input it leads and how it signals;
// else that is input n, edge-triggered. An input's number (GSI) counts through all I/O APICs.

#include "arch/apic.h"
#include "arch/boot_info.h"
#include "core/irq/ipi.h"
#include "core/irq/irq_domain.h"
#include "core/irq/vector.h"
#include "core/log/printk.h"

namespace irq {

constinit std::atomic<u64> default_affinity{~u64{0}};

namespace {

constexpr unsigned kIsaLines = 16;
constexpr unsigned kCascade = 2;  // where the second 8259 was: no device has it

// The registers are a window that all inputs share.
constinit SpinLock window_lock{"ioapic", LockRank::IrqChip};

bool is_active_low(const IrqData& data) { return data.chip_data != nullptr; }
void* polarity_mark(bool active_low) { return reinterpret_cast<void*>(u64{active_low}); }

class IoApicChip final : public IrqChip {
public:
    constexpr IoApicChip() : IrqChip("IO-APIC") {}
    void mask(IrqData& data) override {
        IrqGuard guard(window_lock);
        arch::ioapic_mask(data.hwirq);
    }
    void unmask(IrqData& data) override {
        IrqGuard guard(window_lock);
        arch::ioapic_unmask(data.hwirq);
    }
    /// A level that the device has not let go of, and no processor has acknowledged, belongs to
    /// the vector in the entry: with another one the acknowledgement would never find it.
    bool can_move(IrqData& data) override {
        if (!data.desc->has(IrqDesc::kLevel)) return true;
        IrqGuard guard(window_lock);
        return !arch::ioapic_is_unacknowledged(data.hwirq);
    }
};
constinit IoApicChip chip;

void write_route(IrqData& data, const VectorPlace& to) {
    IrqGuard guard(window_lock);
    // Existence was checked when the input was mapped.
    (void)arch::ioapic_route(data.hwirq, to.vector, apic_id_of(to.cpu), is_active_low(data),
                             data.desc->has(IrqDesc::kLevel))
        .ok();
}

constinit IrqDomain domain{"IO-APIC", chip, write_route};

void map_input(IrqDesc& desc, u32 gsi, GsiSignal signal) {
    map_irq(desc, domain, gsi, polarity_mark(signal.active_low));
    if (signal.level) desc.state |= IrqDesc::kLevel;
    if (signal.level) {
        set_flow(desc, handle_fasteoi_irq, "fasteoi");
    } else {
        set_flow(desc, handle_edge_irq, "edge");
    }
}

/// Where ISA line `line` leads, and how it signals.
struct Route {
    u32 gsi;
    GsiSignal signal;
};
Route route_of(unsigned line) {
    for (u32 i = 0; i < arch::acpi_info.override_count; i++) {
        const auto& o = arch::acpi_info.overrides[i];
        if (o.isa_irq == line) return {o.gsi, {o.level, o.active_low}};
    }
    return {line, {false, false}};
}

}  // namespace

unsigned first_dynamic_irq() {
    constexpr unsigned kAtLeast = 24, kAtMost = kMaxIrqs / 2;
    const unsigned top = arch::ioapic_gsi_limit();
    return top < kAtLeast ? kAtLeast : top > kAtMost ? kAtMost : top;
}

void init_io_apics() {
    for (unsigned line = 0; line < kIsaLines; line++) {
        const Route route = route_of(line);
        if (line == kCascade || !arch::ioapic_has(route.gsi)) continue;
        Result<IrqDesc*> desc = alloc_desc(line);
        if (!desc.ok()) return printk(Level::Err, "irq %u: %s", line, desc.error());
        map_input(*desc.value(), route.gsi, route.signal);
    }
}

Result<unsigned> map_gsi(u32 gsi, GsiSignal signal) {
    if (!arch::ioapic_has(gsi)) return ENXIO;
    Result<unsigned> known = find_mapping(domain, gsi);
    if (known.ok()) return known;
    if (gsi < kIsaLines || gsi >= first_dynamic_irq()) return ENXIO;
    IrqDesc& desc = *TRY(alloc_desc(gsi));
    map_input(desc, gsi, signal);
    return gsi;
}

}  // namespace irq
