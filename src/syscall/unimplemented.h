/// Calls that programs made and that do not exist here: they say what to write next.
#pragma once

#include "arch/trap_frame.h"

namespace syscall {

/// Which door a call came through; its number is to be read accordingly.
enum class Abi : u8 { X86_64, I386 };

/// The handler of every number without an entry: counts the call, tells the log the first time
/// (Level::Debug), and returns -ENOSYS.
u64 unimplemented(arch::TrapFrame& frame);
u64 count_unimplemented(arch::TrapFrame& frame, Abi abi);

/// The name of a call, or null.
const char* name_of_call(u64 number, Abi abi);

/// Calls of unimplemented numbers since boot, for the counter in /proc/vitrine_unimplemented.
u64 unimplemented_calls();

/// The same for one number.
u64 unimplemented_calls_of(u64 number, Abi abi);

}  // namespace syscall
