// Exceptions: who has to hear of them. See: Intel SDM vol. 3, 6.15.

#include "arch/x86_64/trap/trap.h"
#include "abi/signal.h"
#include "arch/cpu.h"
#include "arch/layout.h"
#include "arch/trap_frame.h"
#include "arch/upcalls.h"
#include "arch/vectors.h"

namespace arch {

struct ExtableEntry {
    u64 at, resume;
};
extern "C" const ExtableEntry __extable_start[];  // kernel.ld
extern "C" const ExtableEntry __extable_end[];

namespace {

// Bits of a page fault's error code.
constexpr u64 kWasWrite = 1 << 1;
constexpr u64 kWasFetch = 1 << 4;

/// If the kernel expected a fault at this instruction, goes on where it said.
bool recover_from_fault(TrapFrame& frame) {
    for (const ExtableEntry* entry = __extable_start; entry < __extable_end; entry++) {
        if (entry->at == frame.rip) {
            frame.rip = entry->resume;
            return true;
        }
    }
    return false;
}

[[noreturn]] void kernel_fault(TrapFrame& frame, unsigned vector) {
    static const char* const kNames[] = {"divide error",
                                         "debug",
                                         "NMI",
                                         "breakpoint",
                                         "overflow",
                                         "bound range",
                                         "invalid opcode",
                                         "device not available",
                                         "double fault",
                                         "coprocessor overrun",
                                         "invalid TSS",
                                         "segment not present",
                                         "stack fault",
                                         "general protection fault",
                                         "page fault",
                                         "reserved",
                                         "FPU error",
                                         "alignment check",
                                         "machine check",
                                         "SIMD error"};
    const char* name = vector < 20 ? kNames[vector] : "unexpected exception";
    upcall::kernel_fault(frame, name, vector == kPageFault ? read_cr2() : VirtAddr(0));
}

void page_fault(TrapFrame& frame) {
    const VirtAddr at = read_cr2();  // before interrupts: a second fault would overwrite CR2
    const bool user_address = is_user_address(at);
    // Resolving a fault may sleep, so code with interrupts off must not fault; and the kernel
    // touches user memory nowhere but in user_copy.S.
    if (!frame.from_user() && (!user_address || !frame.interrupts_on())) {
        if (recover_from_fault(frame)) return;
        kernel_fault(frame, kPageFault);
    }
    if (!frame.from_user() && !is_expected_fault(frame.rip)) kernel_fault(frame, kPageFault);

    irq_enable();
    using enum upcall::Access;
    const upcall::Access access = frame.orig_rax & kWasFetch   ? Execute
                                  : frame.orig_rax & kWasWrite ? Write
                                                               : Read;
    const bool resolved = user_address && upcall::page_fault(frame, at, access);
    if (!resolved) {
        if (frame.from_user()) {
            upcall::user_fault(frame, abi::SIGSEGV, abi::SEGV_MAPERR, at);
        } else {
            recover_from_fault(frame);
        }
    }
    irq_disable();
}

struct UserFault {
    u8 signal, code;
};

/// The signal that an exception in user mode becomes. As Linux' arch/x86/kernel/traps.c.
UserFault signal_of(unsigned vector) {
    switch (vector) {
    case kDivideError: return {abi::SIGFPE, abi::FPE_INTDIV};
    case kDebug: return {abi::SIGTRAP, abi::TRAP_TRACE};
    case kBreakpoint: return {abi::SIGTRAP, abi::TRAP_BRKPT};
    case kInvalidOpcode: return {abi::SIGILL, abi::ILL_ILLOPN};
    case kStackFault:
    case kSegmentNotPresent: return {abi::SIGBUS, abi::BUS_ADRERR};
    case kFpuError:
    case kSimdError: return {abi::SIGFPE, abi::FPE_FLTINV};
    case kAlignmentCheck: return {abi::SIGBUS, abi::BUS_ADRALN};
    default: return {abi::SIGSEGV, u8(abi::SI_KERNEL)};
    }
}

void exception(TrapFrame& frame, unsigned vector) {
    if (vector == kPageFault) return page_fault(frame);
    if (!frame.from_user()) {
        if (vector == kGeneralProtection && recover_from_fault(frame)) return;
        kernel_fault(frame, vector);
    }
    const UserFault fault = signal_of(vector);
    const bool has_address = fault.signal == abi::SIGFPE || fault.signal == abi::SIGILL;
    irq_enable();
    upcall::user_fault(frame, fault.signal, fault.code, VirtAddr(has_address ? frame.rip : 0));
    irq_disable();
}

}  // namespace

bool is_expected_fault(u64 rip) {
    for (const ExtableEntry* entry = __extable_start; entry < __extable_end; entry++) {
        if (entry->at == rip) return true;
    }
    return false;
}

/// Every exception and interrupt comes here from trap_entry.S, with interrupts off, on the kernel
/// stack of the current task (or an IST stack).
extern "C" void handle_trap(TrapFrame& frame, unsigned vector) {
    if (vector == kNmi || vector == kDoubleFault || vector == kMachineCheck) {
        if (vector == kNmi && upcall::nmi(frame)) return;
        kernel_fault(frame, vector);
    }
    if (vector == kSyscall32 && frame.from_user()) {
        frame.orig_rax = frame.rax;
        irq_enable();
        upcall::system_call_i386(frame);
        irq_disable();
    } else if (vector < kFirstDevice) {
        exception(frame, vector);
        if (frame.from_user()) frame.orig_rax = ~u64{0};  // nothing to restart
    } else {
        upcall::device_interrupt(frame, vector);
    }
    if (frame.from_user()) {
        upcall::return_to_user(frame);
    } else if (vector >= kFirstDevice && frame.interrupts_on()) {
        upcall::preempt_schedule_irq();
    }
}

extern "C" void handle_syscall(TrapFrame& frame) {
    irq_enable();
    upcall::system_call(frame);
    irq_disable();
    upcall::return_to_user(frame);
}

extern "C" void finish_first_return(TrapFrame& frame) {
    irq_disable();
    upcall::return_to_user(frame);
}

}  // namespace arch
