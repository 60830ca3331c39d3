/// The parts of fcntl(2) that sys_lock.cc and sys_owner.cc do.
#pragma once

#include "fs/file.h"

namespace syscall {

/// F_GETLK, F_SETLK, F_SETLKW. EFAULT, EINVAL, EBADF, EAGAIN, EDEADLK, EOVERFLOW, ERESTARTSYS.
Result<u64> lock_fcntl(fs::File& file, int command, u64 argument);

/// F_SETOWN, F_GETOWN, F_SETSIG, F_GETSIG, F_SETOWN_EX, F_GETOWN_EX, F_GETOWNER_UIDS. EFAULT,
/// EINVAL, ESRCH.
Result<u64> owner_fcntl(fs::File& file, int command, u64 argument);

}  // namespace syscall
