/// Calls of i386 with a shape of their own. Private to syscall/i386.
#pragma once

#include <span>

#include "abi/time.h"
#include "syscall/syscall.h"

namespace syscall {

/// `frame` as the native handlers want it: i386's argument registers, each cut to 32 bits.
arch::TrapFrame native_frame(const arch::TrapFrame& frame);

/// The handler for a function with typed parameters, as call<> for the native ones.
template <auto Function>
u64 call_i386(arch::TrapFrame& frame) {
    return apply(Function, native_frame(frame));
}

inline abi::Timespec to_timespec(const abi::Timespec32& from) { return {from.sec, from.nsec}; }

extern constinit const std::span<const Entry> kCompatCalls;      // compat.cc
extern constinit const std::span<const Entry> kFileCalls386;     // files.cc
extern constinit const std::span<const Entry> kMachineCalls386;  // machine.cc
extern constinit const std::span<const Entry> kProcessCalls386;  // processes.cc
extern constinit const std::span<const Entry> kTimerCalls386;    // timers.cc

}  // namespace syscall
