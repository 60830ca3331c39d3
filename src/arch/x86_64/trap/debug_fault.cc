#include "arch/x86_64/trap/debug_fault.h"

#include "abi/signal.h"
#include "arch/cpu.h"

namespace arch {

int take_debug_code() {
    constexpr u64 kBreakpoints = 0xf, kSingleStep = 1 << 14, kNothing = 0xffff'0ff0;
    const u64 status = read_dr6();
    write_dr6(kNothing);
    if (status & kSingleStep) return abi::TRAP_TRACE;
    if (status & kBreakpoints) return abi::TRAP_HWBKPT;
    return abi::TRAP_BRKPT;  // the instruction int1
}

}  // namespace arch
