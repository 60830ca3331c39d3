/// RCU: reading shared data without a lock, while a writer replaces it. Linux: kernel/rcu.
///
///     RcuReadGuard guard;                            // reader: never waits, never writes
///     if (Table* table = pointer.get()) use(*table);
///
///     pointer.assign(larger);                        // writer, under a lock of its own:
///     call_rcu(old->rcu, free_table);                // whoever read `old` is still using it
///
/// The writer first makes the old data unreachable, then waits for a *grace period*: until every
/// processor has passed a moment at which it can hold no reference from before. Only then it is
/// freed.
///
/// The flavour: a reader disables preemption, so a section is two instructions long, and a context
/// switch, user mode or idling is a proof that there is none on that processor. A reader may not
/// sleep. Everything that runs with preemption, softirqs or interrupts off is a reader as well.
/// Why not readers that can be preempted: each would have to count its nesting in its task and to
/// look, on the way out, whether a grace period waits for it, and the scheduler would keep lists of
/// those that it took the processor from; our sections are shorter than what that costs. Readers
/// that must sleep take a reference before they leave the section.
#pragma once

#include <atomic>
#include <bit>

#include "core/percpu/preempt.h"
#include "lib/types.h"

inline void rcu_read_lock() { preempt_disable(); }
inline void rcu_read_unlock() { preempt_enable(); }

/// A read-side critical section until the end of the block. Sections nest. Any context but NMI.
class RcuReadGuard {
public:
    RcuReadGuard() { rcu_read_lock(); }
    ~RcuReadGuard() { rcu_read_unlock(); }
    RcuReadGuard(const RcuReadGuard&) = delete;
};

/// A pointer that readers follow while a writer changes it.
template <class T>
class RcuPointer {
public:
    constexpr RcuPointer() = default;
    constexpr explicit RcuPointer(T* first) : pointer_(first) {}
    RcuPointer(const RcuPointer&) = delete;

    /// For readers: what it points to stays valid until the end of the section. (rcu_dereference)
    T* get() const { return pointer_.load(std::memory_order_acquire); }

    /// For the writer, who holds the lock that guards the pointer. (rcu_dereference_protected)
    T* get_protected() const { return pointer_.load(std::memory_order_relaxed); }

    /// Shows `next` to readers; what it points to is complete. (rcu_assign_pointer)
    void assign(T* next) { pointer_.store(next, std::memory_order_release); }

    /// Shows `next` and returns what was there: the writer's to free, after a grace period.
    T* replace(T* next) { return pointer_.exchange(next, std::memory_order_acq_rel); }

private:
    std::atomic<T*> pointer_{nullptr};
};

/// A place in a queue of callbacks: a member of what is to be freed.
struct RcuHead {
    RcuHead* next = nullptr;
    void (*function)(RcuHead& head) = nullptr;
};

/// The object of which `head` is the member kHead: for callbacks.
template <class T, RcuHead T::*kHead>
T& rcu_owner(RcuHead& head) {
    return *reinterpret_cast<T*>(reinterpret_cast<char*>(&head) - std::bit_cast<isize>(kHead));
}

/// Calls `function(head)` after a grace period, in softirq context on this processor; callbacks of
/// one processor run in the order in which they came. `head` must be left alone until then. Any
/// context, any locks held; no memory is needed, so it cannot fail.
void call_rcu(RcuHead& head, void (*function)(RcuHead& head));

/// Waits for a grace period: every section that had begun before has ended. Those who wait at the
/// same time share one. May sleep, a few milliseconds; not within a section. sched/rcu/
void synchronize_rcu();

/// As synchronize_rcu(), but interrupts the processors that are busy, so it takes microseconds.
/// For what a user waits for. sched/rcu/
void synchronize_rcu_expedited();

/// Waits until all callbacks that were queued before have run. May sleep. sched/rcu/
void rcu_barrier();
