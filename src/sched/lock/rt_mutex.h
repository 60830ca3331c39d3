/// RtMutex: a lock that knows its holder, so that who waits for it can lend that its priority.
///
/// Without that a task of middling priority keeps an urgent one waiting for as long as it likes: it
/// only has to keep the holder, which is less urgent than both, from running (priority inversion).
/// So a holder runs with the priority of the most urgent who waits for anything that it holds, and
/// if it waits itself, so does the holder of what it waits for: along the chain, to its end.
///
/// There is no lock() here: that is a matter of who has a word to keep in step with this (futexes
/// do). Among these calls the sleeper's own are join(), wait(), and leave() or grant():
///
///     RtWaiter me(current());
///     TRY(mutex.join(me));
///     switch (wait(me, deadline)) …     // granted by the holder, or nobody holds it: grant(me)
///
/// Waiters stand in the order of priority, real-time ones before all others, and among equals of
/// arrival; deadline tasks are equals.
///
/// Invariants: 1. A task waits for one mutex at most. 2. No task waits for itself, along whatever
/// chain: join() refuses what would close a circle, and nothing else makes chains longer at their
/// far end. 3. A mutex has a holder exactly if it is in the list of what that holds. 4. If nobody
/// holds it, the first waiter is awake, or was woken since it became the first.
///
/// One spin lock guards all of them (Linux has one for each mutex and task, and walks chains hand
/// over hand): a walk sees a picture that does not change, and is as long as there are waiters.
/// The caller serialises join(), leave() and grant() of one mutex with a lock of its own; who is
/// first may change under it, with priorities.
///
/// Linux: kernel/locking/rtmutex.c.
#pragma once

#include "lib/list.h"
#include "lib/result.h"
#include "sched/prio.h"
#include "sched/wait_queue.h"

namespace sched {

struct Task;
class RtMutex;

/// How many holders a chain may have until it counts as a circle. Linux' sysctl of that name.
inline constexpr unsigned kMaxLockDepth = 1024;

/// One task that waits; as a rule on that task's stack.
struct RtWaiter {
    explicit RtWaiter(Task& who) : task(who) {}

    Task& task;
    ListLink link;             // among the mutex' waiters
    RtMutex* mutex = nullptr;  // what it waits for; null: nothing yet, or not any more
    i32 prio = kMaxPrio;       // the task's, when it was given its place
    bool is_granted = false;   // the task has what it waits for
};

class RtMutex {
public:
    RtMutex() = default;
    /// Has no waiters any more.
    ~RtMutex();
    RtMutex(const RtMutex&) = delete;

    /// A new mutex is held by `owner` from now on, who need not know. ESRCH: that has ended. Any
    /// context. Linux: rt_mutex_init_proxy_locked().
    Result<void> init_proxy_locked(Task& owner);

    /// The number of who holds it, 0 for nobody. Any context.
    i32 owner_pid();

    /// `waiter`, which waits for nothing yet, joins the queue and lends its priority; its task need
    /// not be the running one. EDEADLK: the holder waits for that task, or the chain is too long;
    /// then nothing has changed. Any context. Linux: rt_mutex_start_proxy_lock().
    Result<void> join(RtWaiter& waiter);

    /// The waiter leaves the queue, and takes back what it lent. Not if it was granted the mutex.
    void leave(RtWaiter& waiter);

    /// Who comes next; null if nobody waits.
    RtWaiter* top_waiter();

    /// Whether nobody holds it and `waiter` is the first.
    bool is_turn_of(RtWaiter& waiter);

    /// The waiter's task is the holder now, is lent what the others have, and is woken. Who was the
    /// holder gives back what it was lent for this mutex. Once this returns, `waiter` may be gone.
    void grant(RtWaiter& waiter);

private:
    friend struct PiChain;

    void insert(RtWaiter& waiter);
    void set_owner(Task* owner);
    bool closes_circle(const Task& task) const;
    void wake_first_if_free();

    Task* owner_ = nullptr;
    ListLink held_link_;  // in owner_->pi.held
    List<RtWaiter, &RtWaiter::link> waiters_;

public:
    using Held = List<RtMutex, &RtMutex::held_link_>;
};

/// What a task has to do with such mutexes; part of Task.
struct PiTask {
    RtMutex::Held held;
    RtWaiter* blocked_on = nullptr;
    bool has_ended = false;  // holds nothing, and never will again
};

/// How a wait ended without an error: the mutex is the waiter's; or nobody holds it and the waiter
/// is the first, who may grant() it to itself, or leave().
enum class RtWaited : u8 { Granted, ItsTurn };

/// The running task sleeps until one of these is so. `waiter` may join a queue, or another after
/// leaving one, while it sleeps. ERESTARTSYS: a signal; ETIMEDOUT: `deadline_ns` has come. After an
/// error the waiter may be granted the mutex as long as it has not left the queue. No spin locks.
Result<RtWaited> rt_mutex_wait(RtWaiter& waiter, u64 deadline_ns);

/// Grants a waiter that is in no queue what it waits for, and wakes it.
void rt_mutex_grant_unqueued(RtWaiter& waiter);

/// The priority of `task` has changed, for another reason than these mutexes: if it waits, it may
/// get another place in the queue, and lends what it has now. Any context. Linux:
/// rt_mutex_adjust_pi().
void rt_mutex_adjust_pi(Task& task);

/// The running task lets go of all that it holds: the first waiter of each is woken, and nobody is
/// the holder. With `Ends`, it is never made a holder again.
enum class RtRelease : u8 { GoesOn, Ends };
void rt_mutex_release_all(Task& task, RtRelease how);

}  // namespace sched
