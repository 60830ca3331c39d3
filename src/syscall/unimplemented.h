/// Calls that programs made and that do not exist here: they say what to write next.
#pragma once

#include "arch/trap_frame.h"

namespace syscall {

/// The handler of every number without an entry: counts the call, tells the log the first time
/// (Level::Debug), and returns -ENOSYS.
u64 unimplemented(arch::TrapFrame& frame);

/// Calls of unimplemented numbers since boot, for the counter in /proc/vitrine_unimplemented.
u64 unimplemented_calls();

/// The same for one number.
u64 unimplemented_calls_of(u64 number);

}  // namespace syscall
