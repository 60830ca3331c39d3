/// The part of fcntl(2) that sys_lock.cc does.
#pragma once

#include "fs/file.h"

namespace syscall {

/// F_GETLK, F_SETLK, F_SETLKW. EFAULT, EINVAL, EBADF, EAGAIN, EDEADLK, EOVERFLOW, ERESTARTSYS.
Result<u64> lock_fcntl(fs::File& file, int command, u64 argument);

}  // namespace syscall
