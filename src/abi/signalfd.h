/// signalfd(2): what reading one gives. Linux: include/uapi/linux/signalfd.h.
#pragma once

#include "abi/fcntl.h"
#include "abi/types.h"

namespace abi {

inline constexpr u32 SFD_CLOEXEC = O_CLOEXEC, SFD_NONBLOCK = O_NONBLOCK;

/// struct signalfd_siginfo: a siginfo_t whose unions lie side by side.
struct SignalfdSiginfo {
    u32 signo;
    i32 error, code;
    u32 pid, uid;
    i32 fd;
    u32 tid, band, overrun, trapno;
    i32 status, int_value;
    u64 pointer, utime, stime, address;
    u16 address_lsb, reserved;
    i32 syscall;
    u64 call_address;
    u32 arch;
    u8 padding[28];
};
static_assert(sizeof(SignalfdSiginfo) == 128);

}  // namespace abi
