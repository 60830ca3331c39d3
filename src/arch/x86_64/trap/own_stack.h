/// NMI, double fault and machine check: they may strike anywhere, even where the current stack and
/// GS are not usable, and so have stacks of their own. Private to arch/x86_64.
#pragma once

#include "arch/trap_frame.h"

namespace arch {

/// Handles one of the three, or a debug exception of the kernel, with interrupts off, and leaves as
/// it came: nothing is rescheduled and no signal delivered. Called by trap_entry.S.
///
/// Invariant: no handler on these stacks returns from an exception of its own. The IRET would
/// allow the next NMI while the first one's stack is still in use. That is why any fault there is
/// the end (why_fatal() in core/log/oops.cc), and why NMIs are reported by an interrupt later.
extern "C" void handle_on_own_stack(TrapFrame& frame, unsigned vector);

/// Lets the processor report hardware errors by machine checks. On each processor.
void enable_machine_check();

}  // namespace arch
