/// Where queued HrTimers are: one HrTimerCpuBase per processor, in it one tree per clock and kind
/// of expiry. Inside of the hrtimer files, and for /proc/timer_list.
///
/// Invariants, under HrTimerCpuBase::lock: 1. a timer is linked in the tree of its `base_` exactly
/// while it is queued. 2. bit n of `active` is set exactly while clock[n] holds a timer. 3. outside
/// of the interrupt the hardware is aimed at `expires_next` or earlier, and that is not later than
/// the first hard timer, nor than `soft_expires_next`.
#pragma once

#include "core/lock/spin_lock.h"
#include "core/time/hrtimer.h"

namespace time {

struct HrTimerCpuBase;

/// The timers of one processor on one clock, hard or soft.
struct HrTimerClockBase {
    struct Earlier {
        bool operator()(const HrTimer& a, const HrTimer& b) const {
            return a.expires_ns_ < b.expires_ns_;
        }
    };

    /// Expiry of `timer` on the monotonic clock.
    u64 monotonic(const HrTimer& timer) const;

    RbTree<HrTimer, &HrTimer::node_, Earlier> tree;
    i64 offset_ns = 0;  // of the clock, from the monotonic one
    HrTimerCpuBase* cpu_base = nullptr;
    u8 index = 0;
    /// Whose callback runs. Changes, as `queued_` of that timer does, while `sequence` is odd: so
    /// is_active() sees both as they were at one moment, without the lock.
    std::atomic<HrTimer*> running{nullptr};
    std::atomic<u32> sequence{0};
};

struct HrTimerCpuBase {
    static constexpr u32 kHard = 0x0f, kSoft = 0xf0;  // bits of `active`
    static constexpr unsigned kMaxRounds = 3;         // in one interrupt

    void init(unsigned this_cpu);
    HrTimerClockBase& base_for(ClockBase which, Expiry expiry) {
        return clock[unsigned(which) + (expiry == Expiry::Soft ? kClockBases : 0)];
    }

    /// The monotonic time; takes over the offsets of the clocks if they have changed.
    u64 update() REQUIRES(lock);
    /// Adds; true if nothing in that tree is due earlier.
    bool enqueue(HrTimer& timer, HrTimerClockBase& base) REQUIRES(lock);
    void dequeue(HrTimer& timer, HrTimerClockBase& base) REQUIRES(lock);
    /// The earliest expiry in the trees of `bases`; kTimeMax if there is none.
    u64 next_event(u32 bases, HrTimer*& timer) REQUIRES(lock);

    /// `timer` is new and first of its tree: aims the hardware at it if that is earlier.
    void reprogram(HrTimer& timer, HrTimerClockBase& base) REQUIRES(lock);
    /// The first timer went away: aims at what is first now.
    void force_reprogram() REQUIRES(lock);

    /// Runs what is due on the clocks in `bases`; one round of it for the hard ones, with aiming
    /// the hardware (false: too late); the whole interrupt. timer_interrupt.cc.
    void run_queues(u64 now, u32 bases) REQUIRES(lock);
    bool run_round(u64 now) REQUIRES(lock);
    void interrupt();
    void run_soft();
    /// From the tick, as long as the hardware is not aimed at single timers; and when it is to be.
    void run_low_resolution();
    void switch_to_high_resolution();

    SpinLock lock{"hrtimer_base", LockRank::Timer};
    u32 cpu = 0;
    u32 active = 0;
    u32 clock_set_sequence = 0;      // of the offsets that are in `clock`
    bool high_resolution = false;    // else timers go off at the next tick
    bool in_interrupt = false;       // run_queues() runs: the interrupt will aim the hardware
    bool hang_detected = false;      // aimed later than the first timer, so that others get a turn
    bool softirq_activated = false;  // the softirq is raised and has not come to an end
    u64 expires_next = kTimeMax;     // what the hardware is aimed at
    HrTimer* next_timer = nullptr;   // on behalf of whom
    u64 soft_expires_next = kTimeMax;
    HrTimer* soft_next_timer = nullptr;
    u64 events = 0, retries = 0, hangs = 0, max_hang_ns = 0;
    HrTimerClockBase clock[2 * kClockBases];

private:
    void raise_soft_if_due(u64 now) REQUIRES(lock);
    /// Sets `expires_next` and `next_timer` to the earliest of all that is queued.
    void find_next_event() REQUIRES(lock);
    /// So it would go on for ever: everybody else gets as much time as the callbacks took.
    void back_off(u64 begin, u64 now) REQUIRES(lock);
    void run(HrTimer& timer, HrTimerClockBase& base, u64 now) REQUIRES(lock);
};

/// Per-CPU.
extern HrTimerCpuBase hrtimer_cpu_base;

/// Counts clock_was_set() calls, so that bases notice.
extern constinit std::atomic<u32> clock_set_count;

}  // namespace time
