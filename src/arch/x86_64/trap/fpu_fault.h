/// Which floating-point exception it was. Private to arch/x86_64.
#pragma once

#include "lib/types.h"

namespace arch {

/// The si_code for exceptions that happened (`raised`) and are not masked (`masked`): bits 0-5 are
/// invalid, denormal, zero divide, overflow, underflow, precision. 0 if none is left.
int fpu_fault_code(u32 raised, u32 masked);

/// The si_code of the #MF or #XF (`is_simd`) that was just taken, from the status registers. They
/// are still the program's: interrupts have been off since.
int current_fpu_fault(bool is_simd);

}  // namespace arch
