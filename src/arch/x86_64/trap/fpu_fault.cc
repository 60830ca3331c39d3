// Floating-point exceptions. Linux: fpu__exception_code().
// See: Intel SDM vol. 1, 8.5 and 11.5.

#include "arch/x86_64/trap/fpu_fault.h"

#include "abi/signal.h"
#include "arch/cpu.h"

namespace arch {

int fpu_fault_code(u32 raised, u32 masked) {
    constexpr u32 kInvalid = 1, kDenormal = 2, kZeroDivide = 4, kOverflow = 8, kUnderflow = 16,
                  kPrecision = 32;
    const u32 unmasked = raised & ~masked;
    if (unmasked & kInvalid) return abi::FPE_FLTINV;
    if (unmasked & kZeroDivide) return abi::FPE_FLTDIV;
    if (unmasked & kOverflow) return abi::FPE_FLTOVF;
    if (unmasked & (kDenormal | kUnderflow)) return abi::FPE_FLTUND;
    if (unmasked & kPrecision) return abi::FPE_FLTRES;
    return 0;
}

int current_fpu_fault(bool is_simd) {
    constexpr u32 kFlags = 0x3f;
    if (is_simd) {
        const u32 mxcsr = stmxcsr();  // the masks stand 7 bits above what they mask
        return fpu_fault_code(mxcsr & kFlags, mxcsr >> 7 & kFlags);
    }
    return fpu_fault_code(fnstsw() & kFlags, fnstcw() & kFlags);
}

}  // namespace arch
