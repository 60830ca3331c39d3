/// The hash table of those who wait, and what all operations do with it.
#pragma once

#include "lib/list.h"
#include "process/futex/futex.h"
#include "process/futex/futex_key.h"
#include "process/futex/pi_state.h"
#include "sched/mutex.h"
#include "sched/wait_queue.h"

namespace process {

/// In which bucket those hang who wait for that word.
u32 bucket_of(const FutexKey& key);

/// One who waits; on its own stack.
struct Waiter {
    Waiter(const FutexKey& futex, u32 bits)
        : key(futex),
          bitset(bits),
          prio(std::min(sched::current().normal_prio, sched::kMaxRtPrio)),
          bucket(bucket_of(futex)) {}

    ListLink link;  // in a bucket; guarded by that bucket's mutex
    FutexKey key;
    const u32 bitset;
    const i32 prio;           // real-time ones stand before others, who are all equals
    std::atomic<u32> bucket;  // where it hangs; changes under the mutexes of both buckets

    // A plain waiter sleeps here.
    SpinLock lock{"futex_waiter", LockRank::Futex};
    sched::WaitQueue queue;
    bool woken = false;  // guarded by `lock`; then it is in no bucket

    // One that is to own a lock sleeps in `rt`; guarded by the bucket's mutex.
    sched::RtWaiter* rt = nullptr;         // null: a plain waiter
    Ref<PiState> pi;                       // the lock; null: it does not wait for that yet
    const FutexKey* requeue_to = nullptr;  // … but may be moved to this one
};

struct Bucket {
    /// Tasks that hang here or are about to. Counted before the waiter reads its word, and read by
    /// a waker after it has changed the word: so a waker that reads 0 has nobody to wake.
    std::atomic<u32> waiting{0};
    sched::Mutex mutex{"futex"};
    List<Waiter, &Waiter::link> waiters;

    /// A place in the queue; `waiting` is the caller's to count.
    void insert(Waiter& waiter);
    /// The first who waits for that word, null if nobody does.
    Waiter* top_waiter(const FutexKey& key);
};

Bucket& bucket_at(u32 index);

/// Puts the waiter into its bucket if the word is still `expected`; EAGAIN if not, EFAULT. Takes
/// the bucket's mutex, and may sleep. Linux: futex_wait_setup().
Result<void> futex_wait_setup(Waiter& waiter, const FutexWait& wait);

/// Takes the waiter out of its bucket, whose mutex is held.
void unqueue(Waiter& waiter);
/// … into another one, to wait for another word; both mutexes are held.
void move_waiter(Waiter& waiter, const FutexKey& key, u32 to);

/// Two buckets, locked in the order of their addresses; they may be the same.
class BucketPair {
public:
    BucketPair(u32 a, u32 b);
    BucketPair(const BucketPair&) = delete;
    ~BucketPair();

private:
    const u32 low_, high_;
};

/// The bucket in which a waiter hangs, or hung last, locked: it may be moved up to then.
class BucketOf {
public:
    explicit BucketOf(Waiter& waiter);
    BucketOf(const BucketOf&) = delete;
    ~BucketOf();

private:
    u32 at_;
};

}  // namespace process
