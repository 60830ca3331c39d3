// See own_stack.h. Linux: arch/x86/kernel/{nmi,traps,cpu/mce/core}.c.

#include "arch/x86_64/trap/own_stack.h"

#include "arch/cpu.h"
#include "arch/debug_regs.h"
#include "arch/irq_stack.h"
#include "arch/layout.h"
#include "arch/percpu.h"
#include "arch/upcalls.h"
#include "arch/vectors.h"
#include "arch/x86_64/trap/debug_fault.h"
#include "arch/x86_64/trap/espfix.h"
#include "arch/x86_64/trap/exception.h"

namespace arch {

namespace {

/// Why the processor interrupted, from the chipset's status port.
u8 nmi_reason() {
    constexpr u16 kSystemControlB = 0x61;
    return inb(kSystemControlB);
}

/// The first fault could not push its frame: if it was for an address at the very end of the stack,
/// the stack is full.
bool is_stack_overflow(const TrapFrame& frame, VirtAddr at) {
    constexpr u64 kReach = 2 * kPageSize;  // one call may claim a page and more
    return at >= kVmallocStart && at < kVmallocEnd && at.raw() + kReach > frame.rsp &&
           at.raw() < frame.rsp + kPageSize;
}

void double_fault(TrapFrame& frame) {
    if (recover_from_espfix(frame)) return;
    const VirtAddr at = read_cr2();
    const u64 irq_stack = this_cpu_read(irq_stack_base);
    if (irq_stack != 0 && irq_stack - 1 - at.raw() < kPageSize) {
        upcall::kernel_fault(frame, "interrupt stack overflow (double fault)", at);
    }
    if (is_stack_overflow(frame, at)) {
        upcall::kernel_fault(frame, "kernel stack overflow (double fault)", at);
    }
    upcall::kernel_fault(frame, exception_name(kDoubleFault), VirtAddr(0));
}

/// A program watches memory that the kernel touches on its behalf: not told, as on Linux. A single
/// step that strikes here was begun by the program, and ends.
void kernel_debug(TrapFrame& frame) {
    constexpr u64 kTrapFlag = 1 << 8;
    const u64 status = take_debug_status();
    if (!(status & (kDr6Breakpoints | kDr6SingleStep))) {
        upcall::kernel_fault(frame, exception_name(kDebug), VirtAddr(0));
    }
    frame.rflags &= ~kTrapFlag;
}

bool has_machine_check() {
    const u32 features = cpuid(1).edx;
    u64 capabilities;
    // MCE and MCA; Bochs says so too, but has none of the registers.
    return (features >> 7 & 1) && (features >> 14 & 1) && try_rdmsr(Msr::McgCap, capabilities);
}

// Bank n has four registers from 0x400 + 4n on. See: Intel SDM vol. 3, 15.3.2.
Msr bank_control(u32 bank) { return Msr(0x400 + 4 * bank); }
Msr bank_status(u32 bank) { return Msr(0x401 + 4 * bank); }
Msr bank_address(u32 bank) { return Msr(0x402 + 4 * bank); }

u32 bank_count() { return rdmsr(Msr::McgCap) & 0xff; }

void machine_check(TrapFrame& frame) {
    constexpr u64 kValid = u64{1} << 63, kHasAddress = u64{1} << 58;
    for (u32 bank = 0; has_machine_check() && bank < bank_count(); bank++) {
        const u64 status = rdmsr(bank_status(bank));
        if (!(status & kValid)) continue;
        const u64 address = status & kHasAddress ? rdmsr(bank_address(bank)) : 0;
        upcall::machine_check(bank, status, address);
    }
    upcall::kernel_fault(frame, exception_name(kMachineCheck), VirtAddr(0));
}

}  // namespace

void handle_on_own_stack(TrapFrame& frame, unsigned vector) {
    switch (vector) {
    case kNmi: return upcall::nmi(frame, nmi_reason());
    case kDoubleFault: return double_fault(frame);
    case kDebug: return kernel_debug(frame);
    default: return machine_check(frame);
    }
}

void enable_machine_check() {
    constexpr u64 kCr4Mce = 1 << 6, kControlPresent = 1 << 8;
    if (!has_machine_check()) return;
    if (rdmsr(Msr::McgCap) & kControlPresent) wrmsr(Msr::McgCtl, ~u64{0});
    for (u32 bank = 0; bank < bank_count(); bank++) {
        wrmsr(bank_control(bank), ~u64{0});
        wrmsr(bank_status(bank), 0);
    }
    write_cr4(read_cr4() | kCr4Mce);
}

}  // namespace arch
