/// What the machine reports to the kernel. These functions are the only door upwards out of
/// arch/ and core/: declared here, defined in the folder named on each line, joined by the
/// linker. All are called on a kernel stack.
#pragma once

#include "arch/trap_frame.h"
#include "arch/user_fault.h"
#include "lib/result.h"
#include "lib/strong.h"

namespace upcall {

enum class Access : u8 { Read, Write, Execute };

/// A page fault at a user address, by user code or by the kernel on the user's behalf.
/// Interrupts are on. After an error the machine raises a signal, or lets the user copy fail:
/// EFAULT: nobody owns `at`; EACCES: not for this access; ENOMEM; EIO and others: what should be
/// there cannot be had (beyond the end of a file). vm/fault/fault.cc
Result<void> page_fault(arch::TrapFrame& frame, VirtAddr at, Access access);

/// An exception in user mode that nothing resolves becomes a signal. process/signal/send.cc
/// Interrupts are on.
void user_fault(arch::TrapFrame& frame, const arch::UserFault& fault);

/// Why the debug exception came that user_fault() will report: bits of DR6. Interrupts are off.
/// process/ptrace/debug_trap.cc
void debug_status(u64 status);

/// An exception in the kernel that nobody expected: reports it, then ends the running task, or the
/// machine. `at` is the address of a page fault, else 0. Interrupts are off. core/log/oops.cc
[[noreturn]] void kernel_fault(const arch::TrapFrame& frame, const char* name, VirtAddr at);

/// A non-maskable interrupt, on its own stack, with the chipset's reason (port 0x61). It may have
/// interrupted anything, so no lock may be taken and nothing may fault. core/irq/nmi.cc
void nmi(arch::TrapFrame& frame, u8 reason);

/// What one register bank tells about the machine check that stops the machine. As for nmi(), no
/// lock may be taken. core/irq/nmi.cc
void machine_check(u32 bank, u64 status, u64 address);

/// A panic wants silence: a non-maskable interrupt to every other online processor. It does not
/// wait, and takes no lock. core/irq/ipi.cc
void stop_other_cpus();

/// An interrupt vector from a device or a local timer; interrupts are off and the vector is
/// not yet acknowledged. core/irq/irq.cc
void device_interrupt(arch::TrapFrame& frame, unsigned vector);

/// SYSCALL or int $0x80; interrupts are on. syscall/dispatch.cc
void system_call(arch::TrapFrame& frame);
void system_call_i386(arch::TrapFrame& frame);

/// Debug builds: warns if the call left interrupts or preemption off, or holds a spin lock.
/// process/signal/exit_to_user.cc
void check_system_call_exit();

/// The last thing before user mode, interrupts off: reschedule, deliver signals, until there is
/// no more work. process/signal/exit_to_user.cc
void return_to_user(arch::TrapFrame& frame);

/// Interrupts are off, an interrupt of kernel code is about to return, and preemption is
/// allowed and wanted. sched/core.cc
void preempt_schedule_irq();

/// preempt_enable() found that somebody more urgent is ready; interrupts are on. sched/core.cc
void preempt_schedule();

/// The boot processor, with boot_info filled in; no traps, no console yet. init/main.cc
[[noreturn]] void kernel_main();

/// A further processor is up, with its tables loaded and interrupts off. init/smp.cc
[[noreturn]] void secondary_start(unsigned cpu);

/// Memory for FPU state, 64-byte aligned; null if there is none. mm/fpu_memory.cc
void* alloc_fpu_area(usize bytes);
void free_fpu_area(void* area);

/// A new thread's first instructions, on its own stack: finish the switch that led here.
/// sched/core.cc
void thread_started();

}  // namespace upcall
