/// Tasklet: a function that is called once, soon, in a softirq, and never on two processors at
/// once. Any number of them share the softirqs Hi and Tasklet. Linux: kernel/softirq.c.
///
///     void received(Tasklet& tasklet);
///     constinit Tasklet tasklet{received};
///     tasklet.schedule();                     // from the interrupt handler
///     tasklet.kill();                         // before it goes away
///
/// What makes it simple to use: while the function runs it is alone, on whichever processor; being
/// scheduled while it waits changes nothing; being scheduled while it runs makes it run again. It
/// runs on the processor that scheduled it. It may not sleep.
///
/// States: *scheduled* from schedule() until just before the function; *running* in the function;
/// *parked* when its turn came while it was disabled: enable() puts it back. (So a disabled tasklet
/// costs nothing. Linux looks at it again and again until it is enabled.)
#pragma once

#include <atomic>

#include "lib/types.h"

class Tasklet {
public:
    constexpr explicit Tasklet(void (*function)(Tasklet&)) : function_(function) {}
    Tasklet(const Tasklet&) = delete;

    /// Makes it run on this processor, if it is not scheduled yet: after the current interrupt, or
    /// soon in ksoftirqd. False if it was scheduled already, or is being killed. Any context but
    /// NMI; from a task outside BhGuard: no lock of rank Task or below is held.
    bool schedule() { return schedule_on(false); }
    /// As schedule(), but before all other softirqs.
    bool schedule_hi() { return schedule_on(true); }

    /// From the return on the function does not run, until as many enable(). Not from the function.
    void disable();
    /// As disable(), but the function may still be on its way on another processor. Any context.
    void disable_nosync();
    void enable();

    /// From the return on it neither runs nor is scheduled, and nobody touches it any more, even if
    /// the function schedules itself. What was scheduled before runs first, unless it is disabled.
    /// Not from an interrupt or a softirq. Afterwards it may be scheduled again.
    void kill();

    bool is_scheduled() const { return state_.load(std::memory_order_acquire) & kScheduled; }
    bool is_running() const { return state_.load(std::memory_order_acquire) & kRunning; }

private:
    friend struct TaskletQueue;
    enum State : u32 { kScheduled = 1, kRunning = 2, kParked = 4, kDying = 8, kIsHi = 16 };

    bool schedule_on(bool hi);
    void enqueue();
    void run_or_park();
    bool unpark();
    void wait_until_idle(u32 states);

    void (*function_)(Tasklet&);
    Tasklet* next_ = nullptr;  // in a queue; its own processor's
    std::atomic<u32> state_{0};
    std::atomic<u32> disabled_{0};
};

/// Opens the two softirqs. Boot.
void init_tasklets();
