// Starting and cancelling. Which base a timer is on may change while somebody looks: so whoever
// wants to lock it looks again under the lock, and while it is on its way from one base to another
// it is on `migration_base`, which nobody can lock.

#include "core/time/hrtimer.h"

#include "core/irq/ipi.h"
#include "core/time/clock.h"
#include "core/time/hrtimer_base.h"
#include "core/time/hrtimer_trace.h"

namespace time {

namespace {

constinit HrTimerClockBase migration_base;  // stands for "nowhere, for a moment"

u64 add_saturated(u64 a, u64 b) {
    u64 sum;
    return __builtin_add_overflow(a, b, &sum) || sum > kTimeMax ? kTimeMax : sum;
}

bool is_relative(TimerMode mode) { return u8(mode) & 1; }

void trace_start(const HrTimer& timer, TimerMode mode) {
    trace::point(HrTimerStart{.hrtimer = reinterpret_cast<u64>(&timer),
                              .function = reinterpret_cast<u64>(timer.function()),
                              .expires = timer.expires_ns(),
                              .softexpires = timer.soft_expires_ns(),
                              .mode = u32(mode) | (timer.is_soft() ? 4u : 0u)});
}

/// Realtime and Tai, hard and soft.
constexpr u32 kSettable = 0xaa;

/// On each processor with timers on a clock that was set.
void retrigger(void*) {
    HrTimerCpuBase& base = this_cpu(hrtimer_cpu_base);
    IrqGuard guard(base.lock);
    base.update();
    base.force_reprogram();
}

}  // namespace

HrTimer::~HrTimer() { ASSERT(!is_queued()); }

void HrTimer::set_expires(u64 when_ns, u64 slack_ns) {
    soft_expires_ns_ = std::min(when_ns, kTimeMax);
    expires_ns_ = add_saturated(soft_expires_ns_, slack_ns);
}

u64 HrTimer::clock_now_ns() const { return now_ns() + u64(clock_offset_ns(clock_in_use())); }

u64 HrTimer::remaining_ns() const {
    const u64 now = clock_now_ns();
    return soft_expires_ns_ > now ? soft_expires_ns_ - now : 0;
}

/// The base that the timer is or was last on, locked; interrupts are off. A timer that was never
/// started is at home here.
HrTimerClockBase& HrTimer::lock_base() NO_LOCK_ANALYSIS {
    for (;;) {
        HrTimerClockBase* base = base_.load(std::memory_order_acquire);
        if (base == nullptr) {
            HrTimerClockBase& home = this_cpu(hrtimer_cpu_base).base_for(clock_, expiry_);
            if (!base_.compare_exchange_strong(base, &home)) continue;
            base = &home;
        }
        if (base != &migration_base) {
            base->cpu_base->lock.lock();
            if (base_.load(std::memory_order_relaxed) == base) return *base;
            base->cpu_base->lock.unlock();
        }
        arch::cpu_relax();
    }
}

/// Takes a timer that is not queued from `from`, locked, to this processor's base, which is then
/// locked instead. But while the callback runs it stays, so that cancel() knows where to look.
HrTimerClockBase& HrTimer::switch_base(HrTimerClockBase& from) NO_LOCK_ANALYSIS {
    HrTimerClockBase& here = this_cpu(hrtimer_cpu_base).base_for(clock_in_use(), expiry_);
    if (&from == &here || from.running.load(std::memory_order_relaxed) == this) return from;
    if (from.cpu_base == here.cpu_base) {
        base_.store(&here, std::memory_order_relaxed);
        return here;
    }
    base_.store(&migration_base, std::memory_order_relaxed);
    from.cpu_base->lock.unlock();
    here.cpu_base->lock.lock();
    base_.store(&here, std::memory_order_release);
    return here;
}

void HrTimer::start(u64 when_ns, TimerMode mode, u64 slack_ns) NO_LOCK_ANALYSIS {
    const bool irqs_were_on = arch::irq_save();
    HrTimerClockBase& from = lock_base();
    HrTimerCpuBase* const mine = &this_cpu(hrtimer_cpu_base);
    bool was_next = false;
    if (is_queued()) {
        was_next = from.cpu_base == mine && mine->next_timer == this;
        from.cpu_base->dequeue(*this, from);
    }
    const bool counts_down = clock_ == ClockBase::Realtime && is_relative(mode);
    if (from.running.load(std::memory_order_relaxed) != this) counts_down_ = counts_down;
    HrTimerClockBase& base = switch_base(from);
    if (is_relative(mode)) when_ns = add_saturated(clock_now_ns(), when_ns);
    set_expires(when_ns, slack_ns);
    if (trace::is_enabled<HrTimerStart>()) [[unlikely]] {
        trace_start(*this, mode);
    }
    if (base.cpu_base->enqueue(*this, base)) base.cpu_base->reprogram(*this, base);
    if (was_next && mine->next_timer == this && base.cpu_base == mine) mine->force_reprogram();
    base.cpu_base->lock.unlock();
    arch::irq_restore(irqs_were_on);
}

bool HrTimer::is_active() const {
    for (;;) {
        const HrTimerClockBase* const base = base_.load(std::memory_order_acquire);
        if (base == nullptr) return false;
        const u32 sequence = base->sequence.load(std::memory_order_acquire);
        const bool active = queued_.load(std::memory_order_acquire) ||
                            base->running.load(std::memory_order_acquire) == this;
        std::atomic_thread_fence(std::memory_order_acquire);
        if (base != &migration_base && sequence % 2 == 0 &&
            base->sequence.load(std::memory_order_relaxed) == sequence &&
            base_.load(std::memory_order_relaxed) == base) {
            return active;
        }
        arch::cpu_relax();
    }
}

CancelResult HrTimer::try_to_cancel() NO_LOCK_ANALYSIS {
    if (!is_active()) return CancelResult::Inactive;
    const bool irqs_were_on = arch::irq_save();
    HrTimerClockBase& base = lock_base();
    HrTimerCpuBase& cpu_base = *base.cpu_base;
    CancelResult result = CancelResult::Inactive;
    if (base.running.load(std::memory_order_relaxed) == this) {
        result = CancelResult::CallbackRuns;
    }
    if (is_queued()) {
        trace::point(HrTimerCancel{.hrtimer = reinterpret_cast<u64>(this)});
        const bool was_next = cpu_base.next_timer == this;
        cpu_base.dequeue(*this, base);
        if (was_next && &cpu_base == &this_cpu(hrtimer_cpu_base)) cpu_base.force_reprogram();
        if (result == CancelResult::Inactive) result = CancelResult::Cancelled;
    }
    cpu_base.lock.unlock();
    arch::irq_restore(irqs_were_on);
    return result;
}

bool HrTimer::cancel() {
    bool was_queued = false;
    for (;;) {
        switch (try_to_cancel()) {
        case CancelResult::Inactive: return was_queued;
        case CancelResult::Cancelled: return true;
        case CancelResult::CallbackRuns: break;
        }
        arch::cpu_relax();
    }
}

u64 HrTimer::forward(u64 now_ns, u64 interval_ns) {
    ASSERT(!is_queued());
    if (now_ns < expires_ns_) return 0;
    interval_ns = std::max<u64>(interval_ns, 1);
    const u64 intervals = (now_ns - expires_ns_) / interval_ns + 1;
    const u64 distance = intervals * interval_ns;  // at most now + interval
    expires_ns_ = add_saturated(expires_ns_, distance);
    soft_expires_ns_ = add_saturated(soft_expires_ns_, distance);
    return intervals;
}

u64 HrTimer::forward_now(u64 interval_ns) { return forward(clock_now_ns(), interval_ns); }

/// On whichever processors it matters.
static void retrigger_all() {
    u64 affected = 0;
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        HrTimerCpuBase& base = per_cpu(hrtimer_cpu_base, cpu);
        if (base.clock[0].cpu_base == nullptr) return;  // too early
        IrqGuard guard(base.lock);
        base.update();
        if (base.active & kSettable) affected |= u64{1} << cpu;
    });
    if (affected == 0) return;
    PreemptGuard stay;
    irq::call_on_cpus(affected, retrigger, nullptr);
    if (affected >> cpu_id() & 1) retrigger(nullptr);
}

void (*clock_was_set_hook)() = nullptr;

void clock_was_set() {
    clock_set_count.fetch_add(1, std::memory_order_release);
    retrigger_all();
    if (clock_was_set_hook != nullptr) clock_was_set_hook();
}

}  // namespace time
