// See: ACPI 4.8.2.1 (power management timer).

#include "arch/x86_64/time/reference.h"

#include "arch/boot_info.h"
#include "arch/clock.h"
#include "arch/cpu.h"

namespace arch {

namespace {

constexpr u64 kFsPerSec = 1'000'000'000'000'000;

// Counters that are narrower than 64 bits are extended: they are read often while in use.
constinit u64 extended = 0;
constinit u32 last = 0;

u64 extend(u32 now, u32 mask) {
    extended += (now - last) & mask;
    last = now;
    return extended;
}

u64 extended_hpet() { return extend(hpet_read(), ~0u); }
u64 extended_pm_timer() { return extend(pm_timer_read(), pm_timer_mask()); }
u64 extended_pit() { return extend(pit_read(), 0xffff); }

bool counts(u64 (*read)()) {
    const u64 begin = read();
    for (unsigned i = 0; i < 100'000; i++) {
        if (read() != begin) return true;
    }
    return false;
}

}  // namespace

u32 pm_timer_mask() {
    if (acpi_info.pm_timer_port == 0) return 0;
    return acpi_info.pm_timer_32bit ? ~0u : 0xff'ffff;
}

u32 pm_timer_read() { return inl(acpi_info.pm_timer_port); }

ReferenceClock find_reference_clock() {
    if (const HpetInfo* hpet = hpet_info()) return {"hpet", extended_hpet, hpet->period_fs};
    if (pm_timer_mask() != 0 && counts(extended_pm_timer)) {
        return {"acpi_pm", extended_pm_timer, kFsPerSec / kPmTimerHz};
    }
    pit_start();
    return {"pit", extended_pit, kFsPerSec / kPitHz};
}

}  // namespace arch
