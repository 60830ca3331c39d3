/// A lock on a range of a file, as it hangs on the inode. See file_lock.h.
#pragma once

#include "lib/list.h"
#include "lib/types.h"

namespace fs {

enum class LockKind : u8 { Posix, Flock };

/// What somebody holds or wants: bytes [start, end) of the file.
struct LockRange {
    static constexpr u64 kToTheEnd = u64{1} << 63;

    LockKind kind;
    const void* owner;  // an FdTable (Posix) or a File (Flock)
    i32 pid;            // for F_GETLK
    bool exclusive;
    u64 start, end;
};

/// A lock somebody holds; on its inode's list, guarded by the mutex in file_lock.cc.
struct HeldLock {
    LockRange range;
    ListLink link;
};

}  // namespace fs
