/// Clocks, and times as system calls pass them. Linux: include/uapi/linux/time.h.
#pragma once

#include "abi/types.h"

namespace abi {

struct Timespec {
    i64 sec;
    i64 nsec;
};
/// The same with the words of i386.
struct Timespec32 {
    i32 sec, nsec;
};
struct Timeval32 {
    i32 sec, usec;
};

struct Timeval {
    i64 sec;
    i64 usec;
};

/// struct timezone: always zero.
struct Timezone {
    i32 minutes_west;
    i32 dst_time;
};

struct Itimerval {
    Timeval interval, value;
};

/// struct itimerspec.
struct Itimerspec {
    Timespec interval, value;
};

/// The same two with the words of i386.
struct Itimerval32 {
    Timeval32 interval, value;
};
struct Itimerspec32 {
    Timespec32 interval, value;
};

/// struct tms of times(2), in ticks of kUserHz.
struct Tms {
    i64 utime, stime, cutime, cstime;
};

inline constexpr u64 kUserHz = 100;

inline constexpr int CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_PROCESS_CPUTIME_ID = 2;
inline constexpr int CLOCK_THREAD_CPUTIME_ID = 3, CLOCK_MONOTONIC_RAW = 4;
inline constexpr int CLOCK_REALTIME_COARSE = 5, CLOCK_MONOTONIC_COARSE = 6, CLOCK_BOOTTIME = 7;
inline constexpr int CLOCK_REALTIME_ALARM = 8, CLOCK_BOOTTIME_ALARM = 9, CLOCK_TAI = 11;

inline constexpr int TIMER_ABSTIME = 1;

/// timerfd_create(2), timerfd_settime(2), and the ioctl that sets the number of expirations.
inline constexpr u32 TFD_CLOEXEC = 0x80000, TFD_NONBLOCK = 0x800;
inline constexpr u32 TFD_TIMER_ABSTIME = 1, TFD_TIMER_CANCEL_ON_SET = 2;
inline constexpr u32 TFD_IOC_SET_TICKS = 0x4008'5400;

inline constexpr int ITIMER_REAL = 0, ITIMER_VIRTUAL = 1, ITIMER_PROF = 2;

}  // namespace abi
