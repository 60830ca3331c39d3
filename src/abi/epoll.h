/// epoll(7) and eventfd(2): commands, event bits, structures. Linux: uapi/linux/eventpoll.h.
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr int EPOLL_CTL_ADD = 1;
inline constexpr int EPOLL_CTL_DEL = 2;
inline constexpr int EPOLL_CTL_MOD = 3;

inline constexpr int EPOLL_CLOEXEC = 02000000;

// The low bits are those of poll(2).
inline constexpr u32 EPOLLIN = 0x001;
inline constexpr u32 EPOLLPRI = 0x002;
inline constexpr u32 EPOLLOUT = 0x004;
inline constexpr u32 EPOLLERR = 0x008;
inline constexpr u32 EPOLLHUP = 0x010;
inline constexpr u32 EPOLLRDHUP = 0x2000;
inline constexpr u32 EPOLLEXCLUSIVE = 1u << 28;  // of several watchers wake only one
inline constexpr u32 EPOLLWAKEUP = 1u << 29;     // accepted, no effect: nothing suspends here
inline constexpr u32 EPOLLONESHOT = 1u << 30;    // one report, then disabled until EPOLL_CTL_MOD
inline constexpr u32 EPOLLET = 1u << 31;         // report changes, not states

/// Packed on x86-64, so that the layout is the one of i386.
struct [[gnu::packed]] EpollEvent {
    u32 events;
    u64 data;  // the program's own
};
static_assert(sizeof(EpollEvent) == 12);

inline constexpr u32 EFD_SEMAPHORE = 1;
inline constexpr u32 EFD_CLOEXEC = 02000000;
inline constexpr u32 EFD_NONBLOCK = 04000;

}  // namespace abi
