/// Advisory locks on files: record locks of fcntl(2), which belong to a descriptor table, and
/// whole-file locks of flock(2), which belong to an open file. The two kinds ignore each other.
/// Linux: fs/locks.c.
///
/// All lists are guarded by one mutex: locks are rare, and finding out whether waiting would close
/// a circle has to look at several files at once.
#pragma once

#include "fs/inode.h"

namespace fs {

/// Takes the lock, replacing what the same owner has on these bytes. EAGAIN if somebody else's is
/// in the way and `wait` is not set; else waits: EDEADLK if that would never end, ERESTARTSYS.
/// ENOMEM.
Result<void> set_lock(Inode& inode, const LockRange& wanted, bool wait);

/// Gives back what the owner has of these bytes; may cut a lock in two: ENOMEM.
Result<void> clear_lock(Inode& inode, const LockRange& range);

/// The first lock that stands in the way of `wanted`, if there is one.
bool find_conflict(Inode& inode, const LockRange& wanted, LockRange& conflict);

/// The owner is done with the file: everything it holds there goes. Any close(2) of a file drops
/// all record locks of the process on it, as POSIX demands.
void release_locks(Inode& inode, LockKind kind, const void* owner);

}  // namespace fs
