/// Which debug exception it was. Private to arch/x86_64.
#pragma once

#include "lib/types.h"

namespace arch {

/// DR6, where the processor says why it raised #DB. It never clears it, so this does. Interrupts
/// are off.
u64 take_debug_status();

/// The si_code of the #DB that a program was just given. The running task keeps the status.
int take_debug_code();

}  // namespace arch
