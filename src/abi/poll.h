/// poll(2), ppoll(2), select(2): event bits and structures. Linux: asm-generic/poll.h.
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr u32 POLLIN = 0x0001;
inline constexpr u32 POLLPRI = 0x0002;
inline constexpr u32 POLLOUT = 0x0004;
inline constexpr u32 POLLERR = 0x0008;   // always reported
inline constexpr u32 POLLHUP = 0x0010;   // always reported
inline constexpr u32 POLLNVAL = 0x0020;  // always reported: no such descriptor
inline constexpr u32 POLLRDNORM = 0x0040;
inline constexpr u32 POLLRDBAND = 0x0080;
inline constexpr u32 POLLWRNORM = 0x0100;
inline constexpr u32 POLLWRBAND = 0x0200;
inline constexpr u32 POLLMSG = 0x0400;
inline constexpr u32 POLLRDHUP = 0x2000;

struct PollFd {
    i32 fd;
    i16 events;   // asked for
    i16 revents;  // happened
};
static_assert(sizeof(PollFd) == 8);

inline constexpr int FD_SETSIZE = 1024;  // of libc; the kernel takes any number of descriptors

}  // namespace abi
