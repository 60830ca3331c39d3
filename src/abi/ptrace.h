/// ptrace(2): requests, options, events, and the structures that cross the boundary. Linux:
/// include/uapi/linux/ptrace.h, arch/x86/include/uapi/asm/ptrace-abi.h,
/// arch/x86/include/asm/user_64.h.
///
/// None of the structs has padding, so each may be copied to user space as it is.
#pragma once

#include "abi/types.h"

namespace abi {

enum PtraceRequest : i64 {
    PTRACE_TRACEME = 0,
    PTRACE_PEEKTEXT = 1,
    PTRACE_PEEKDATA = 2,
    PTRACE_PEEKUSR = 3,
    PTRACE_POKETEXT = 4,
    PTRACE_POKEDATA = 5,
    PTRACE_POKEUSR = 6,
    PTRACE_CONT = 7,
    PTRACE_KILL = 8,
    PTRACE_SINGLESTEP = 9,
    PTRACE_GETREGS = 12,
    PTRACE_SETREGS = 13,
    PTRACE_GETFPREGS = 14,
    PTRACE_SETFPREGS = 15,
    PTRACE_ATTACH = 16,
    PTRACE_DETACH = 17,
    PTRACE_SYSCALL = 24,
    PTRACE_ARCH_PRCTL = 30,
    PTRACE_SYSEMU = 31,
    PTRACE_SYSEMU_SINGLESTEP = 32,
    PTRACE_SETOPTIONS = 0x4200,
    PTRACE_GETEVENTMSG = 0x4201,
    PTRACE_GETSIGINFO = 0x4202,
    PTRACE_SETSIGINFO = 0x4203,
    PTRACE_GETREGSET = 0x4204,
    PTRACE_SETREGSET = 0x4205,
    PTRACE_SEIZE = 0x4206,
    PTRACE_INTERRUPT = 0x4207,
    PTRACE_LISTEN = 0x4208,
    PTRACE_PEEKSIGINFO = 0x4209,
    PTRACE_GETSIGMASK = 0x420a,
    PTRACE_SETSIGMASK = 0x420b,
    PTRACE_GET_SYSCALL_INFO = 0x420e,
};

inline constexpr u32 PTRACE_EVENT_FORK = 1, PTRACE_EVENT_VFORK = 2, PTRACE_EVENT_CLONE = 3;
inline constexpr u32 PTRACE_EVENT_EXEC = 4, PTRACE_EVENT_VFORK_DONE = 5, PTRACE_EVENT_EXIT = 6;
inline constexpr u32 PTRACE_EVENT_STOP = 128;

inline constexpr u32 PTRACE_O_TRACESYSGOOD = 1, PTRACE_O_EXITKILL = 1 << 20;
/// The option that asks for an event.
constexpr u32 ptrace_option_of(u32 event) { return 1u << event; }
inline constexpr u32 kPtraceOptions =
    PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | ptrace_option_of(PTRACE_EVENT_FORK) |
    ptrace_option_of(PTRACE_EVENT_VFORK) | ptrace_option_of(PTRACE_EVENT_CLONE) |
    ptrace_option_of(PTRACE_EVENT_EXEC) | ptrace_option_of(PTRACE_EVENT_VFORK_DONE) |
    ptrace_option_of(PTRACE_EVENT_EXIT);

/// What GETEVENTMSG says at a system-call stop.
inline constexpr u64 PTRACE_EVENTMSG_SYSCALL_ENTRY = 1, PTRACE_EVENTMSG_SYSCALL_EXIT = 2;

inline constexpr u32 NT_PRSTATUS = 1, NT_PRFPREG = 2, NT_X86_XSTATE = 0x202;

/// struct user_regs_struct.
struct UserRegs {
    u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u64 orig_rax, rip, cs, rflags, rsp, ss;
    u64 fs_base, gs_base, ds, es, fs, gs;
};
static_assert(sizeof(UserRegs) == 27 * 8);

/// struct user, which PEEKUSR and POKEUSR have offsets into; of the rest nothing is told.
inline constexpr u64 kUserDebugRegisters = 848, kUserDebugEnd = 912, kUserSize = 928;

inline constexpr u64 kUserFpRegsSize = 512;    // struct user_fpregs_struct: what FXSAVE writes
inline constexpr u64 kXstateFeaturesAt = 464;  // in NT_X86_XSTATE: XCR0, where FXSAVE has a gap

/// struct ptrace_syscall_info.
inline constexpr u8 PTRACE_SYSCALL_INFO_NONE = 0, PTRACE_SYSCALL_INFO_ENTRY = 1;
inline constexpr u8 PTRACE_SYSCALL_INFO_EXIT = 2;
inline constexpr u32 AUDIT_ARCH_X86_64 = 0xc000'003e, AUDIT_ARCH_I386 = 0x4000'0003;
struct PtraceSyscallInfo {
    u8 op = PTRACE_SYSCALL_INFO_NONE;
    u8 reserved[3] = {};
    u32 arch = AUDIT_ARCH_X86_64;
    u64 instruction_pointer = 0, stack_pointer = 0;
    /// At entry: the number and six arguments. At exit: the result, and in the lowest byte of the
    /// next whether it is an error.
    u64 values[7] = {};
};
static_assert(sizeof(PtraceSyscallInfo) == 80);
/// How much of it each kind of stop fills.
inline constexpr u64 kSyscallInfoNone = 24, kSyscallInfoEntry = 80, kSyscallInfoExit = 33;

/// struct ptrace_peeksiginfo_args.
struct PtracePeekSiginfoArgs {
    u64 offset;
    u32 flags;
    i32 count;
};
inline constexpr u32 PTRACE_PEEKSIGINFO_SHARED = 1;

}  // namespace abi
