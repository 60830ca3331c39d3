/// eventfd: a counter as a file, for waking somebody who waits in poll or epoll.
/// Linux: fs/eventfd.c.
#pragma once

#include "fs/file.h"

namespace ipc {

/// eventfd2(2). A write adds, a read takes the whole count (with EFD_SEMAPHORE: 1) and waits while
/// it is 0. `flags`: EFD_*. EINVAL, ENOMEM.
Result<Ref<fs::File>> make_eventfd(u32 initial, u32 flags);

}  // namespace ipc
