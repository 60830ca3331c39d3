/// The table of int $0x80.
#pragma once

#include "lib/types.h"

namespace syscall {

/// Fills the table. Boot, after the native one.
void init_i386();

/// Calls that came through int $0x80 since boot.
u64 i386_calls();

}  // namespace syscall
