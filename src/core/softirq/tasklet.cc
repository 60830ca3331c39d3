// See tasklet.h.

#include "core/softirq/tasklet.h"

#include <utility>

#include "core/lock/spin_lock.h"
#include "core/softirq/softirq.h"
#include "lib/assert.h"

/// Scheduled tasklets of a processor, the oldest first. Interrupts are off while it is touched.
struct TaskletQueue {
    Tasklet* first;
    Tasklet* last;

    void push(Tasklet& tasklet) {
        tasklet.next_ = nullptr;
        (first == nullptr ? first : last->next_) = &tasklet;
        last = &tasklet;
    }
    Tasklet* take_all() { return std::exchange(first, nullptr); }
    void run_all();
};

namespace {

PER_CPU TaskletQueue normal_queue{};
PER_CPU TaskletQueue hi_queue{};

}  // namespace

/// The whole list is taken at once: what is scheduled meanwhile waits for the next pass, so one
/// that schedules itself holds up neither the others nor the other softirqs.
void TaskletQueue::run_all() {
    Tasklet* tasklet;
    {
        IrqOffGuard guard;
        tasklet = take_all();
    }
    while (tasklet != nullptr) {
        Tasklet* const next =
            tasklet->next_;  // it may be on a list again, or gone, when it has run
        tasklet->run_or_park();
        tasklet = next;
    }
}

/// Its turn has come; it is on no list.
void Tasklet::run_or_park() {
    const u32 before = state_.fetch_or(kRunning, std::memory_order_acquire);
    if (before & kRunning) return enqueue();  // on another processor: when that is done
    if (disabled_.load(std::memory_order_seq_cst) != 0) {
        // Whoever enables it from now on sees that it is parked; one who just did may not have.
        state_.fetch_or(kParked, std::memory_order_seq_cst);
        if (disabled_.load(std::memory_order_seq_cst) == 0 && unpark()) enqueue();
        state_.fetch_and(~u32{kRunning}, std::memory_order_release);  // kill() waits for this
        return;
    }
    // No longer scheduled before it runs, not after: what schedules it meanwhile must not be lost.
    state_.fetch_and(~u32{kScheduled}, std::memory_order_acq_rel);
    function_(*this);
    state_.fetch_and(~u32{kRunning}, std::memory_order_release);
}

/// True for the one caller who may put a parked tasklet back on a list.
bool Tasklet::unpark() {
    return state_.fetch_and(~u32{kParked}, std::memory_order_seq_cst) & kParked;
}

/// On this processor's list. It is marked as scheduled, and on no list.
void Tasklet::enqueue() {
    const bool hi = state_.load(std::memory_order_relaxed) & kIsHi;
    IrqOffGuard guard;
    this_cpu(hi ? hi_queue : normal_queue).push(*this);
    softirq::raise_irqoff(hi ? SoftIrq::Hi : SoftIrq::Tasklet);
}

bool Tasklet::schedule_on(bool hi) {
    u32 state = state_.load(std::memory_order_relaxed);
    u32 wanted;
    do {
        if (state & (kScheduled | kDying)) return false;
        wanted = (hi ? state | kIsHi : state & ~u32{kIsHi}) | kScheduled;
    } while (!state_.compare_exchange_weak(state, wanted, std::memory_order_acq_rel));
    enqueue();
    return true;
}

void Tasklet::disable_nosync() { disabled_.fetch_add(1, std::memory_order_seq_cst); }

void Tasklet::disable() {
    disable_nosync();
    wait_until_idle(kRunning);
}

void Tasklet::enable() {
    const u32 before = disabled_.fetch_sub(1, std::memory_order_seq_cst);
    ASSERT(before > 0);
    if (before == 1 && unpark()) enqueue();
}

/// Waits until none of `states` is set.
void Tasklet::wait_until_idle(u32 states) {
    while (state_.load(std::memory_order_acquire) & states) {
        if (!in_interrupt() && arch::irqs_on()) {
            BhGuard here;  // its end runs what is scheduled on this processor
        }
        arch::cpu_relax();
    }
}

void Tasklet::kill() {
    ASSERT(!in_interrupt() && arch::irqs_on());
    state_.fetch_or(kDying, std::memory_order_acq_rel);
    // One that is scheduled and disabled gets parked when its turn comes; then it is ours.
    for (;;) {
        if (unpark()) state_.fetch_and(~u32{kScheduled}, std::memory_order_release);
        if (!(state_.load(std::memory_order_acquire) & (kScheduled | kRunning))) break;
        { BhGuard here; }
        arch::cpu_relax();
    }
    state_.fetch_and(~u32{kDying}, std::memory_order_release);
}

void init_tasklets() {
    softirq::open(SoftIrq::Hi, [] { this_cpu(hi_queue).run_all(); });
    softirq::open(SoftIrq::Tasklet, [] { this_cpu(normal_queue).run_all(); });
}
