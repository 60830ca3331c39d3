/// Saving and loading the FPU. Private to arch/x86_64.
#pragma once

#include "arch/task.h"

namespace arch {

/// Saves the registers of `from` and loads those of `to`; kernel threads (no state) leave the
/// registers alone, so that a task which gets the processor back finds them there.
void fpu_switch(TaskState& from, TaskState& to);

}  // namespace arch
