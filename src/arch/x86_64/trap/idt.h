/// The interrupt descriptor table: which code runs for which of the 256 vectors. Private to
/// arch/x86_64. See: Intel SDM vol. 3, 6.10-6.14.
#pragma once

#include <span>

#include "arch/x86_64/cpu/cpu_setup.h"

namespace arch {

/// A gate of 64-bit mode. See: Intel SDM vol. 3, 6.14.1.
struct Gate {
    u16 offset_low;     // of the entry, bits 15..0
    u16 selector;       // of the code segment that it runs in
    u8 ist;             // bits 2..0; the others are 0
    u8 type;            // present (bit 7), privilege (6..5), 0, kind (3..0)
    u16 offset_middle;  // bits 31..16
    u32 offset_high;    // bits 63..32
    u32 reserved;
};
static_assert(sizeof(Gate) == 16);

inline constexpr unsigned kVectors = 256;
inline constexpr u64 kStubSize = 16;  // the stubs of trap_entry.S stand this far apart

/// The interrupt gate to the code at `entry`, which code of privilege `ring` or higher may reach by
/// an INT instruction.
Gate make_gate(u64 entry, Ist ist, unsigned ring);

/// Fills in a table for stubs that begin at `stubs`.
void build_idt(std::span<Gate, kVectors> table, u64 stubs);

}  // namespace arch
