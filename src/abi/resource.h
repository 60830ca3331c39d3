/// Resource limits and usage. Linux: include/uapi/{asm-generic,linux}/resource.h.
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr u32 kRlimits = 16;

inline constexpr u32 RLIMIT_CPU = 0, RLIMIT_FSIZE = 1, RLIMIT_DATA = 2, RLIMIT_STACK = 3;
inline constexpr u32 RLIMIT_CORE = 4, RLIMIT_RSS = 5, RLIMIT_NPROC = 6, RLIMIT_NOFILE = 7;
inline constexpr u32 RLIMIT_MEMLOCK = 8, RLIMIT_AS = 9, RLIMIT_LOCKS = 10, RLIMIT_SIGPENDING = 11;
inline constexpr u32 RLIMIT_MSGQUEUE = 12, RLIMIT_NICE = 13, RLIMIT_RTPRIO = 14;
inline constexpr u32 RLIMIT_RTTIME = 15;

inline constexpr u64 RLIM_INFINITY = ~u64{0};

/// struct rlimit, and rlimit64 of prlimit64(2).
struct Rlimit {
    u64 current = RLIM_INFINITY;
    u64 maximum = RLIM_INFINITY;
};

inline constexpr int RUSAGE_SELF = 0, RUSAGE_CHILDREN = -1, RUSAGE_THREAD = 1;

/// struct rusage. Times in seconds and microseconds, maxrss in KiB.
struct Rusage {
    i64 utime_sec = 0, utime_usec = 0;
    i64 stime_sec = 0, stime_usec = 0;
    i64 maxrss = 0, ixrss = 0, idrss = 0, isrss = 0;
    i64 minflt = 0, majflt = 0;
    i64 nswap = 0, inblock = 0, oublock = 0, msgsnd = 0, msgrcv = 0, nsignals = 0;
    i64 nvcsw = 0, nivcsw = 0;
};
static_assert(sizeof(Rusage) == 144);

inline constexpr int PRIO_PROCESS = 0, PRIO_PGRP = 1, PRIO_USER = 2;

}  // namespace abi
