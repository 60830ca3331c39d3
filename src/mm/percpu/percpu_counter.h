/// PerCpuCounter: a number that all processors change often and somebody reads sometimes. Linux:
/// lib/percpu_counter.c.
///
/// Each processor collects its changes in a line of its own, and brings them to the common count
/// when they have become a batch. So the common count is off by less than batch * processors, and
/// a change touches no line that others write.
#pragma once

#include <atomic>

#include "core/lock/spin_lock.h"
#include "lib/result.h"

namespace mm {

class PerCpuCounter {
public:
    static constexpr i64 kBatch = 32;

    constexpr PerCpuCounter() = default;
    PerCpuCounter(const PerCpuCounter&) = delete;
    ~PerCpuCounter();

    /// Before any other use. ENOMEM.
    Result<void> init(i64 value = 0);

    /// Any context.
    void add(i64 amount);

    /// The common count: cheap, and off by less than kBatch for each processor.
    i64 read() const { return count_.load(std::memory_order_relaxed); }
    /// Everything that was added before the call, and perhaps some of what is added meanwhile.
    i64 sum();
    /// -1, 0 or 1 as the sum is below, at or above `limit`; adds up only if read() is too close.
    int compare(i64 limit);

private:
    struct alignas(64) Local {
        std::atomic<i64> value{0};
    };
    void flush(Local& local);

    Local* locals_ = nullptr;  // one for each possible processor
    std::atomic<i64> count_{0};
    SpinLock lock_{"percpu_counter", LockRank::Counter};  // bringing in and adding up
};

}  // namespace mm
