/// What comes after the boot list, or runs beside it on other processors. The code of main.cc,
/// steps.cc and the firmware readers is freed at the end (arch/x86_64/kernel.ld); this one stays.
#pragma once

#include "lib/types.h"

namespace init {

/// Frees what only the boot needed, starts the first program, and becomes the idle task.
[[noreturn]] void enter_service();

/// Zeroed memory from kmalloc(), or null. For parts below mm/ that allocate later, too.
void* alloc_zeroed(usize bytes);

/// Starts a kernel thread that runs the tests that match the pattern of ktest= ("sched.*") and
/// then leaves the machine. A thread, since tests may sleep.
void start_kernel_tests(const char* pattern);

}  // namespace init
