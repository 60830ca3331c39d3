// Every way into the kernel comes through here, and leaves through here: from trap_entry.S and
// syscall_entry.S, with interrupts off, on the kernel stack of the current task (or an IST stack).
// Linux: arch/x86/entry/common.c, arch/x86/kernel/traps.c.

#include <cstddef>

#include "arch/cpu.h"
#include "arch/irq_stack.h"
#include "arch/percpu.h"
#include "arch/trap_frame.h"
#include "arch/upcalls.h"
#include "arch/vectors.h"
#include "arch/x86_64/trap/exception.h"
#include "lib/debug.h"
#include "lib/string.h"

namespace arch {

PER_CPU u64 irq_stack_base = 0;

namespace {

void system_call_i386(TrapFrame& frame) {
    frame.orig_rax = frame.rax;
    irq_enable();
    upcall::system_call_i386(frame);
    irq_disable();
}

void handle_by_vector(TrapFrame& frame, unsigned vector) {
    if (vector == kSyscall32 && frame.from_user()) {
        system_call_i386(frame);
    } else if (vector < kFirstDevice) {
        handle_exception(frame, vector);
        if (frame.from_user()) frame.orig_rax = ~u64{0};  // nothing to restart
    } else {
        upcall::device_interrupt(frame, vector);
    }
}

}  // namespace

extern "C" void handle_trap(TrapFrame& frame, unsigned vector) {
    handle_by_vector(frame, vector);
    if (frame.from_user()) {
        upcall::return_to_user(frame);
    } else if (vector >= kFirstDevice && frame.interrupts_on()) {
        upcall::preempt_schedule_irq();
    }
}

/// The IRET to user mode faulted: `frame` looks like a fault of the kernel's, with the user's
/// registers. What IRET would not accept lies above, where the frame of the user was; so putting
/// the registers back below it makes a frame as if user code had raised the exception.
extern "C" TrapFrame* fix_bad_iret(TrapFrame& frame) {
    constexpr usize kBelowRip = offsetof(TrapFrame, rip);
    void* const user = reinterpret_cast<void*>(frame.rsp - kBelowRip);
    return static_cast<TrapFrame*>(memmove(user, &frame, kBelowRip));  // they overlap
}

extern "C" void handle_syscall(TrapFrame& frame) {
    irq_enable();
    upcall::system_call(frame);
    if constexpr (kDebugBuild) upcall::check_system_call_exit();
    irq_disable();
    upcall::return_to_user(frame);
}

extern "C" void finish_first_return(TrapFrame& frame) {
    irq_disable();
    upcall::return_to_user(frame);
}

}  // namespace arch
