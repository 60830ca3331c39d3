// The Timer softirq: calling the functions of the timers that are due.

#include "core/time/wheel/run.h"
#include "core/log/printk.h"
#include "core/softirq/softirq.h"
#include "core/time/jiffies.h"
#include "core/time/wheel/timer_base.h"
#include "core/time/wheel/timer_trace.h"

namespace time {

PER_CPU TimerBases timer_bases{};

void TimerBase::init(unsigned for_cpu, u64 now) {
    cpu = for_cpu;
    clk = now;
    next_expiry = now + kMaxDelta;
}

void TimerBase::enqueue(Timer& timer, u64 expires, Slot slot) {
    Timer*& bucket = buckets[slot.bucket];
    timer.expires_ = expires;
    timer.bucket_ = u16(slot.bucket);
    timer.next_ = bucket;
    if (bucket != nullptr) bucket->place_.store(&timer.next_, std::memory_order_relaxed);
    bucket = &timer;
    timer.place_.store(&bucket, std::memory_order_relaxed);
    pending[slot.bucket / kBuckets] |= u64{1} << slot.bucket % kBuckets;
    if (time_before(slot.expiry, next_expiry)) {
        next_expiry = slot.expiry;
        recalculate = false;
    }
}

void TimerBase::detach(Timer& timer) {
    Timer** const place = timer.place_.load(std::memory_order_relaxed);
    *place = timer.next_;
    if (timer.next_ != nullptr) timer.next_->place_.store(place, std::memory_order_relaxed);
    timer.place_.store(nullptr, std::memory_order_relaxed);
    if (buckets[timer.bucket_] == nullptr) {
        pending[timer.bucket_ / kBuckets] &= ~(u64{1} << timer.bucket_ % kBuckets);
        recalculate = true;
    }
}

/// Empties the buckets that stand for tick next_expiry, at most one of each level.
unsigned TimerBase::collect(Timer* (&due)[kLevels]) {
    unsigned count = 0;
    u64 tick = clk = next_expiry;
    for (unsigned level = 0; level < kLevels; level++) {
        const u64 bit = u64{1} << tick % kBuckets;
        if (pending[level] & bit) {
            pending[level] &= ~bit;
            Timer*& bucket = buckets[level * kBuckets + tick % kBuckets];
            due[count] = bucket;
            bucket->place_.store(&due[count], std::memory_order_relaxed);
            bucket = nullptr;
            count++;
        }
        steps++;
        if (tick % (1 << kShift) != 0) break;  // the next level is not looked at now
        tick >>= kShift;
    }
    return count;
}

void TimerBase::call(Timer& timer, u64 base_clk) {
    if (trace::is_enabled<TimerExpireEntry>()) [[unlikely]] {
        trace::point(TimerExpireEntry{.timer = reinterpret_cast<u64>(&timer),
                                      .now = jiffies(),
                                      .function = reinterpret_cast<u64>(timer.function_),
                                      .baseclk = base_clk});
    }
    const Timer::Function function = timer.function_;
    const u32 depth = preempt_depth();
    function(timer);
    if (preempt_depth() != depth) [[unlikely]] {
        printk(Level::Err, "timer: function at %#x left preempt_count at %#x; it was %#x",
               reinterpret_cast<u64>(function), preempt_depth(), depth);
        arch::this_cpu_add(preempt_count, depth - preempt_depth());
    }
    trace::point(TimerExpireExit{.timer = reinterpret_cast<u64>(&timer)});
}

void TimerBase::expire(Timer*& list) NO_LOCK_ANALYSIS {
    const u64 base_clk = clk - 1;
    while (Timer* timer = list) {
        steps++;
        running.store(timer, std::memory_order_relaxed);
        detach(*timer);
        const bool with_irqs = !(timer->flags_ & Timer::kIrqSafe);
        lock.unlock();
        if (with_irqs) arch::irq_enable();
        call(*timer, base_clk);
        if (with_irqs) arch::irq_disable();
        lock.lock();
        running.store(nullptr, std::memory_order_relaxed);
    }
}

void TimerBase::run(u64 now) {
    IrqGuard guard(lock);
    while (time_after_eq(now, clk) && time_after_eq(now, next_expiry)) {
        Timer* due[kLevels];
        unsigned count = collect(due);
        clk++;  // timers that are started from now on, and are due, go into the next tick
        recalculate = false;
        next_expiry = find_next();
        while (count > 0) expire(due[--count]);
    }
}

static void run_timer_softirq() {
    TimerBases& bases = this_cpu(timer_bases);
    const u64 now = jiffies();
    bases.standard.run(now);
    bases.deferrable.run(now);
}

void run_local_timers() {
    const TimerBases& bases = this_cpu(timer_bases);
    const u64 now = jiffies_clock.count.load(std::memory_order_relaxed);
    if (time_before(now, bases.standard.next_expiry) &&
        time_before(now, bases.deferrable.next_expiry)) {
        return;
    }
    softirq::raise_irqoff(SoftIrq::Timer);
}

u64 next_timer_tick(u64 now) {
    TimerBase& base = this_cpu(timer_bases).standard;
    IrqGuard guard(base.lock);
    const u64 next = base.next(now);
    return base.is_empty() ? now + kMaxJiffyOffset : next;
}

void init_timers() {
    const u64 now = jiffies();
    for_each_cpu(possible_cpus, [&](unsigned cpu) {
        TimerBases& bases = per_cpu(timer_bases, cpu);
        bases.standard.init(cpu, now);
        bases.deferrable.init(cpu, now);
    });
    softirq::open(SoftIrq::Timer, run_timer_softirq);
}

}  // namespace time
