/// Private to arch/x86_64.
#pragma once

#include "arch/trap_frame.h"

namespace arch {

/// True if `rip` is an instruction of user_copy.S that may fault.
bool is_expected_fault(u64 rip);

}  // namespace arch
