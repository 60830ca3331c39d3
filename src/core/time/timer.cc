// See timer.h. The queue of a processor is locked for short moments only; callbacks run without
// the lock, with `running` saying which one, so that cancel() can wait for it.

#include "core/time/timer.h"

#include "core/lock/spin_lock.h"
#include "core/time/clock.h"
#include "core/time/clockevents.h"
#include "core/time/hw/hw.h"

namespace time {

class TimerQueue {
public:
    void insert(HrTimer& timer) REQUIRES(lock);
    void erase(HrTimer& timer) REQUIRES(lock);
    void run_expired();
    void program() REQUIRES(lock);

    SpinLock lock{"timer", LockRank::Timer};
    std::atomic<HrTimer*> running{nullptr};

private:
    HrTimer* take_expired(u64 now);
    struct Earlier {
        bool operator()(const HrTimer& a, const HrTimer& b) const {
            return a.expires_ns_ < b.expires_ns_;
        }
    };
    RbTree<HrTimer, &HrTimer::node_, Earlier> tree_ GUARDED_BY(lock);
    u64 programmed_ns_ GUARDED_BY(lock) = ~u64{0};  // what the hardware is armed for
};

namespace {

PER_CPU TimerQueue queue{};

}  // namespace

void TimerQueue::insert(HrTimer& timer) {
    tree_.insert(timer);
    timer.cpu_.store(cpu_id(), std::memory_order_relaxed);
}

void TimerQueue::erase(HrTimer& timer) {
    tree_.erase(timer);
    timer.cpu_.store(HrTimer::kNotArmed, std::memory_order_release);
}

/// Arms this processor's alarm for the earliest timer. Later than before is not worth the
/// register access: the alarm then comes for nothing, and is set again.
void TimerQueue::program() {
    const HrTimer* earliest = tree_.first();
    if (earliest == nullptr || earliest->expires_ns_ >= programmed_ns_) return;
    programmed_ns_ = earliest->expires_ns_;
    clockevents_program_event(programmed_ns_);
}

HrTimer* TimerQueue::take_expired(u64 now) {
    IrqGuard guard(lock);
    HrTimer* timer = tree_.first();
    if (timer == nullptr || timer->expires_ns_ > now) {
        running.store(nullptr, std::memory_order_release);
        programmed_ns_ = ~u64{0};
        program();
        return nullptr;
    }
    running.store(timer, std::memory_order_relaxed);
    erase(*timer);
    return timer;
}

void TimerQueue::run_expired() {
    while (HrTimer* timer = take_expired(now_ns())) timer->expired_(*timer);
}

HrTimer::~HrTimer() { ASSERT(!is_armed()); }

void HrTimer::start(u64 expires_ns) {
    for (;;) {
        try_cancel();
        const bool irqs = arch::irq_save();
        TimerQueue& mine = this_cpu(queue);
        bool done = false;
        {
            IrqGuard guard(mine.lock);
            if (!is_armed()) {
                expires_ns_ = expires_ns;
                mine.insert(*this);
                mine.program();
                done = true;
            }
        }
        arch::irq_restore(irqs);
        if (done) return;
    }
}

bool HrTimer::try_cancel() {
    for (;;) {
        const u32 cpu = cpu_.load(std::memory_order_acquire);
        if (cpu == kNotArmed) return false;
        TimerQueue& owner = per_cpu(queue, cpu);
        IrqGuard guard(owner.lock);
        if (cpu_.load(std::memory_order_relaxed) != cpu) continue;  // expired or moved meanwhile
        owner.erase(*this);
        return true;
    }
}

bool HrTimer::cancel() {
    bool was_armed = false;
    for (;;) {
        was_armed |= try_cancel();
        bool runs = false;
        for_each_cpu(possible_cpus, [&](unsigned cpu) {
            runs |= cpu != cpu_id() &&
                    per_cpu(queue, cpu).running.load(std::memory_order_acquire) == this;
        });
        if (!runs && !is_armed()) return was_armed;
        arch::cpu_relax();
    }
}

static void timer_interrupt(ClockEventDevice&) { this_cpu(queue).run_expired(); }

void init_timers() { clockevents_set_handler(timer_interrupt); }

void init_timers_cpu() { register_lapic_timer(); }

}  // namespace time
