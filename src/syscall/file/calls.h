/// The families of system calls on files, for syscall/table.cc.
#pragma once

#include "syscall/syscall.h"

namespace syscall {

extern constinit const std::span<const Entry> kFileCalls;    // sys_file.cc: bytes, position
extern constinit const std::span<const Entry> kFdCalls;      // sys_fd.cc: open, close, dup, fcntl
extern constinit const std::span<const Entry> kLockCalls;    // sys_lock.cc: flock
extern constinit const std::span<const Entry> kStatCalls;    // sys_stat.cc: stat, access, statfs
extern constinit const std::span<const Entry> kAttrCalls;    // sys_attr.cc: chmod … truncate
extern constinit const std::span<const Entry> kDirCalls;     // sys_dir.cc: getdents, chdir, mkdir
extern constinit const std::span<const Entry> kPathCalls;    // sys_path.cc: link, rename, unlink
extern constinit const std::span<const Entry> kMountCalls;   // sys_mount.cc
extern constinit const std::span<const Entry> kCopyCalls;    // sys_copy.cc: sendfile
extern constinit const std::span<const Entry> kSpliceCalls;  // sys_splice.cc: splice, tee
extern constinit const std::span<const Entry> kPipeCalls;    // sys_pipe.cc: pipe, eventfd
extern constinit const std::span<const Entry> kPollCalls;    // sys_poll.cc
extern constinit const std::span<const Entry> kSelectCalls;  // sys_select.cc
extern constinit const std::span<const Entry> kEpollCalls;   // sys_epoll.cc

/// Puts what the system-call layer has to show into /proc. Boot, once the allocator works.
void add_proc_files();

}  // namespace syscall
