/// What the softirq loop is made of. For softirq.cc and pending.cc only.
#pragma once

#include "core/percpu/percpu.h"
#include "lib/types.h"

namespace softirq {

/// As long as it lives, this processor serves softirqs: in_softirq() is true, and the time counts
/// as softirq time. Interrupts are off when it begins and ends.
class Serving {
public:
    Serving();
    ~Serving();
    Serving(const Serving&) = delete;

private:
    const u64 begin_;  // time stamp counter
};

/// How long the loop may go on before ordinary tasks get their turn.
class Budget {
public:
    Budget();
    /// False after ten passes, after 2 ms, or when another task should run. Linux'
    /// MAX_SOFTIRQ_RESTART and MAX_SOFTIRQ_TIME.
    bool allows_another_pass();

private:
    const u64 deadline_;  // time stamp counter
    unsigned passes_left_;
};

/// The mask of raised softirqs; clears it. Interrupts are off.
u32 take_pending();

/// Counts, traces and calls the action of one softirq, and checks that it left preempt_count as it
/// was: if not, its name is reported and the count put right.
void run_action(unsigned number);

/// Sets a softirq's action and returns the one it had. For open() and tests.
using Action = void (*)();
Action exchange_action(unsigned number, Action action);

/// Wakes ksoftirqd of this processor, if there is one yet. Interrupts are off.
void call_ksoftirqd();

}  // namespace softirq
