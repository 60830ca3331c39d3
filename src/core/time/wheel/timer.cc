// Starting and stopping. As with HrTimer, a timer may be on its way from one processor's wheel to
// another's: then its base is `migration_base`, and whoever wants to lock it waits.

#include "core/time/timer.h"

#include "core/irq/ipi.h"
#include "core/time/jiffies.h"
#include "core/time/wheel/timer_base.h"
#include "core/time/wheel/timer_trace.h"

namespace time {

namespace {

constinit TimerBase migration_base;  // stands for "nowhere, for a moment"; never locked

TimerBase& base_on(unsigned cpu, u8 flags) {
    TimerBases& bases = per_cpu(timer_bases, cpu);
    return flags & Timer::kDeferrable ? bases.deferrable : bases.standard;
}

/// The processor of `base` sleeps until a tick that is too late now: makes it look again.
void wake_if_asleep(const TimerBase& base) {
    if (base.cpu != cpu_id() && base.asleep.load(std::memory_order_relaxed)) {
        irq::send_reschedule(base.cpu);
    }
}

void trace_start(const Timer& timer, u64 now) {
    trace::point(TimerStart{.timer = reinterpret_cast<u64>(&timer),
                            .function = reinterpret_cast<u64>(timer.function()),
                            .expires = timer.expires(),
                            .now = now,
                            .flags = timer.flags()});
}

}  // namespace

Timer::~Timer() { ASSERT(!is_pending()); }

/// The base that the timer is or was last on, locked; interrupts are off. A timer that was never
/// started is at home here.
TimerBase& Timer::lock_base() NO_LOCK_ANALYSIS {
    for (;;) {
        TimerBase* base = base_.load(std::memory_order_acquire);
        if (base == nullptr) {
            TimerBase& home = base_on(cpu_id(), flags_);
            if (!base_.compare_exchange_strong(base, &home)) continue;
            base = &home;
        }
        if (base != &migration_base) {
            base->lock.lock();
            if (base_.load(std::memory_order_relaxed) == base) return *base;
            base->lock.unlock();
        }
        arch::cpu_relax();
    }
}

/// Takes a timer that is not pending from `from`, locked, to `to`, which is then locked instead.
/// But while its function runs it stays, so that del_sync() knows where to look.
TimerBase& Timer::switch_base(TimerBase& from, TimerBase& to) NO_LOCK_ANALYSIS {
    if (&from == &to || from.running.load(std::memory_order_relaxed) == this) return from;
    base_.store(&migration_base, std::memory_order_relaxed);
    from.lock.unlock();
    to.lock.lock();
    base_.store(&to, std::memory_order_release);
    return to;
}

bool Timer::set(u64 expires, When when, unsigned cpu) NO_LOCK_ANALYSIS {
    const bool irqs_were_on = arch::irq_save();
    const u64 now = jiffies();
    TimerBase* base = &lock_base();
    const bool was_pending = is_pending();
    bool stays = !was_pending && when == When::IfPending;
    if (was_pending) {
        stays = expires_ == expires || (when == When::IfEarlier && time_after(expires, expires_));
        base->forward(now);
        if (!stays && TimerBase::slot_for(expires, base->clk).bucket == bucket_) {
            expires_ = expires;
            stays = true;
        }
        if (!stays) base->detach(*this);
    }
    if (!stays) {
        base = &switch_base(*base, base_on(cpu == kThisCpu ? cpu_id() : cpu, flags_));
        base->forward(now);
        base->enqueue(*this, expires, TimerBase::slot_for(expires, base->clk));
        if (trace::is_enabled<TimerStart>()) [[unlikely]] {
            trace_start(*this, now);
        }
        if (!(flags_ & kDeferrable)) wake_if_asleep(*base);
    }
    base->lock.unlock();
    arch::irq_restore(irqs_were_on);
    return was_pending;
}

bool Timer::mod(u64 expires) {
    // Time-outs of busy connections are set to the same tick again and again.
    if (is_pending() && expires_ == expires) return true;
    return set(expires, When::Always, kThisCpu);
}

void Timer::add(u64 expires) {
    ASSERT(!is_pending());
    set(expires, When::Always, kThisCpu);
}

void Timer::add_on(u64 expires, unsigned cpu) {
    ASSERT(!is_pending());
    set(expires, When::Always, cpu);
}

bool Timer::mod_pending(u64 expires) { return set(expires, When::IfPending, kThisCpu); }
bool Timer::reduce(u64 expires) { return set(expires, When::IfEarlier, kThisCpu); }

CancelResult Timer::stop(bool even_if_running) NO_LOCK_ANALYSIS {
    const bool irqs_were_on = arch::irq_save();
    TimerBase& base = lock_base();
    CancelResult result = CancelResult::Inactive;
    if (!even_if_running && base.running.load(std::memory_order_relaxed) == this) {
        result = CancelResult::CallbackRuns;
    } else if (is_pending()) {
        trace::point(TimerCancel{.timer = reinterpret_cast<u64>(this)});
        base.detach(*this);
        result = CancelResult::Cancelled;
    }
    base.lock.unlock();
    arch::irq_restore(irqs_were_on);
    return result;
}

bool Timer::del() { return is_pending() && stop(true) == CancelResult::Cancelled; }

CancelResult Timer::try_to_del_sync() { return stop(false); }

bool Timer::del_sync() {
    if (base_.load(std::memory_order_acquire) == nullptr) return false;  // never started
    for (;;) {
        const CancelResult result = stop(false);
        if (result != CancelResult::CallbackRuns) return result == CancelResult::Cancelled;
        arch::cpu_relax();
    }
}

}  // namespace time
