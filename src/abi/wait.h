/// wait4(2) and waitid(2): options and the status word. Linux: include/uapi/linux/wait.h.
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr u32 WNOHANG = 1, WUNTRACED = 2, WSTOPPED = 2, WEXITED = 4, WCONTINUED = 8;
inline constexpr u32 WNOWAIT = 0x0100'0000;
inline constexpr u32 kWaitNoThread = 0x2000'0000;  // __WNOTHREAD: children of this thread only
inline constexpr u32 kWaitAll = 0x4000'0000;       // __WALL: clones too
inline constexpr u32 kWaitClone = 0x8000'0000;     // __WCLONE: clones only

inline constexpr int P_ALL = 0, P_PID = 1, P_PGID = 2, P_PIDFD = 3;

/// The status words.
constexpr i32 status_exited(int code) { return (code & 0xff) << 8; }
constexpr i32 status_stopped(int signal) { return signal << 8 | 0x7f; }
inline constexpr i32 kStatusContinued = 0xffff;
inline constexpr i32 kStatusCore = 0x80;

}  // namespace abi
