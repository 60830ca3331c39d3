/// Errors of the kernel that need not be the end of the machine: oops and warning.
///
/// An exception that kernel code did not expect is an oops: everything about it is printed, the
/// kernel is marked as tainted, and the task that ran into it dies. What it was about to do stays
/// half done, so this is a chance to look around and save data, not a cure. Where no task can be
/// blamed, or `panic_on_oops` is set, the report ends in a panic.
#pragma once

#include <atomic>

#include "arch/trap_frame.h"
#include "lib/assert.h"
#include "lib/strong.h"

/// Why this kernel is no longer to be trusted: bits of /proc/sys/kernel/tainted, as on Linux.
enum class Taint : u32 { MachineCheck = 1 << 4, BadPage = 1 << 5, Die = 1 << 7, Warn = 1 << 9 };

void add_taint(Taint why);
u32 tainted();

/// /proc/sys/kernel/panic_on_oops and panic_on_warn; `oops=panic` on the command line.
extern constinit std::atomic<u32> panic_on_oops;
extern constinit std::atomic<u32> panic_on_warn;

/// Oopses and warnings since boot.
u32 oops_count();
u32 warn_count();

/// Ends the running task, whatever it is; `signal` is its wait status. Interrupts are off and no
/// lock is held. Set by process/; null until tasks exist.
extern void (*make_task_dead)(int signal);

/// Reports that `what` does not hold, with a backtrace, and goes on. Any context but NMI.
void warn(const char* what, Here here = Here::current());

// clang-format off
/// WARN_ON(condition): the condition should not hold; if it does, says so and goes on. Its value is
/// that of the condition. WARN_ON_ONCE says so once for each place.
#define WARN_ON(condition)                                      \
    ({                                                          \
        const bool warn_on_this = !!(condition);                \
        if (warn_on_this) [[unlikely]] { warn(#condition); }    \
        warn_on_this;                                           \
    })
#define WARN_ON_ONCE(condition)                                                       \
    ({                                                                                \
        static constinit std::atomic<bool> warned_here{false};                        \
        const bool warn_on_this = !!(condition);                                      \
        if (warn_on_this && !warned_here.exchange(true)) [[unlikely]] { warn(#condition); } \
        warn_on_this;                                                                 \
    })
// clang-format on
