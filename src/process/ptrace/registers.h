/// The registers of a frozen tracee, as ptrace(2) shows and sets them. Private to process/ptrace.
///
/// Whatever a tracer sets, the tracee can do no more with it than any program: flags are masked,
/// selectors name no segment of the kernel's, and what only IRET can judge becomes an exception of
/// the tracee there.
#pragma once

#include "abi/ptrace.h"
#include "process/ptrace/ptrace.h"

namespace process {

abi::UserRegs get_user_regs(Task& task);
/// EIO: a selector or a base that no program can have; nothing has changed then.
Result<void> set_user_regs(Task& task, const abi::UserRegs& regs);

/// PEEKUSR and POKEUSR: a word of struct user. EIO: beyond it, not aligned, not writable; EINVAL: a
/// breakpoint that is not allowed.
Result<u64> peek_user(Task& task, u64 offset);
Result<void> poke_user(Task& task, u64 offset, u64 value);

/// GETREGSET and SETREGSET with the struct iovec at `vector`: as much as fits is moved, and its
/// length becomes how much that was. EINVAL: no such set, a length that is not of whole words, a
/// state that the processor refuses; ENODEV: this processor has none; EFAULT.
Result<void> get_register_set(Task& task, u64 type, u64 vector);
Result<void> set_register_set(Task& task, u64 type, u64 vector);

/// GETFPREGS and SETFPREGS.
Result<void> get_fp_regs(Task& task, u64 to);
Result<void> set_fp_regs(Task& task, u64 from);

}  // namespace process
