// LAB FILE (02-traps): exceptions, and who has to hear of them. Linux: arch/x86/kernel/traps.c.
//
// The processor says which vector, and for some an error code. To a program that means a signal, a
// reason (si_code) and for some a place (si_addr); to the kernel itself a fixup, or the end.
// See: Intel SDM vol. 3, 6.15.

#include "arch/x86_64/trap/exception.h"

#include "abi/signal.h"
#include "arch/cpu.h"
#include "arch/upcalls.h"
#include "arch/vectors.h"
#include "arch/x86_64/trap/debug_fault.h"
#include "arch/x86_64/trap/extable.h"
#include "arch/x86_64/trap/fpu_fault.h"
#include "lib/lab.h"

namespace arch {

namespace {

// clang-format off
constexpr const char* kNames[] = {
    "divide error", "debug", "NMI", "breakpoint", "overflow", "bounds", "invalid opcode",
    "device not available", "double fault", "coprocessor overrun", "invalid TSS",
    "segment not present", "stack segment", "general protection fault", "page fault",
    "spurious exception", "FPU exception", "alignment check", "machine check", "SIMD exception",
};
// clang-format on
static_assert(sizeof kNames / sizeof kNames[0] == kSimdError + 1);

/// The stub of an exception without error code leaves -1.
[[maybe_unused]] u64 error_code(const TrapFrame& frame) {
    return frame.orig_rax == ~u64{0} ? 0 : frame.orig_rax;
}

[[maybe_unused]] void user_exception(TrapFrame& frame, unsigned vector) {
    const UserFault fault = describe_exception(frame, vector);
    if (fault.signal == 0) return;
    irq_enable();
    upcall::user_fault(frame, fault);
    irq_disable();
}

}  // namespace

const char* exception_name(unsigned vector) {
    return vector <= kSimdError ? kNames[vector] : "unexpected exception";
}

/// LAB traps, task 2 "Signals" (handouts/02-traps.md). Write the body.
///   Before  `vector` is any exception but kDebug, kFpuError, kSimdError and kPageFault, whose
///   codes
///           depend on more than the vector.
///   After   the signal and si_code of the table in the handout; `has_address` where si_addr is the
///           instruction's address. Vectors that have no meaning there: SIGSEGV with SI_KERNEL.
///   Use     the constants of abi/signal.h.
///   Check   `make grade LAB=traps T=exception`
///   Think   why does a program that divides by zero get SIG*FPE*, and so does INT_MIN / -1?
Meaning meaning_of(unsigned vector) {
#ifdef SOLVED_TRAPS
    switch (vector) {
    case kDivideError: return {abi::SIGFPE, abi::FPE_INTDIV, true};
    case kBreakpoint: return {abi::SIGTRAP, abi::SI_KERNEL, false};
    case kInvalidOpcode: return {abi::SIGILL, abi::ILL_ILLOPN, true};
    case 9: return {abi::SIGFPE, abi::SI_KERNEL, false};  // of the 387, long gone
    case kSegmentNotPresent:
    case kStackFault:
    case kMachineCheck: return {abi::SIGBUS, abi::SI_KERNEL, false};
    case kAlignmentCheck: return {abi::SIGBUS, abi::BUS_ADRALN, false};
    default: return {abi::SIGSEGV, abi::SI_KERNEL, false};
    }
#else
    lab_todo("traps", "meaning_of");
#endif
}

/// LAB traps, task 2 "Signals" (handouts/02-traps.md). Write the body.
///   Before  the exception `vector`, no page fault, has just interrupted a program; its registers
///           are in `frame`.
///   After   the fault says everything that a handler may ask for. kDebug is SIGTRAP, kFpuError and
///           kSimdError are SIGFPE, all three at the instruction's address; if current_fpu_fault()
///           is 0 nothing happened, and the signal is 0.
///   Use     meaning_of(), error_code(), take_debug_code(), current_fpu_fault().
///   Check   `make grade LAB=traps T=exception`
///   Think   why may interrupts not be turned on before the debug and FPU status was read?
UserFault describe_exception(const TrapFrame& frame, unsigned vector) {
#ifdef SOLVED_TRAPS
    Meaning meaning = meaning_of(vector);
    if (vector == kDebug) meaning = {abi::SIGTRAP, take_debug_code(), true};
    if (vector == kFpuError || vector == kSimdError) {
        const int code = current_fpu_fault(vector == kSimdError);
        meaning = {code != 0 ? abi::SIGFPE : 0, code, true};
    }
    return {.signal = meaning.signal,
            .code = meaning.code,
            .address = VirtAddr(meaning.has_address ? frame.rip : 0),
            .vector = vector,
            .error = error_code(frame)};
#else
    lab_todo("traps", "describe_exception");
#endif
}

/// LAB traps, task 2 "Signals" (handouts/02-traps.md). Write the body.
///   Before  any exception but NMI, double fault and machine check; interrupts are off.
///   After   a page fault went to handle_page_fault(). Any other, in a program: the program got its
///           signal. In the kernel: it goes on at a fixup, or there is an oops (which does not
///           return).
///   Use     frame.from_user(), user_exception(), fixup_exception(), upcall::kernel_fault(),
///           exception_name(). The address of an oops is 0: only page faults know one.
///   Check   `make grade LAB=traps T="exception or copies"`
///   Think   why is the kernel's own page fault no reason for an oops, before anybody has looked?
void handle_exception(TrapFrame& frame, unsigned vector) {
#ifdef SOLVED_TRAPS
    if (vector == kPageFault) {
        handle_page_fault(frame);
    } else if (frame.from_user()) {
        user_exception(frame, vector);
    } else if (!fixup_exception(frame)) {
        upcall::kernel_fault(frame, exception_name(vector), VirtAddr(0));
    }
#else
    lab_todo("traps", "handle_exception");
#endif
}

}  // namespace arch
