// Condition variables whose mutex lends priorities: who waits for the condition is moved to the
// mutex in its sleep, and wakes up as its holder. Linux: kernel/futex/requeue.c.

#include "core/user/user_ptr.h"
#include "process/futex/bucket.h"

namespace process {

namespace {

/// Whether a waiter at the condition may be moved to `to`: it said so itself, of this one.
bool may_requeue_to(const Waiter& waiter, const FutexKey& to) {
    return waiter.requeue_to != nullptr && !waiter.pi && *waiter.requeue_to == to;
}

/// The waiter gets the lock, which was taken for it, without waiting for it.
void wake_as_owner(Waiter& waiter) {
    unqueue(waiter);
    sched::rt_mutex_grant_unqueued(*waiter.rt);
}

/// Where waiters go.
struct Target {
    const FutexKey& key;
    u32 bucket;
    const Ref<PiState>& state;
};

/// EDEADLK: the lock's holder waits for this task. It stays where it is.
Result<void> requeue(Waiter& waiter, const Target& to) {
    TRY(to.state->mutex.join(*waiter.rt));
    waiter.pi = to.state;
    move_waiter(waiter, to.key, to.bucket);
    return {};
}

/// Moves those at `from` until `done` is `limit`. EINVAL: one that does not want that.
Result<void> requeue_waiters(Bucket& bucket, const FutexKey& from, const Target& to, u64 limit,
                             u32& done) {
    for (Waiter& waiter : bucket.waiters.removable()) {
        if (done >= limit) break;
        if (!(waiter.key == from)) continue;
        if (!may_requeue_to(waiter, to.key)) return EINVAL;
        TRY(requeue(waiter, to));
        done++;
    }
    return {};
}

}  // namespace

Result<void> futex_wait_requeue_pi(const FutexWait& wait, VirtAddr lock) {
    if (wait.at == lock || wait.bitset == 0) return EINVAL;
    const HeldFutexKey from = TRY(HeldFutexKey::get(wait.at, wait.scope));
    const HeldFutexKey to = TRY(HeldFutexKey::get(lock, wait.scope));
    if (from.key() == to.key()) return EINVAL;
    sched::RtWaiter rt(sched::current());
    Waiter waiter(from.key(), wait.bitset);
    waiter.rt = &rt;
    waiter.requeue_to = &to.key();
    TRY(futex_wait_setup(waiter, wait));
    const Result<void> outcome = wait_for_pi(waiter, lock, wait.deadline_ns);
    if (outcome.ok() || outcome.error() != ERESTARTNOINTR) return outcome;
    // Begun anew, the call would find that the condition's word has changed: it says so at once.
    return waiter.pi ? EAGAIN : ERESTARTNOINTR;
}

Result<u32> futex_cmp_requeue_pi(const FutexRequeue& request) {
    if (request.from == request.to || request.wake != 1) return EINVAL;
    const HeldFutexKey from = TRY(HeldFutexKey::get(request.from, request.scope));
    const HeldFutexKey to = TRY(HeldFutexKey::get(request.to, request.scope));
    if (from.key() == to.key()) return EINVAL;
    const u32 from_bucket = bucket_of(from.key()), to_bucket = bucket_of(to.key());
    BucketPair guard(from_bucket, to_bucket);
    const u32 value = TRY(UserPtr<const u32>(request.from).copy_in());
    if (value != *request.expected) return EAGAIN;
    Bucket& bucket = bucket_at(from_bucket);
    Waiter* const top = bucket.top_waiter(from.key());
    if (top == nullptr) return 0u;
    if (!may_requeue_to(*top, to.key())) return EINVAL;
    const PiAttempt attempt = TRY(lock_pi_atomic({request.to, to.key(), bucket_at(to_bucket)},
                                                 top->rt->task, request.move != 0));
    u32 done = 0;
    if (attempt.is_taken) {
        wake_as_owner(*top);
        done++;
    }
    TRY(requeue_waiters(bucket, from.key(), {to.key(), to_bucket, attempt.state},
                        u64{request.move} + 1, done));
    return done;
}

}  // namespace process
