/// Calls about the machine that both doors have. Private to syscall/.
#pragma once

#include "lib/result.h"
#include "lib/types.h"

namespace syscall {

/// The options of arch_prctl(2) that 32-bit code has, too. EINVAL for all others; ENODEV, EFAULT,
/// EOPNOTSUPP.
Result<u64> arch_prctl_common(int option, u64 value);

}  // namespace syscall
