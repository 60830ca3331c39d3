/// PercpuRef: a reference count for what is used by all processors all the time and goes away once:
/// a mount, a queue of a device. Linux: lib/percpu-refcount.c.
///
/// While it lives, each processor counts for itself, and nobody knows the sum; nobody needs to,
/// since the owner holds a reference. kill() drops that one: from then on all count together, and
/// whoever drops the last one releases the object.
///
/// The change to the common count takes a grace period: until then some processor may still be
/// about to count for itself, and meanwhile the common count is kept far from zero.
#pragma once

#include <atomic>

#include "core/rcu/rcu.h"
#include "lib/result.h"

namespace mm {

class PercpuRef {
public:
    using Function = void (*)(PercpuRef& ref);

    /// `release` runs once, where the last reference is dropped: in any context.
    constexpr explicit PercpuRef(Function release) : release_(release) {}
    PercpuRef(const PercpuRef&) = delete;
    ~PercpuRef();

    /// Before any other use; the caller has the first reference. ENOMEM.
    Result<void> init();

    /// One more; the caller has one already. Any context, as all of these.
    void get();
    /// One more, unless none is left: for who found the object without a reference.
    bool try_get();
    /// One more, unless the object was killed.
    bool try_get_live();
    void put();

    /// Drops the first reference, once. No try_get_live() succeeds that begins later; `confirm`, if
    /// given, is called when all processors know it and the count is common. Any context.
    void kill(Function confirm = nullptr);

    bool is_dying() const { return state_.load(std::memory_order_relaxed) & kDead; }

private:
    enum State : u32 { kCommon = 1, kDead = 2 };
    struct alignas(64) Local {
        std::atomic<i64> count{0};  // may be negative: who gets and who puts need not be the same
    };
    /// In an RCU section: this processor's, or null if all count together.
    std::atomic<i64>* local();
    void switch_to_common();

    static constexpr i64 kBias = i64{1} << 62;
    Local* locals_ = nullptr;  // one for each possible processor
    std::atomic<u32> state_{0};
    std::atomic<i64> count_{1 + kBias};
    const Function release_;
    Function confirm_ = nullptr;
    RcuHead rcu_{};
};

}  // namespace mm
