// The I/O APICs: a window of two registers each, behind it a table with one entry for each input.

#include "arch/apic.h"
#include "arch/cpu.h"

namespace arch {

namespace {

struct IoApic {
    volatile u8* registers;
    u32 first_gsi;
    u32 inputs;
};
constexpr unsigned kMax = 8;
constinit IoApic ioapics[kMax]{};
constinit unsigned ioapic_count = 0;

constexpr u32 kMasked = 1 << 16, kLevel = 1 << 15, kActiveLow = 1 << 13;
constexpr u32 kVersion = 1, kRedirection = 0x10;

// The callers (core/irq) hold the lock of the interrupt line and have interrupts off; the window
// is shared by all lines, so irq/ serialises all access with its chip lock.
u32 read(const IoApic& apic, u32 reg) {
    mmio_write<u32>(apic.registers, reg);
    return mmio_read<u32>(apic.registers + 0x10);
}
void write(const IoApic& apic, u32 reg, u32 value) {
    mmio_write<u32>(apic.registers, reg);
    mmio_write<u32>(apic.registers + 0x10, value);
}

const IoApic* owner_of(u32 gsi) {
    for (unsigned i = 0; i < ioapic_count; i++) {
        const IoApic& apic = ioapics[i];
        if (gsi >= apic.first_gsi && gsi - apic.first_gsi < apic.inputs) return &apic;
    }
    return nullptr;
}

void change_mask(u32 gsi, bool masked) {
    const IoApic* apic = owner_of(gsi);
    if (apic == nullptr) return;
    const u32 reg = kRedirection + 2 * (gsi - apic->first_gsi);
    const u32 low = read(*apic, reg);
    write(*apic, reg, masked ? low | kMasked : low & ~kMasked);
}

}  // namespace

void ioapic_add(volatile void* registers, u32 first_gsi) {
    if (ioapic_count == kMax) return;
    IoApic& apic = ioapics[ioapic_count++];
    apic = {static_cast<volatile u8*>(registers), first_gsi, 0};
    apic.inputs = (read(apic, kVersion) >> 16 & 0xff) + 1;
    for (u32 i = 0; i < apic.inputs; i++) write(apic, kRedirection + 2 * i, kMasked);
}

Result<void> ioapic_route(u32 gsi, unsigned vector, u32 id, bool active_low, bool level) {
    const IoApic* apic = owner_of(gsi);
    if (apic == nullptr) return ENXIO;
    const u32 reg = kRedirection + 2 * (gsi - apic->first_gsi);
    const u32 low = vector | kMasked | (active_low ? kActiveLow : 0) | (level ? kLevel : 0);
    write(*apic, reg, kMasked);
    write(*apic, reg + 1, id << 24);
    write(*apic, reg, low);
    return {};
}

bool ioapic_has(u32 gsi) { return owner_of(gsi) != nullptr; }

u32 ioapic_gsi_limit() {
    u32 limit = 0;
    for (unsigned i = 0; i < ioapic_count; i++) {
        const u32 end = ioapics[i].first_gsi + ioapics[i].inputs;
        if (end > limit) limit = end;
    }
    return limit;
}

bool ioapic_is_unacknowledged(u32 gsi) {
    constexpr u32 kRemoteIrr = 1 << 14;
    const IoApic* apic = owner_of(gsi);
    return apic != nullptr &&
           (read(*apic, kRedirection + 2 * (gsi - apic->first_gsi)) & kRemoteIrr);
}

void ioapic_mask(u32 gsi) { change_mask(gsi, true); }
void ioapic_unmask(u32 gsi) { change_mask(gsi, false); }

}  // namespace arch
