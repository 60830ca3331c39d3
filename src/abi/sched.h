/// clone(2), clone3(2) and the sched_* calls. Linux: include/uapi/linux/sched.h.
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr u64 CSIGNAL = 0xff;
inline constexpr u64 CLONE_VM = 0x100, CLONE_FS = 0x200, CLONE_FILES = 0x400;
inline constexpr u64 CLONE_SIGHAND = 0x800, CLONE_PIDFD = 0x1000, CLONE_PTRACE = 0x2000;
inline constexpr u64 CLONE_VFORK = 0x4000, CLONE_PARENT = 0x8000, CLONE_THREAD = 0x1'0000;
inline constexpr u64 CLONE_NEWNS = 0x2'0000, CLONE_SYSVSEM = 0x4'0000, CLONE_SETTLS = 0x8'0000;
inline constexpr u64 CLONE_PARENT_SETTID = 0x10'0000, CLONE_CHILD_CLEARTID = 0x20'0000;
inline constexpr u64 CLONE_DETACHED = 0x40'0000, CLONE_UNTRACED = 0x80'0000;
inline constexpr u64 CLONE_CHILD_SETTID = 0x100'0000, CLONE_NEWCGROUP = 0x200'0000;
inline constexpr u64 CLONE_NEWUTS = 0x400'0000, CLONE_NEWIPC = 0x800'0000;
inline constexpr u64 CLONE_NEWUSER = 0x1000'0000, CLONE_NEWPID = 0x2000'0000;
inline constexpr u64 CLONE_NEWNET = 0x4000'0000, CLONE_IO = 0x8000'0000;
// clone3 only:
inline constexpr u64 CLONE_NEWTIME = 0x80;
inline constexpr u64 CLONE_CLEAR_SIGHAND = 0x1'0000'0000, CLONE_INTO_CGROUP = 0x2'0000'0000;

/// struct clone_args. Its size is passed along: 64 for the first version.
struct CloneArgs {
    u64 flags;
    u64 pidfd;
    u64 child_tid, parent_tid;
    u64 exit_signal;
    u64 stack, stack_size;
    u64 tls;
    u64 set_tid, set_tid_size;
    u64 cgroup;
};
inline constexpr u64 kCloneArgsSize0 = 64, kCloneArgsSize2 = 88;
inline constexpr u64 kMaxPidNsLevel = 32;  // so many numbers set_tid may hold at most
static_assert(sizeof(CloneArgs) == 88);

inline constexpr u32 SCHED_OTHER = 0, SCHED_FIFO = 1, SCHED_RR = 2, SCHED_BATCH = 3;
inline constexpr u32 SCHED_IDLE = 5, SCHED_DEADLINE = 6, SCHED_RESET_ON_FORK = 0x4000'0000;

/// struct sched_attr of sched_setattr(2); 48 bytes in its first version. Times in ns.
struct SchedAttr {
    u32 size;
    u32 policy;
    u64 flags;  // SCHED_FLAG_*
    i32 nice;
    u32 priority;
    u64 runtime, deadline, period;
    u32 util_min, util_max;
};
static_assert(sizeof(SchedAttr) == 56);
inline constexpr u32 kSchedAttrSize0 = 48;

inline constexpr u64 SCHED_FLAG_RESET_ON_FORK = 0x01, SCHED_FLAG_RECLAIM = 0x02;
inline constexpr u64 SCHED_FLAG_DL_OVERRUN = 0x04, SCHED_FLAG_KEEP_POLICY = 0x08;
inline constexpr u64 SCHED_FLAG_KEEP_PARAMS = 0x10, SCHED_FLAG_UTIL_CLAMP = 0x60;
/// What this kernel does, or says EOPNOTSUPP to; it does not reclaim.
inline constexpr u64 SCHED_FLAG_KNOWN = SCHED_FLAG_RESET_ON_FORK | SCHED_FLAG_DL_OVERRUN |
                                        SCHED_FLAG_KEEP_POLICY | SCHED_FLAG_KEEP_PARAMS |
                                        SCHED_FLAG_UTIL_CLAMP;
/// Those that belong to a deadline task's numbers.
inline constexpr u64 SCHED_DL_FLAGS = SCHED_FLAG_DL_OVERRUN;

}  // namespace abi
