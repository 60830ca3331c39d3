/// A futex that is a lock whose holder the kernel knows: priority inheritance.
///
/// The word holds the number of the thread that has the lock, 0 if it is free, and
/// FUTEX_WAITERS if the holder must call the kernel to let go. So a free one is taken, and one
/// that nobody waits for released, in user mode. Once somebody has to wait, there is a PiState: an
/// RtMutex that the word's thread holds, though it may not know yet. The word is the program's, and
/// may say anything; each operation compares it with the PiState, and refuses to go on if they do
/// not agree.
///
/// Who lets go writes the next holder's number into the word and grants it the RtMutex. Only when a
/// holder ends without that does the next one write the word itself: it may be that the dead thread
/// did not even have that memory.
///
/// Lock order: bucket mutex (join(), leave() and grant() happen under it), then rt_mutex's own.
/// Linux: kernel/futex/pi.c.
#pragma once

#include "lib/ref.h"
#include "lib/result.h"
#include "process/futex/futex.h"
#include "sched/lock/rt_mutex.h"

namespace process {

struct Waiter;
struct Bucket;

/// Lives as long as somebody waits for the lock: each of its waiters has a reference.
struct PiState {
    RefCount ref_count;
    sched::RtMutex mutex;

    static void release(PiState* state);
};

/// What came of the attempt to take a lock.
struct PiAttempt {
    bool is_taken;       // the word has the number of who wanted it
    Ref<PiState> state;  // what to wait for; if it is taken: what others may wait for, if wanted
};

/// Which lock, with its bucket, whose mutex is held.
struct PiFutex {
    VirtAddr at;
    FutexKey key;
    Bucket& bucket;
};

/// Takes the lock for `task`, which is the running one or waits for another futex, or finds out
/// what it has to wait for. EDEADLK: it has it. ESRCH: nobody has the number in the word. EPERM: a
/// kernel thread has. EINVAL: the word and the PiState do not agree, or somebody waits for the word
/// as if it were another kind of futex. EFAULT, ENOMEM; ERESTARTNOINTR: a signal came while others
/// were changing the word. Linux: futex_lock_pi_atomic().
///
/// `others_follow`: somebody is about to wait for `task`, so the word says so, and there is a
/// PiState, even if it gets the lock at once.
Result<PiAttempt> lock_pi_atomic(const PiFutex& futex, sched::Task& task, bool others_follow);

/// The running task, whose waiter is in a queue and has an RtWaiter, sleeps until it has the lock
/// at `at`. ETIMEDOUT, ERESTARTNOINTR, and EFAULT: the former holder has died, and the word cannot
/// be written. Whatever it returns, the waiter is in no queue any more. No locks.
Result<void> wait_for_pi(Waiter& waiter, VirtAddr at, u64 deadline_ns);

}  // namespace process
