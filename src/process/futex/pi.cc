// Locks with priority inheritance: taking, waiting, letting go. See pi_state.h.

#include "arch/user_access.h"
#include "core/user/user_ptr.h"
#include "mm/slab.h"
#include "process/futex/bucket.h"

namespace process {

namespace {

using sched::RtWaited;
using sched::Task;

u32 tid_of(u32 word) { return word & abi::FUTEX_TID_MASK; }

Result<u32> read_word(VirtAddr at) { return UserPtr<const u32>(at).copy_in(); }

/// True if the word was `seen` and is `wanted` now; otherwise `seen` is what it was.
Result<bool> exchange_word(VirtAddr at, u32& seen, u32 wanted) {
    u32 found = 0;
    u32* const word = reinterpret_cast<u32*>(at.raw());
    if (arch::compare_exchange_user_u32(word, seen, wanted, &found) != 0) return EFAULT;
    return std::exchange(seen, found) == found;
}

/// The thread of that number. ESRCH; EPERM: a kernel thread, which has no futexes.
Result<Ref<Task>> find_owner(u32 tid) {
    IrqGuard guard(sched::tasks_lock);
    Task* const task = sched::find_task(static_cast<sched::PidNumber>(tid));
    if (task == nullptr) return ESRCH;
    if (task->has(sched::kKernelThread)) return EPERM;
    return Ref<Task>::share(task);
}

/// Of its own, so that /proc/slabinfo tells how many there are: none, if nobody waits.
constinit mm::KmemCache state_cache("futex_pi_state", sizeof(PiState), alignof(PiState),
                                    mm::SlabFlags::NoMerge);

Result<Ref<PiState>> make_state(Task& owner) {
    void* const memory = TRY(state_cache.alloc(mm::Gfp::Kernel));
    const Ref<PiState> state = Ref<PiState>::adopt(new (memory) PiState);
    TRY(state->mutex.init_proxy_locked(owner));
    return Ref<PiState>(state);
}

/// The lock that others wait for already, if the word says the same of it as they believe. A holder
/// that died leaves it to nobody, with its number in the word, or 0 if its robust list was heeded.
Result<Ref<PiState>> attach_to_pi_state(u32 word, const Waiter& top) {
    if (!top.pi) return EINVAL;
    const u32 owner = static_cast<u32>(top.pi->mutex.owner_pid());
    const bool is_passing = (word & abi::FUTEX_OWNER_DIED) && tid_of(word) == 0;
    if (!is_passing && (owner == 0 || tid_of(word) != owner)) return EINVAL;
    return top.pi;
}

/// The first who has to wait: the thread that the word names becomes the holder of a new lock.
Result<Ref<PiState>> attach_to_pi_owner(u32 word) {
    const Ref<Task> owner = TRY(find_owner(tid_of(word)));
    return make_state(*owner);
}

/// Nobody of that number is alive. That is so, unless a dying thread has changed the word since it
/// was read: its robust list comes first. Then EAGAIN: look again.
Errno explain_missing_owner(const PiFutex& futex, u32 word) {
    Result<u32> now = read_word(futex.at);
    if (!now.ok()) return now.error();
    return now.value() == word ? ESRCH : EAGAIN;
}

/// One attempt; EAGAIN: the word was changed by somebody else meanwhile.
Result<PiAttempt> try_lock_pi(const PiFutex& futex, Task& task, bool others_follow) {
    u32 seen = TRY(read_word(futex.at));
    const u32 tid = static_cast<u32>(task.pid);
    if (tid_of(seen) == tid) return EDEADLK;
    if (const Waiter* top = futex.bucket.top_waiter(futex.key)) {
        return PiAttempt{false, TRY(attach_to_pi_state(seen, *top))};
    }
    if (tid_of(seen) == 0) {
        const u32 waiters = others_follow ? abi::FUTEX_WAITERS : 0;
        const u32 mine = (seen & abi::FUTEX_OWNER_DIED) | tid | waiters;
        Ref<PiState> state;
        if (others_follow) state = TRY(make_state(task));
        if (!TRY(exchange_word(futex.at, seen, mine))) return EAGAIN;
        return PiAttempt{true, std::move(state)};
    }
    const u32 announced = seen | abi::FUTEX_WAITERS;
    if (!TRY(exchange_word(futex.at, seen, announced))) return EAGAIN;
    Result<Ref<PiState>> state = attach_to_pi_owner(announced);
    if (state.ok()) return PiAttempt{false, state.take()};
    if (state.error() == ESRCH) return explain_missing_owner(futex, announced);
    return state.error();
}

/// The waiter gives up, under its bucket's mutex.
void leave(Waiter& waiter) {
    unqueue(waiter);
    if (waiter.pi) waiter.pi->mutex.leave(*waiter.rt);
}

/// The holder died, and it is the running task's turn. The word may be anything by now, and is told
/// who has the lock, and that something has gone wrong.
Result<void> take_over(Waiter& waiter, VirtAddr at) {
    const u32 mine =
        static_cast<u32>(sched::current().pid) | abi::FUTEX_WAITERS | abi::FUTEX_OWNER_DIED;
    u32 seen = TRY(read_word(at));
    while (!TRY(exchange_word(at, seen, mine))) {
        if (sched::signal_pending(sched::current())) return ERESTARTNOINTR;
    }
    unqueue(waiter);
    waiter.pi->mutex.grant(*waiter.rt);
    return {};
}

/// What the word is to be when the running task lets go; the next holder, if there is one.
struct Release {
    Waiter* next;
    u32 word;
};

/// EINVAL: others wait for this word, but not for a lock of the running task.
Result<Release> next_holder(const PiFutex& futex) {
    const Waiter* const top = futex.bucket.top_waiter(futex.key);
    if (top == nullptr) return Release{nullptr, 0};
    if (!top->pi || top->pi->mutex.owner_pid() != sched::current().pid) return EINVAL;
    const sched::RtWaiter* const next = top->pi->mutex.top_waiter();
    for (Waiter& waiter : futex.bucket.waiters) {
        if (waiter.rt != next) continue;
        return Release{&waiter, abi::FUTEX_WAITERS | static_cast<u32>(next->task.pid)};
    }
    return EINVAL;
}

}  // namespace

void PiState::release(PiState* state) {
    state->~PiState();
    state_cache.free(state);
}

Result<PiAttempt> lock_pi_atomic(const PiFutex& futex, Task& task, bool others_follow) {
    for (;;) {
        Result<PiAttempt> attempt = try_lock_pi(futex, task, others_follow);
        if (attempt.ok() || attempt.error() != EAGAIN) return attempt;
        if (sched::signal_pending(sched::current())) return ERESTARTNOINTR;
    }
}

Result<void> wait_for_pi(Waiter& waiter, VirtAddr at, u64 deadline_ns) {
    for (;;) {
        Result<RtWaited> waited = sched::rt_mutex_wait(*waiter.rt, deadline_ns);
        if (waited.ok() && waited.value() == RtWaited::Granted) return {};
        const BucketOf bucket(waiter);
        if (waiter.rt->is_granted) return {};
        Result<void> outcome = {};
        if (!waited.ok()) {
            outcome = waited.error() == ERESTARTSYS ? ERESTARTNOINTR : waited.error();
        } else if (waiter.pi->mutex.is_turn_of(*waiter.rt)) {
            outcome = take_over(waiter, at);
        } else {
            continue;  // somebody more urgent has come
        }
        if (!outcome.ok()) leave(waiter);
        return outcome;
    }
}

Result<void> futex_lock_pi(const FutexLockPi& wanted) {
    const HeldFutexKey key = TRY(HeldFutexKey::get(wanted.at, wanted.scope));
    sched::RtWaiter rt(sched::current());
    Waiter waiter(key.key(), abi::FUTEX_BITSET_MATCH_ANY);
    waiter.rt = &rt;
    Bucket& bucket = bucket_at(waiter.bucket.load());
    {
        sched::MutexGuard guard(bucket.mutex);
        PiAttempt attempt =
            TRY(lock_pi_atomic({wanted.at, key.key(), bucket}, sched::current(), false));
        if (attempt.is_taken) return {};
        if (wanted.how == PiLocking::Tries) return EAGAIN;
        TRY(attempt.state->mutex.join(rt));
        waiter.pi = std::move(attempt.state);
        bucket.waiting.fetch_add(1);
        bucket.insert(waiter);
    }
    return wait_for_pi(waiter, wanted.at, wanted.deadline_ns);
}

Result<void> futex_unlock_pi(VirtAddr at, FutexScope scope) {
    const u32 tid = static_cast<u32>(sched::current().pid);
    if (tid_of(TRY(read_word(at))) != tid) return EPERM;
    const HeldFutexKey key = TRY(HeldFutexKey::get(at, scope));
    Bucket& bucket = bucket_at(bucket_of(key.key()));
    sched::MutexGuard guard(bucket.mutex);
    for (;;) {
        u32 seen = TRY(read_word(at));
        if (tid_of(seen) != tid) return EPERM;
        const Release release = TRY(next_holder({at, key.key(), bucket}));
        const u32 expected = seen;
        if (TRY(exchange_word(at, seen, release.word))) {
            if (release.next == nullptr) return {};
            // The waiter, and its reference, are gone as soon as it knows.
            const Ref<PiState> state = release.next->pi;
            unqueue(*release.next);
            state->mutex.grant(*release.next->rt);
            return {};
        }
        // A bit that was set meanwhile is no harm; a word that does not name us any more is.
        if (release.next != nullptr && tid_of(seen) != expected) return EINVAL;
        if (sched::signal_pending(sched::current())) return ERESTARTNOINTR;
    }
}

}  // namespace process
