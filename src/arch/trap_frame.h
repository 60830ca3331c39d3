/// The registers of whoever was interrupted: by a trap, an interrupt or a system call.
#pragma once

#include "lib/strong.h"

namespace arch {

/// Linux' struct pt_regs: built on the kernel stack by trap_entry.S and syscall_entry.S, read
/// and written by everybody who looks at or changes user registers (ptrace, signals, exec).
///
/// For a system call `orig_rax` is its number; for an exception with an error code, that code;
/// else -1, which tells the signal code that there is nothing to restart.
struct TrapFrame {
    u64 r15, r14, r13, r12, rbp, rbx;
    u64 r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u64 orig_rax;
    u64 rip, cs, rflags, rsp, ss;  // pushed by the processor

    bool from_user() const { return (cs & 3) == 3; }
    bool interrupts_on() const { return rflags & (1 << 9); }
};
static_assert(sizeof(TrapFrame) == 21 * 8);

}  // namespace arch
