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

/// The registers with which a program begins: all zero but for these.
constexpr TrapFrame user_start_frame(VirtAddr rip, VirtAddr rsp) {
    TrapFrame frame{};
    frame.orig_rax = ~u64{0};
    frame.rip = rip.raw();
    frame.cs = 0x33;  // kUserCs, kUserDs of x86_64/cpu/cpu_setup.h
    frame.rflags = 1 << 9;
    frame.rsp = rsp.raw();
    frame.ss = 0x2b;
    return frame;
}

}  // namespace arch
