/// The stacks for exceptions that may strike when the current stack is not usable.
#pragma once

#include "lib/types.h"

namespace arch {

/// True if `at` lies on one of this processor's stacks for NMI, double fault and machine check.
bool is_on_exception_stack(u64 at);

}  // namespace arch
