// See: IA-PC HPET specification 1.0a; ACPI 4.8.2.1 (power management timer); 8254 data sheet.

#include "arch/x86_64/time/reference.h"

#include "arch/boot_info.h"
#include "arch/clock.h"
#include "arch/cpu.h"

namespace arch {

namespace {

constinit volatile u8* hpet = nullptr;

constexpr unsigned kHpetCapabilities = 0x00, kHpetConfiguration = 0x10, kHpetCounter = 0xf0;
constexpr u64 kPmTimerFs = 279'365'115;  // 1 s / 3.579545 MHz
constexpr u64 kPitFs = 838'095'110;      // 1 s / 1.193182 MHz

// Counters that are narrower than 64 bits are extended: they are read often while in use.
constinit u64 extended = 0;
constinit u32 last = 0;

u64 extend(u32 now, u32 mask) {
    extended += (now - last) & mask;
    last = now;
    return extended;
}

u64 read_hpet() { return extend(mmio_read<u32>(hpet + kHpetCounter), ~0u); }
u64 read_pm_timer() {
    return extend(inl(acpi_info.pm_timer_port), acpi_info.pm_timer_32bit ? ~0u : 0xff'ffff);
}

/// Channel 0 counts down from 65536; latch it, read two bytes.
u64 read_pit() {
    outb(0x43, 0x00);
    const u32 low = inb(0x40);
    return extend(0x1'0000 - (low | u32{inb(0x40)} << 8), 0xffff);
}

void pit_start() {
    outb(0x43, 0x34);  // channel 0, low then high byte, rate generator
    outb(0x40, 0);
    outb(0x40, 0);
}

bool counts(u64 (*read)()) {
    const u64 begin = read();
    for (unsigned i = 0; i < 100'000; i++) {
        if (read() != begin) return true;
    }
    return false;
}

}  // namespace

void hpet_init(volatile void* registers) {
    hpet = static_cast<volatile u8*>(registers);
    mmio_write<u64>(hpet + kHpetConfiguration, mmio_read<u64>(hpet + kHpetConfiguration) | 1);
}

ReferenceClock find_reference_clock() {
    if (hpet != nullptr) {
        const u64 period = mmio_read<u64>(hpet + kHpetCapabilities) >> 32;  // femtoseconds
        constexpr u64 kSlowest = 100'000'000;                               // by the specification
        if (period != 0 && period <= kSlowest && counts(read_hpet)) {
            return {"hpet", read_hpet, period};
        }
    }
    if (acpi_info.pm_timer_port != 0 && counts(read_pm_timer)) {
        return {"acpi_pm", read_pm_timer, kPmTimerFs};
    }
    pit_start();
    return {"pit", read_pit, kPitFs};
}

}  // namespace arch
