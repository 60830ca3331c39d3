/// What is in the notes of a core file. Linux: include/uapi/linux/elfcore.h,
/// include/linux/elfcore.h, arch/x86/include/asm/user_64.h. None of the structs has padding that is
/// not named.
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr u16 ET_CORE = 4;
inline constexpr u32 PT_NOTE = 4;

inline constexpr u32 NT_PRSTATUS = 1, NT_FPREGSET = 2, NT_PRPSINFO = 3, NT_AUXV = 6;
inline constexpr u32 NT_SIGINFO = 0x5349'4749, NT_FILE = 0x4649'4c45, NT_X86_XSTATE = 0x202;

/// Before each note's name and contents, which are both padded to 4 bytes.
struct Elf64Nhdr {
    u32 name_bytes, bytes, type;
};

/// struct user_regs_struct.
struct UserRegs {
    u64 r15, r14, r13, r12, rbp, rbx;
    u64 r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u64 orig_rax;
    u64 rip, cs, rflags, rsp, ss;
    u64 fs_base, gs_base;
    u64 ds, es, fs, gs;
};
static_assert(sizeof(UserRegs) == 27 * 8);

struct CoreTime {
    i64 seconds, microseconds;
};

/// struct elf_prstatus: one thread.
struct ElfPrstatus {
    i32 signo, code, error;
    i16 current_signal;
    u16 reserved;
    u64 pending, blocked;
    i32 pid, ppid, pgrp, session;
    CoreTime user, system, child_user, child_system;
    UserRegs registers;
    i32 fpu_valid;
    u32 reserved_end;
};
static_assert(sizeof(ElfPrstatus) == 336);

/// struct elf_prpsinfo: the process, for ps.
struct ElfPrpsinfo {
    u8 state;
    char letter;
    u8 is_zombie;
    i8 nice;
    u32 reserved;
    u64 flags;
    u32 uid, gid;
    i32 pid, ppid, pgrp, session;
    char name[16];
    char arguments[80];
};
static_assert(sizeof(ElfPrpsinfo) == 136);

/// One mapped file in NT_FILE, which is: how many, the page size, so many of these, as many names.
struct CoreFileRange {
    u64 start, end, page_offset;
};

/// /proc/<pid>/coredump_filter: which areas are written.
inline constexpr u32 kDumpAnonPrivate = 1 << 0, kDumpAnonShared = 1 << 1;
inline constexpr u32 kDumpMappedPrivate = 1 << 2, kDumpMappedShared = 1 << 3;
inline constexpr u32 kDumpElfHeaders = 1 << 4;
inline constexpr u32 kDumpFilterBits = 0x1ff;  // those for huge pages and DAX concern nothing here
inline constexpr u32 kDumpFilterDefault = 0x33;

}  // namespace abi
