// Where timers lie in the wheel, and which bucket comes next. Pure arithmetic on ticks; all of it
// is modulo 2^64, so it does not notice when the count of ticks overflows.

#include <bit>

#include "core/time/jiffies.h"
#include "core/time/wheel/timer_base.h"

namespace time {

namespace {

constexpr unsigned shift_of(unsigned level) { return level * TimerBase::kShift; }

/// The distance from which on level `level` is used: one bucket less than all of the finer one, as
/// timers go into the bucket behind their time.
constexpr u64 begin_of(unsigned level) {
    return u64{TimerBase::kBuckets - 1} << shift_of(level - 1);
}

/// The end of the last level: timers beyond wait there and go off early in their eternity.
constexpr u64 kCutoff = begin_of(TimerBase::kLevels);
constexpr u64 kLongest = kCutoff - (u64{1} << shift_of(TimerBase::kLevels - 1));

TimerBase::Slot slot_in(unsigned level, u64 expires) {
    const u64 tick = (expires >> shift_of(level)) + 1;
    return {level * TimerBase::kBuckets + unsigned(tick % TimerBase::kBuckets),
            tick << shift_of(level)};
}

/// How many buckets after `first` the first non-empty one lies, going round; -1 if there is none.
int distance_to_pending(u64 pending, unsigned first) {
    return pending == 0 ? -1 : std::countr_zero(std::rotr(pending, int(first)));
}

}  // namespace

TimerBase::Slot TimerBase::slot_for(u64 expires, u64 clk) {
    const u64 delta = expires - clk;
    if (i64(delta) < 0) return {unsigned(clk % kBuckets), clk};  // due already
    if (delta >= kCutoff) return slot_in(kLevels - 1, clk + kLongest);
    unsigned level = 0;
    while (delta >= begin_of(level + 1)) level++;
    return slot_in(level, expires);
}

u64 TimerBase::find_next() const {
    u64 next = clk + kMaxDelta;
    u64 tick = clk;  // in units of the level
    for (unsigned level = 0; level < kLevels; level++) {
        const int distance = distance_to_pending(pending[level], unsigned(tick % kBuckets));
        // Coarser levels are looked at when the finer one has gone round an eighth: what lies
        // before that here is certainly earlier than all that lies there.
        const unsigned within = unsigned(tick % (1 << kShift));
        if (distance >= 0) {
            const u64 due = (tick + u64(distance)) << shift_of(level);
            if (time_before(due, next)) next = due;
            if (unsigned(distance) <= ((1u << kShift) - within) % (1u << kShift)) break;
        }
        tick = (tick >> kShift) + (within != 0);
    }
    return next;
}

void TimerBase::forward(u64 now) {
    if (!time_after(now, clk)) return;
    clk = time_after(next_expiry, now) ? now : next_expiry;
}

bool TimerBase::is_empty() const {
    u64 any = 0;
    for (u64 word : pending) any |= word;
    return any == 0;
}

u64 TimerBase::next(u64 now) {
    if (recalculate) {
        recalculate = false;
        next_expiry = find_next();
    }
    forward(now);
    return next_expiry;
}

}  // namespace time
