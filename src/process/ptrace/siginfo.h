/// What a tracer may know of and change in the signals of a frozen tracee. Private to
/// process/ptrace.
#pragma once

#include "process/ptrace/ptrace.h"

namespace process {

/// The signal or event that it stopped for. EINVAL: a group stop; EFAULT.
Result<void> get_siginfo(Task& task, u64 to);
Result<void> set_siginfo(Task& task, u64 from);

/// Its signal mask, of `size` bytes. EINVAL: of another size; EFAULT.
Result<void> get_sigmask(Task& task, u64 size, u64 to);
Result<void> set_sigmask(Task& task, u64 size, u64 from);

/// Copies queued signals, of the thread or of its process, and takes none: how many. EINVAL,
/// EFAULT.
Result<u64> peek_siginfo(Task& task, u64 arguments, u64 to);

/// PTRACE_GET_SYSCALL_INFO: how long it would be; at most `size` bytes are copied. EFAULT.
Result<u64> get_syscall_info(Task& task, u64 size, u64 to);

}  // namespace process
