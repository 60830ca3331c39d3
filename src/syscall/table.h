/// All families of system calls.
#pragma once

#include "syscall/syscall.h"

namespace syscall {

extern constinit const std::span<const Entry> kMmCalls;           // sys_mm.cc
extern constinit const std::span<const Entry> kProcessCalls;      // sys_process.cc
extern constinit const std::span<const Entry> kSignalCalls;       // sys_signal.cc
extern constinit const std::span<const Entry> kClockCalls;        // sys_clock.cc
extern constinit const std::span<const Entry> kSleepCalls;        // sys_sleep.cc
extern constinit const std::span<const Entry> kItimerCalls;       // sys_itimer.cc
extern constinit const std::span<const Entry> kPosixTimerCalls;   // sys_posix_timer.cc
extern constinit const std::span<const Entry> kTimerfdCalls;      // sys_timerfd.cc
extern constinit const std::span<const Entry> kSchedCalls;        // sys_sched.cc
extern constinit const std::span<const Entry> kSchedPolicyCalls;  // sys_sched_policy.cc
extern constinit const std::span<const Entry> kIdentityCalls;     // sys_identity.cc
extern constinit const std::span<const Entry> kResourceCalls;     // sys_resource.cc
extern constinit const std::span<const Entry> kMiscCalls;         // sys_misc.cc
extern constinit const std::span<const Entry> kSystemCalls;       // sys_system.cc
extern constinit const std::span<const Entry> kFutexCalls;        // sys_futex.cc
extern constinit const std::span<const Entry> kPidfdCalls;        // sys_pidfd.cc
extern constinit const std::span<const Entry> kSignalfdCalls;     // sys_signalfd.cc
extern constinit const std::span<const Entry> kCapabilityCalls;   // sys_capability.cc
extern constinit const std::span<const Entry> kPrctlCalls;        // sys_prctl.cc
extern constinit const std::span<const Entry> kMachineCalls;      // sys_machine.cc
extern constinit const std::span<const Entry> kSwapCalls;         // sys_swap.cc
extern constinit const std::span<const Entry> kMempolicyCalls;    // sys_mempolicy.cc
extern constinit const std::span<const Entry> kPtraceCalls;       // sys_ptrace.cc

/// Every family, those of syscall/file included.
std::span<const std::span<const Entry>* const> all_families();

}  // namespace syscall
