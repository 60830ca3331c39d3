#include "arch/x86_64/trap/debug_fault.h"

#include "abi/signal.h"
#include "arch/cpu.h"
#include "arch/debug_regs.h"
#include "arch/upcalls.h"

namespace arch {

u64 take_debug_status() {
    constexpr u64 kNothing = 0xffff'0ff0;
    const u64 status = read_dr6();
    write_dr6(kNothing);
    return status;
}

int take_debug_code() {
    const u64 status = take_debug_status() & (kDr6SingleStep | kDr6Breakpoints);
    upcall::debug_status(status);
    if (status & kDr6SingleStep) return abi::TRAP_TRACE;
    if (status & kDr6Breakpoints) return abi::TRAP_HWBKPT;
    return abi::TRAP_BRKPT;  // the instruction int1
}

}  // namespace arch
