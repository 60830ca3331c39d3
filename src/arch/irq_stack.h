/// Calling a function on another stack.
#pragma once

#include "lib/types.h"

namespace arch {

/// Calls `function(first, second)` on the stack whose top (16-byte aligned) is `top`, and comes
/// back to this one. Interrupts are off. Backtraces see through it: the chain of frame pointers
/// leads from the one stack to the other. trap/irq_stack.S
extern "C" void call_on_stack(u64 first, u64 second, u64 top, void (*function)(u64, u64));

}  // namespace arch
