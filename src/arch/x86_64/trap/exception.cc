// Exceptions: who has to hear of them. Linux: arch/x86/kernel/traps.c.
// See: Intel SDM vol. 3, 6.15.

#include "arch/x86_64/trap/exception.h"

#include "abi/signal.h"
#include "arch/cpu.h"
#include "arch/upcalls.h"
#include "arch/vectors.h"
#include "arch/x86_64/trap/extable.h"
#include "arch/x86_64/trap/fpu_fault.h"

namespace arch {

namespace {

/// What si_addr tells: only some exceptions know a place that means something.
enum class Address : u8 { None, Rip };

struct Exception {
    const char* name;
    u8 signal;
    u8 code;
    Address address;
};

constexpr u8 kKernel = abi::SI_KERNEL;

// clang-format off
constexpr Exception kExceptions[] = {
    /* kDivideError        */ {"divide error", abi::SIGFPE, abi::FPE_INTDIV, Address::Rip},
    /* kDebug              */ {"debug", abi::SIGTRAP, abi::TRAP_TRACE, Address::Rip},
    /* kNmi                */ {"NMI", abi::SIGSEGV, kKernel, Address::None},
    /* kBreakpoint         */ {"breakpoint", abi::SIGTRAP, kKernel, Address::None},
    /* kOverflow           */ {"overflow", abi::SIGSEGV, kKernel, Address::None},
    /* kBoundRange         */ {"bounds", abi::SIGSEGV, kKernel, Address::None},
    /* kInvalidOpcode      */ {"invalid opcode", abi::SIGILL, abi::ILL_ILLOPN, Address::Rip},
    /* kDeviceNotAvailable */ {"device not available", abi::SIGSEGV, kKernel, Address::None},
    /* kDoubleFault        */ {"double fault", abi::SIGSEGV, kKernel, Address::None},
    /* 9                   */ {"coprocessor overrun", abi::SIGFPE, kKernel, Address::None},
    /* kInvalidTss         */ {"invalid TSS", abi::SIGSEGV, kKernel, Address::None},
    /* kSegmentNotPresent  */ {"segment not present", abi::SIGBUS, kKernel, Address::None},
    /* kStackFault         */ {"stack segment", abi::SIGBUS, kKernel, Address::None},
    /* kGeneralProtection  */ {"general protection fault", abi::SIGSEGV, kKernel, Address::None},
    /* kPageFault          */ {"page fault", abi::SIGSEGV, abi::SEGV_MAPERR, Address::None},
    /* 15                  */ {"spurious exception", abi::SIGSEGV, kKernel, Address::None},
    /* kFpuError           */ {"FPU exception", abi::SIGFPE, 0, Address::Rip},
    /* kAlignmentCheck     */ {"alignment check", abi::SIGBUS, abi::BUS_ADRALN, Address::None},
    /* kMachineCheck       */ {"machine check", abi::SIGBUS, kKernel, Address::None},
    /* kSimdError          */ {"SIMD exception", abi::SIGFPE, 0, Address::Rip},
};
// clang-format on
constexpr Exception kUnknown = {"unexpected exception", abi::SIGSEGV, kKernel, Address::None};
static_assert(sizeof kExceptions / sizeof kExceptions[0] == kSimdError + 1);

const Exception& exception_of(unsigned vector) {
    return vector <= kSimdError ? kExceptions[vector] : kUnknown;
}

/// The stub of an exception without error code leaves -1.
u64 error_code(const TrapFrame& frame) { return frame.orig_rax == ~u64{0} ? 0 : frame.orig_rax; }

/// Why there was a debug exception: the processor says so in DR6, and never clears it.
int take_debug_code() {
    constexpr u64 kBreakpoints = 0xf, kSingleStep = 1 << 14, kNothing = 0xffff'0ff0;
    const u64 status = read_dr6();
    write_dr6(kNothing);
    if (status & kSingleStep) return abi::TRAP_TRACE;
    if (status & kBreakpoints) return abi::TRAP_HWBKPT;
    return abi::TRAP_BRKPT;  // the instruction int1
}

void user_exception(TrapFrame& frame, unsigned vector) {
    const UserFault fault = describe_exception(frame, vector);
    if (fault.signal == 0) return;
    irq_enable();
    upcall::user_fault(frame, fault);
    irq_disable();
}

}  // namespace

const char* exception_name(unsigned vector) { return exception_of(vector).name; }

UserFault describe_exception(const TrapFrame& frame, unsigned vector) {
    const Exception& exception = exception_of(vector);
    UserFault fault{.signal = exception.signal,
                    .code = exception.code,
                    .address = VirtAddr(exception.address == Address::Rip ? frame.rip : 0),
                    .vector = vector,
                    .error = error_code(frame)};
    if (vector == kDebug) fault.code = take_debug_code();
    if (vector == kFpuError || vector == kSimdError) {
        fault.code = current_fpu_fault(vector == kSimdError);
        if (fault.code == 0) fault.signal = 0;
    }
    return fault;
}

void handle_exception(TrapFrame& frame, unsigned vector) {
    if (vector == kPageFault) {
        handle_page_fault(frame);
    } else if (frame.from_user()) {
        user_exception(frame, vector);
    } else if (!fixup_exception(frame)) {
        upcall::kernel_fault(frame, exception_name(vector), VirtAddr(0));
    }
}

}  // namespace arch
