/// Clocks of known rate, to measure the others by. Private to arch/x86_64.
#pragma once

#include "lib/types.h"

namespace arch {

/// A counter that only ever counts up; to_ns() converts a difference of two readings.
struct ReferenceClock {
    const char* name;
    u64 (*read)();
    u64 femtoseconds_per_tick;

    u64 to_ns(u64 ticks) const {
        constexpr u64 kFsPerNs = 1'000'000;
        return ticks / kFsPerNs * femtoseconds_per_tick +
               ticks % kFsPerNs * femtoseconds_per_tick / kFsPerNs;
    }
};

/// The best clock of this machine: HPET, else ACPI timer, else PIT.
ReferenceClock find_reference_clock();

}  // namespace arch
