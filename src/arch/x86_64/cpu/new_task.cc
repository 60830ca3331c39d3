// The first steps of a new task, and the stop in the hole of switch_stacks(). See new_task.S.

#include "arch/upcalls.h"
#include "lib/lab.h"

namespace arch {

extern "C" {
void new_task_started() { upcall::thread_started(); }
[[noreturn]] void switch_stacks_todo() { lab_todo("scheduling", "switch_stacks"); }
}

}  // namespace arch
