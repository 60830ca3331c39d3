/// What tasks have used, for getrusage(2), wait4(2), times(2) and /proc/<pid>/stat.
#pragma once

#include <atomic>

#include "lib/types.h"

namespace sched {

struct Task;

struct CpuTimes {
    u64 user_ns, system_ns;
};

struct Usage {
    u64 user_ns = 0, system_ns = 0;
    u64 minor_faults = 0, major_faults = 0;
    u64 voluntary = 0, involuntary = 0;  // context switches
    u64 max_rss_pages = 0;               // a process'; no thread has any of its own

    /// What another has used comes to it; of memory the greater counts.
    void add(const Usage& other);
};

/// The same where it grows. Others may read it meanwhile: each number is right, but they need not
/// be of the same moment.
struct UsageSum {
    std::atomic<u64> user_ns{0}, system_ns{0};
    std::atomic<u64> minor_faults{0}, major_faults{0};
    std::atomic<u64> voluntary{0}, involuntary{0};
    std::atomic<u64> max_rss_pages{0};

    void add(const Usage& used);
    void raise_max_rss(u64 pages);
    Usage read() const;
};

/// A thread's, up to now; it may be running.
Usage usage_of(const Task& task);

}  // namespace sched
