/// Saving and loading the FPU. Private to arch/x86_64.
#pragma once

#include "arch/task.h"

namespace arch {

/// Saves the registers of `from` and loads those of `to`; kernel threads (no state) leave the
/// registers alone, so that a task which gets the processor back finds them there.
void fpu_switch(TaskState& from, TaskState& to);

/// False if `buffer` has bits set that XRSTOR refuses on all processors.
bool fpu_is_plausible(const void* buffer);

/// Makes `buffer` the state of the running task. EINVAL if the processor refuses it.
Result<void> fpu_load(TaskState& state, const void* buffer);

}  // namespace arch
