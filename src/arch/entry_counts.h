/// How system calls left. The common way costs nothing to count, so it is not counted.
#pragma once

#include "lib/types.h"

namespace arch {

/// SYSCALLs that left by IRET, since SYSRET cannot produce their frame. Per-CPU.
extern "C" u64 syscall_iret_exits;

}  // namespace arch
