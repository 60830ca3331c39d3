/// The grace period itself: begin, look, end. Its thread (sched/rcu/gp_thread.cc) calls these, one
/// after the other; nobody else may.
#pragma once

#include <atomic>

#include "lib/types.h"

namespace rcu {

/// What a processor is asked for.
enum Need : u32 {
    kNeedNormal = 1,     // its bit in the mask of the grace period
    kNeedExpedited = 2,  // its bit in the mask of the expedited one
    kNeedBacktrace = 4,  // it holds up a grace period: its next tick says where
};

/// Those who have yet to pass a quiescent state, one bit each.
struct Waiting {
    std::atomic<u64> cpus{0};
    void (*all_done)() = nullptr;  // called by who clears the last bit; any context
};
extern constinit Waiting normal, expedited;

/// Opens the softirq that calls back. Boot.
void init();

/// The grace periods so far (sequence.h), and the last one that somebody wants.
u64 sequence();
u64 wanted();

/// Makes the thread run grace periods until `sequence` is reached. Interrupts may be off; no lock
/// of rank Rcu or below is held.
void request(u64 sequence);
extern void (*wake_thread)();  // null until there is one

/// Asks every online processor, and finds those idle that are.
void begin_period();
/// Looks again who is idle, or has been since the begin; with `kick`, makes the others reschedule.
void force_quiescent_states(bool kick);
/// All have answered. Wakes idle processors whose callbacks waited for it.
void end_period();

/// The expedited grace period: asks all, and interrupts those that are busy. May sleep; one caller
/// at a time, who then waits until expedited.cpus is 0.
void ask_expedited();

/// Asks `cpu` for what `need` says, from now on.
void ask(unsigned cpu, Need need);
/// Clears bits of a mask, and calls all_done() if that was the last one.
void clear_waiting(Waiting& waiting, u64 cpus);

/// Callbacks that `cpu` has queued and not called yet; ever called. Of another one a moment ago.
u64 queued_callbacks(unsigned cpu);
u64 called_callbacks(unsigned cpu);

}  // namespace rcu
