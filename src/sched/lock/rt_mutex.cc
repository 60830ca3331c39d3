// Who waits for whom, and what that lends. See rt_mutex.h.

#include "sched/lock/rt_mutex.h"

#include "sched/lock/lock_sleep.h"
#include "sched/policy.h"
#include "sched/task.h"

namespace sched {

namespace {

/// Guards every RtMutex, RtWaiter and PiTask. Taken inside of whatever serialises the callers,
/// outside of the locks of a wake-up and of run queues.
constinit SpinLock rt_mutex_lock("rt_mutex", LockRank::Mutex);

/// Where a waiter stands: all fair tasks are equals.
i32 place_of(i32 prio) { return is_urgent_prio(prio) ? prio : kDefaultPrio; }

}  // namespace

/// What happens along a chain: waiter, mutex, holder, which is a waiter, and so on.
struct PiChain {
    /// Gives the waiter the place that its task's priority calls for. It keeps its old one if that
    /// is as good, so that a nice value gains or costs nothing.
    static void replace(RtWaiter& waiter) {
        const i32 before = place_of(waiter.prio);
        waiter.prio = effective_prio(waiter.task);
        if (place_of(waiter.prio) == before) return;
        waiter.mutex->waiters_.remove(waiter);
        waiter.mutex->insert(waiter);
        waiter.mutex->wake_first_if_free();
    }

    /// The most urgent priority that waiters lend the task.
    static i32 lent_to(const Task& task) {
        i32 lent = kMaxPrio;
        for (const RtMutex& mutex : task.pi.held) {
            const RtWaiter* first = mutex.waiters_.front();
            if (first != nullptr) lent = std::min(lent, first->prio);
        }
        return std::max(lent, 0);  // set_boost() does not lend more
    }

    /// What `task` is lent may have changed: makes that so, for it and for whom it waits for.
    static void adjust(Task* task) {
        while (task != nullptr) {
            const i32 lent = lent_to(*task);
            if (task->boost_prio == lent) return;
            set_boost(*task, lent);
            RtWaiter* const waiter = task->pi.blocked_on;
            if (waiter == nullptr) return;
            replace(*waiter);
            task = waiter->mutex->owner_;
        }
    }

    static void adjust_from(RtWaiter& waiter) {
        replace(waiter);
        adjust(waiter.mutex->owner_);
    }

    static void detach(RtWaiter& waiter) {
        waiter.mutex->waiters_.remove(waiter);
        waiter.mutex = nullptr;
        waiter.task.pi.blocked_on = nullptr;
    }

    static void release(Task& task) {
        while (RtMutex* mutex = task.pi.held.front()) {
            mutex->set_owner(nullptr);
            mutex->wake_first_if_free();
        }
        adjust(&task);
    }

    static bool is_free(const RtMutex& mutex) { return mutex.owner_ == nullptr; }
    static bool is_first(const RtWaiter& waiter) {
        return waiter.mutex->waiters_.front() == &waiter;
    }
};

RtMutex::~RtMutex() {
    IrqGuard guard(rt_mutex_lock);
    ASSERT(waiters_.empty());
    set_owner(nullptr);
}

/// Behind all that are as urgent or more.
void RtMutex::insert(RtWaiter& waiter) {
    RtWaiter* before = waiters_.back();
    while (before != nullptr && place_of(before->prio) > place_of(waiter.prio)) {
        before = waiters_.prev(*before);
    }
    if (before == nullptr) {
        waiters_.push_front(waiter);
    } else {
        waiters_.insert_after(*before, waiter);
    }
}

void RtMutex::set_owner(Task* owner) {
    if (owner_ != nullptr) held_link_.unlink();
    owner_ = owner;
    if (owner_ != nullptr) owner_->pi.held.push_back(*this);
}

void RtMutex::wake_first_if_free() {
    if (owner_ != nullptr || waiters_.empty()) return;
    (void)wake_up_process(waiters_.front()->task);
}

/// Whether `task` would wait for itself.
bool RtMutex::closes_circle(const Task& task) const {
    unsigned depth = 0;
    for (const Task* owner = owner_; owner != nullptr;) {
        if (owner == &task || ++depth > kMaxLockDepth) return true;
        const RtWaiter* waits = owner->pi.blocked_on;
        owner = waits != nullptr ? waits->mutex->owner_ : nullptr;
    }
    return false;
}

Result<void> RtMutex::init_proxy_locked(Task& owner) {
    IrqGuard guard(rt_mutex_lock);
    if (owner.pi.has_ended) return ESRCH;
    set_owner(&owner);
    return {};
}

i32 RtMutex::owner_pid() {
    IrqGuard guard(rt_mutex_lock);
    return owner_ != nullptr ? owner_->pid : 0;
}

Result<void> RtMutex::join(RtWaiter& waiter) {
    IrqGuard guard(rt_mutex_lock);
    ASSERT(waiter.mutex == nullptr && waiter.task.pi.blocked_on == nullptr);
    if (closes_circle(waiter.task)) return EDEADLK;
    waiter.prio = effective_prio(waiter.task);
    waiter.mutex = this;
    waiter.task.pi.blocked_on = &waiter;
    insert(waiter);
    wake_first_if_free();
    PiChain::adjust(owner_);
    return {};
}

void RtMutex::leave(RtWaiter& waiter) {
    IrqGuard guard(rt_mutex_lock);
    ASSERT(waiter.mutex == this);
    PiChain::detach(waiter);
    wake_first_if_free();
    PiChain::adjust(owner_);
}

RtWaiter* RtMutex::top_waiter() {
    IrqGuard guard(rt_mutex_lock);
    return waiters_.front();
}

bool RtMutex::is_turn_of(RtWaiter& waiter) {
    IrqGuard guard(rt_mutex_lock);
    return owner_ == nullptr && waiters_.front() == &waiter;
}

void RtMutex::grant(RtWaiter& waiter) {
    IrqGuard guard(rt_mutex_lock);
    ASSERT(waiter.mutex == this);
    Task* const before = owner_;
    PiChain::detach(waiter);
    set_owner(&waiter.task);
    PiChain::adjust(&waiter.task);
    waiter.is_granted = true;
    (void)wake_up_process(waiter.task);
    PiChain::adjust(before);
}

Result<RtWaited> rt_mutex_wait(RtWaiter& waiter, u64 deadline_ns) {
    IrqGuard guard(rt_mutex_lock);
    bool is_late = false;
    for (;;) {
        if (waiter.is_granted) return RtWaited::Granted;
        RtMutex* const mutex = waiter.mutex;
        if (mutex != nullptr && PiChain::is_free(*mutex) && PiChain::is_first(waiter)) {
            return RtWaited::ItsTurn;
        }
        if (is_late) return ETIMEDOUT;
        if (signal_pending(current())) return ERESTARTSYS;
        is_late = sleep_for_lock(rt_mutex_lock, kInterruptible, deadline_ns);
    }
}

void rt_mutex_grant_unqueued(RtWaiter& waiter) {
    IrqGuard guard(rt_mutex_lock);
    waiter.is_granted = true;
    (void)wake_up_process(waiter.task);
}

void rt_mutex_adjust_pi(Task& task) {
    IrqGuard guard(rt_mutex_lock);
    if (task.pi.blocked_on != nullptr) PiChain::adjust_from(*task.pi.blocked_on);
}

void rt_mutex_release_all(Task& task, RtRelease how) {
    IrqGuard guard(rt_mutex_lock);
    task.pi.has_ended = how == RtRelease::Ends;
    PiChain::release(task);
}

}  // namespace sched
