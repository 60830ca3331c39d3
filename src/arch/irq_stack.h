/// Calling a function on another stack.
#pragma once

#include "lib/kasan.h"
#include "lib/types.h"

namespace arch {

/// The lowest address of this processor's interrupt stack; 0: there is none yet. The page below it
/// is never mapped. Per-CPU.
extern u64 irq_stack_base;
inline constexpr usize kIrqStackBytes = (kKasan ? 32 : 16) * 1024;

/// Calls `function(first, second)` on the stack whose top (16-byte aligned) is `top`, and comes
/// back to this one. Interrupts are off. Backtraces see through it: the chain of frame pointers
/// leads from the one stack to the other. trap/irq_stack.S
extern "C" void call_on_stack(u64 first, u64 second, u64 top, void (*function)(u64, u64));

}  // namespace arch
