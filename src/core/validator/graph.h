/// What the validator has learnt: which class of locks was taken while which other one was held,
/// and in which contexts. A class is its index in lock_stat::classes().
#pragma once

#include "core/validator/report.h"

namespace lockval {

inline constexpr usize kMaxClasses = 512;

/// Contexts, as bits; each for taking it exclusively, and for sharing it 4 bits higher.
enum Usage : u8 {
    kInHardirq = 1,   // taken by an interrupt handler
    kInSoftirq = 2,   // by a softirq
    kHardirqsOn = 4,  // held while interrupts were on
    kSoftirqsOn = 8,  // held while softirqs were on
};

/// Notes that `to` was taken while `from` was held, the lock that `report.now` tells of. False, and
/// the report filled in, if that could end in a deadlock.
bool add_edge(u16 from, u16 to, Report& report);

/// Notes in which contexts `klass` was taken. False, and the report filled in, as before.
bool add_usage(u16 klass, u8 bits, Report& report);

/// Notes the locks that a task holds at once, for the statistics.
void note_chain(const TaskLocksChecked& locks);

struct Statistics {
    usize classes, edges, max_edges, chains, max_chains, max_depth;
    usize irq_safe, irq_unsafe, softirq_safe, softirq_unsafe;
};
Statistics statistics();

/// How many classes were taken while `klass` was held; whether `other` is one of them.
usize edges_from(u16 klass);
bool has_edge(u16 klass, u16 other);

/// The chain numbered `index`: up to `room` classes, outermost first. Returns how many.
usize chain_at(usize index, u16* classes, usize room);

}  // namespace lockval
