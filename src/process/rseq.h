/// Restartable sequences. Linux: kernel/rseq.c.
///
/// A thread tells the kernel of a small structure of its own. Whenever the thread comes back to
/// user mode after it lost the processor, or for a signal handler, the kernel writes there on which
/// processor it is; and if it was inside a critical section that the structure names, it goes on at
/// that section's abort address. So a thread can use per-processor data without any lock.
///
/// The work is done on the way to user mode (kRseqWork), and only for threads that registered: the
/// scheduler sets the flag when it takes the processor away from one.
#pragma once

#include "abi/rseq.h"
#include "arch/trap_frame.h"
#include "lib/result.h"
#include "sched/task.h"

namespace process {

/// rseq(2) for the running thread. EINVAL: misaligned, wrong size or flags, another area is
/// registered; EBUSY: this one is; EPERM: wrong signature; EFAULT.
Result<void> rseq_register(VirtAddr area, u32 size, u32 signature);
Result<void> rseq_unregister(VirtAddr area, u32 size, u32 signature);

/// The thread lost the processor since it was in user mode, or is about to run a handler instead of
/// what `frame` says. Kills the program if its structures make no sense. Interrupts are on.
void rseq_resume(arch::TrapFrame& frame);

/// A new program, or a new thread, has no area; a new process has its parent's.
void rseq_forget(sched::Task& task);
void rseq_fork(sched::Task& child, const sched::Task& parent, bool shares_memory);

}  // namespace process
