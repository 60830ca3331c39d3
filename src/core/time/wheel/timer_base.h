/// TimerBase: the pending Timers of one processor, in a wheel. Linux: kernel/time/timer.c.
///
/// The wheel has kLevels levels of 64 buckets. A bucket of level 0 stands for one tick, one of
/// level n for 8^n ticks: so level 0 reaches 63 ticks into the future, level 1 about 500, and level
/// 8 seven weeks at 250 ticks a second. A timer goes into the finest level that reaches its time,
/// into the bucket *behind* it, so that it is never early; it stays there. It is late by up to an
/// eighth of the time it was started for, which nobody minds with a time-out.
///
/// Why no timer ever moves to a finer level ("cascades") as its time comes near: nearly all are
/// cancelled first, so that work would be for nothing; and it would come in bursts.
///
/// One bit for each bucket that is not empty lets the next one be found by looking at one word per
/// level. So starting, stopping and finding the next cost the same with ten timers and with ten
/// thousand.
///
/// Invariants, under the lock: 1. a bucket's bit is set exactly while it holds a timer. 2. all
/// buckets that stand for ticks before `clk` are empty. 3. no timer is due before `next_expiry`,
/// unless `recalculate`: then next_expiry may be earlier than the first.
#pragma once

#include "core/lock/spin_lock.h"
#include "core/time/timer.h"

namespace time {

struct TimerBase {
    static constexpr unsigned kLevels = 9, kBuckets = 64, kShift = 3;
    /// What an empty wheel says is next: far enough that nobody wakes up for it.
    static constexpr u64 kMaxDelta = (u64{1} << 30) - 1;

    /// Where a timer belongs: the bucket, and the tick at which that is looked at.
    struct Slot {
        unsigned bucket;  // 64 * level + number
        u64 expiry;
    };
    static Slot slot_for(u64 expires, u64 clk);

    void init(unsigned cpu, u64 now);
    /// Lets `clk` catch up with `now` as far as no timer is due: so that new timers get a fine
    /// level.
    void forward(u64 now) REQUIRES(lock);
    void enqueue(Timer& timer, u64 expires, Slot slot) REQUIRES(lock);
    void detach(Timer& timer) REQUIRES(lock);
    /// The tick at which the first bucket is due; clk + kMaxDelta if all are empty.
    u64 find_next() const REQUIRES(lock);
    bool is_empty() const REQUIRES(lock);
    /// next_expiry, made exact, `now` being now.
    u64 next(u64 now) REQUIRES(lock);
    /// Calls the functions of all timers that are due at tick `now`. The lock is dropped for each.
    void run(u64 now);

    SpinLock lock{"timer_base", LockRank::Timer};
    std::atomic<Timer*> running{nullptr};  // whose function runs
    u64 clk = 0;                           // the next tick to be looked at
    u64 next_expiry = 0;
    u32 cpu = 0;
    bool recalculate = false;
    std::atomic<bool> asleep{false};  // its processor's tick is stopped, counting on next_expiry
    u64 pending[kLevels] = {};
    u64 steps = 0;  // buckets and timers touched by run(), for tests
    Timer* buckets[kLevels * kBuckets] = {};

private:
    unsigned collect(Timer* (&due)[kLevels]) REQUIRES(lock);
    void expire(Timer*& list) REQUIRES(lock);
    void call(Timer& timer, u64 base_clk) REQUIRES(lock);
};

/// The two wheels of a processor: timers of the second do not wake it.
struct TimerBases {
    TimerBase standard, deferrable;
};
extern TimerBases timer_bases;  // per-CPU

}  // namespace time
