// The queues, and what the timer interrupt (timer_interrupt.cc) does with them.
//
// A callback runs without the lock, so that it can start and cancel timers, and others can start
// theirs meanwhile. `running` says whose callback it is; only when it has come back is the timer
// idle, or queued again.

#include "core/softirq/softirq.h"
#include "core/time/clock.h"
#include "core/time/hrtimer_base.h"
#include "core/time/hrtimer_trace.h"
#include "core/time/timer_interrupt.h"

namespace time {

PER_CPU HrTimerCpuBase hrtimer_cpu_base{};
constinit std::atomic<u32> clock_set_count{0};

namespace {

constexpr u64 kMaxHangNs = 100 * kNsPerMs;

/// One change that is_active() sees as a whole.
class Change {
public:
    explicit Change(HrTimerClockBase& base) : base_(base) {
        base_.sequence.fetch_add(1, std::memory_order_acq_rel);
    }
    ~Change() { base_.sequence.fetch_add(1, std::memory_order_acq_rel); }
    Change(const Change&) = delete;

private:
    HrTimerClockBase& base_;
};

}  // namespace

u64 HrTimerClockBase::monotonic(const HrTimer& timer) const {
    i64 at;
    if (__builtin_sub_overflow(i64(timer.expires_ns_), offset_ns, &at)) {
        return offset_ns < 0 ? kTimeMax : 0;
    }
    return at < 0 ? 0 : u64(at);
}

void HrTimerCpuBase::init(unsigned this_cpu) {
    cpu = this_cpu;
    for (unsigned i = 0; i < 2 * kClockBases; i++) {
        clock[i].cpu_base = this;
        clock[i].index = u8(i);
    }
}

u64 HrTimerCpuBase::update() {
    const u32 sequence = clock_set_count.load(std::memory_order_acquire);
    if (sequence != clock_set_sequence) [[unlikely]] {
        clock_set_sequence = sequence;
        for (unsigned i = 0; i < 2 * kClockBases; i++) {
            clock[i].offset_ns = clock_offset_ns(static_cast<ClockBase>(i % kClockBases));
        }
    }
    return now_ns();
}

bool HrTimerCpuBase::enqueue(HrTimer& timer, HrTimerClockBase& base) {
    base.tree.insert(timer);
    active |= 1u << base.index;
    timer.queued_.store(true, std::memory_order_relaxed);
    return base.tree.first() == &timer;
}

void HrTimerCpuBase::dequeue(HrTimer& timer, HrTimerClockBase& base) {
    base.tree.erase(timer);
    if (base.tree.empty()) active &= ~(1u << base.index);
    timer.queued_.store(false, std::memory_order_relaxed);
}

u64 HrTimerCpuBase::next_event(u32 bases, HrTimer*& timer) {
    u64 earliest = kTimeMax;
    timer = nullptr;
    for (u32 left = active & bases; left != 0; left &= left - 1) {
        const HrTimerClockBase& base = clock[__builtin_ctz(left)];
        const u64 at = base.monotonic(*base.tree.first());
        if (at >= earliest) continue;
        earliest = at;
        timer = base.tree.first();
    }
    return earliest;
}

void HrTimerCpuBase::reprogram(HrTimer& timer, HrTimerClockBase& base) {
    const u64 at = base.monotonic(timer);
    if (timer.is_soft()) {
        if (softirq_activated || at >= soft_expires_next) return;  // the softirq looks itself
        soft_expires_next = at;
        soft_next_timer = &timer;
    }
    // Another processor's: its callback runs there, and who called it aims when it returns.
    const bool mine = this == &this_cpu(hrtimer_cpu_base);
    if (in_interrupt || !high_resolution || at >= expires_next || !mine) return;
    expires_next = at;
    next_timer = &timer;
    if (!hang_detected) program_timer_event(at);
}

void HrTimerCpuBase::force_reprogram() {
    u64 earliest = next_event(kHard, next_timer);
    if (!softirq_activated) {
        soft_expires_next = next_event(kSoft, soft_next_timer);
        if (soft_expires_next < earliest) {
            earliest = soft_expires_next;
            next_timer = soft_next_timer;
        }
    }
    if (earliest == expires_next || !high_resolution) return;
    expires_next = earliest;
    if (!hang_detected && !in_interrupt) program_timer_event(earliest);
}

void HrTimerCpuBase::run(HrTimer& timer, HrTimerClockBase& base, u64 now) NO_LOCK_ANALYSIS {
    {
        Change change(base);
        base.running.store(&timer, std::memory_order_relaxed);
        dequeue(timer, base);
    }
    if (trace::is_enabled<HrTimerExpireEntry>()) [[unlikely]] {
        trace::point(HrTimerExpireEntry{.hrtimer = reinterpret_cast<u64>(&timer),
                                        .now = now + u64(base.offset_ns),
                                        .function = reinterpret_cast<u64>(timer.function_)});
    }
    lock.unlock();
    const bool soft = timer.is_soft();
    if (soft) arch::irq_enable();
    const Restart restart = timer.function_(timer);
    if (soft) arch::irq_disable();
    lock.lock();
    trace::point(HrTimerExpireExit{.hrtimer = reinterpret_cast<u64>(&timer)});

    Change change(base);
    if (restart == Restart::Yes && !timer.is_queued()) enqueue(timer, base);
    base.running.store(nullptr, std::memory_order_relaxed);
}

void HrTimerCpuBase::raise_soft_if_due(u64 now) {
    if (now < soft_expires_next) return;
    soft_expires_next = kTimeMax;
    softirq_activated = true;
    softirq::raise_irqoff(SoftIrq::HrTimer);
}

void HrTimerCpuBase::run_low_resolution() {
    IrqGuard guard(lock);
    const u64 now = update();
    raise_soft_if_due(now);
    run_queues(now, kHard);
}

void HrTimerCpuBase::switch_to_high_resolution() {
    IrqGuard guard(lock);
    high_resolution = true;
    expires_next = kTimeMax;
    force_reprogram();
}

void HrTimerCpuBase::find_next_event() {
    expires_next = next_event(kHard, next_timer);
    if (soft_expires_next < expires_next) {
        expires_next = soft_expires_next;
        next_timer = soft_next_timer;
    }
}

void HrTimerCpuBase::back_off(u64 begin, u64 now) {
    hangs++;
    hang_detected = true;
    const u64 spent = now - begin;
    max_hang_ns = std::max(max_hang_ns, spent);
    program_timer_event(now + std::min(spent, kMaxHangNs));
}

void HrTimerCpuBase::run_soft() {
    IrqGuard guard(lock);
    run_queues(update(), kSoft);
    softirq_activated = false;
    soft_expires_next = next_event(kSoft, soft_next_timer);
    if (soft_next_timer != nullptr && soft_expires_next < expires_next && high_resolution) {
        expires_next = soft_expires_next;
        next_timer = soft_next_timer;
        if (!hang_detected) program_timer_event(expires_next);
    }
}

}  // namespace time
