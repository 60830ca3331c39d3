// Page faults: which are errors at once, which vm/ may resolve, and what becomes of those that it
// cannot. Linux: arch/x86/mm/fault.c. See: Intel SDM vol. 3, 4.7.

#include "abi/signal.h"
#include "arch/cpu.h"
#include "arch/layout.h"
#include "arch/upcalls.h"
#include "arch/vectors.h"
#include "arch/x86_64/trap/exception.h"
#include "arch/x86_64/trap/extable.h"

namespace arch {

namespace {

// Bits of a page fault's error code.
constexpr u64 kWasPresent = 1 << 0;
constexpr u64 kWasWrite = 1 << 1;
constexpr u64 kWasFetch = 1 << 4;

upcall::Access access_of(u64 error) {
    if (error & kWasFetch) return upcall::Access::Execute;
    return error & kWasWrite ? upcall::Access::Write : upcall::Access::Read;
}

/// The kernel may touch user addresses only where the exception table says so, and only where it
/// may sleep; all other faults of its own are errors in it.
bool may_resolve(const TrapFrame& frame, VirtAddr at) {
    if (!is_user_address(at)) return false;
    return frame.from_user() || (frame.interrupts_on() && is_expected_fault(frame));
}

/// What a program gets for a fault that could not be resolved.
UserFault describe_page_fault(const TrapFrame& frame, VirtAddr at, Errno why) {
    UserFault fault{.signal = abi::SIGSEGV,
                    .code = abi::SEGV_MAPERR,
                    .address = at,
                    .vector = kPageFault,
                    .error = frame.orig_rax};
    // Whether the kernel has a page there is none of the program's business.
    if (!is_user_address(at)) fault.error |= kWasPresent;
    switch (why) {
    case EFAULT: break;
    case EACCES: fault.code = abi::SEGV_ACCERR; break;
    case ENOMEM:  // nothing to reclaim: the program has to go
        fault.signal = abi::SIGKILL;
        fault.code = abi::SI_KERNEL;
        break;
    default: fault.signal = abi::SIGBUS; fault.code = abi::BUS_ADRERR;
    }
    return fault;
}

/// The kernel's own access ends at its fixup, and becomes EFAULT there; a program gets a signal.
/// Without memory it cannot go on at all, whoever made the access.
void unresolved(TrapFrame& frame, VirtAddr at, Errno why) {
    if (frame.from_user() || why == ENOMEM) {
        upcall::user_fault(frame, describe_page_fault(frame, at, why));
    }
    if (!frame.from_user()) fixup_exception(frame);
}

}  // namespace

void handle_page_fault(TrapFrame& frame) {
    const VirtAddr at = read_cr2();  // before interrupts: a second fault would overwrite CR2
    const bool resolvable = may_resolve(frame, at);
    if (!resolvable && !frame.from_user()) {
        if (!fixup_exception(frame)) upcall::kernel_fault(frame, exception_name(kPageFault), at);
        return;
    }
    irq_enable();
    Result<void> done = EFAULT;
    if (resolvable) done = upcall::page_fault(frame, at, access_of(frame.orig_rax));
    if (!done.ok()) unresolved(frame, at, done.error());
    irq_disable();
}

}  // namespace arch
