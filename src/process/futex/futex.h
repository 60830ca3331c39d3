/// Futexes: sleeping until another task says that a word of memory has changed. Linux:
/// kernel/futex/.
///
/// A waiter hangs in a hash bucket chosen by its key: the address space and address, or for words
/// that processes share the page of the file and the offset in it. The bucket's mutex makes "is
/// the word still what I saw?" and "put me into the queue" one step for everybody who wakes. It is
/// a mutex and not a spin lock since reading the word may fault, and a fault may sleep.
///
/// Locks that lend the waiter's priority to the holder (the calls with "pi") are in pi_state.h.
///
/// Lock order: bucket mutexes by address, then mmap_lock (in the fault), then a waiter's spin lock.
#pragma once

#include "abi/futex.h"
#include "lib/result.h"
#include "lib/strong.h"
#include "sched/task.h"

namespace process {

/// Where a futex is, whoever looks at it.
struct FutexKey {
    u64 object = 0;  // MmStruct*, or the AddressSpace* of the file
    u64 offset = 0;  // address (+ 1 if asked for as a shared one), or byte in the file
    bool operator==(const FutexKey&) const = default;
};

enum class FutexScope : u8 { Private, Shared };

/// FUTEX_WAIT(_BITSET): sleeps while `*at == expected`. EAGAIN if it is not, ETIMEDOUT after
/// `deadline_ns` (monotonic), ERESTARTSYS, EFAULT, EINVAL.
struct FutexWait {
    VirtAddr at;
    FutexScope scope;
    u32 expected;
    u32 bitset;
    u64 deadline_ns;
};
Result<void> futex_wait(const FutexWait& wait);

/// FUTEX_WAKE(_BITSET): wakes up to `count` waiters that share a bit, but one even if `count`, as a
/// signed number, is less (as Linux ever did); returns how many. This, the requeueing and the
/// wake-op below: EINVAL if they come to one that waits in futex_lock_pi() or
/// futex_wait_requeue_pi().
Result<u32> futex_wake(VirtAddr at, FutexScope scope, u32 count, u32 bitset);

/// FUTEX_(CMP_)REQUEUE: wakes `wake`, moves up to `move` more to `to`. EAGAIN if `expected` is
/// given and `*from` is something else. Returns how many were woken or moved.
struct FutexRequeue {
    VirtAddr from, to;
    FutexScope scope;
    u32 wake, move;
    const u32* expected;  // null: do not compare
};
Result<u32> futex_requeue(const FutexRequeue& request);

/// FUTEX_WAKE_OP: changes `*to` as `operation` says, wakes `wake` at `from`, and if the old value
/// satisfies the comparison also `wake_to` at `to`; less than one is one, as above.
struct FutexWakeOp {
    VirtAddr from, to;
    FutexScope scope;
    u32 wake, wake_to;
    u32 operation;
};
Result<u32> futex_wake_op(const FutexWakeOp& request);

/// FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_TRYLOCK_PI: the running thread's number comes into the word
/// at `at`, as soon as it is free; until then the thread whose number is there is lent the
/// priority. FUTEX_OWNER_DIED in the word tells that the former holder ended without letting go.
/// EDEADLK: we have it already, or who has it waits for us. ESRCH: no thread has the number in the
/// word. EPERM: a kernel thread has. EINVAL: the word contradicts what the kernel knows of who
/// waits for it. EAGAIN: tried, and it is not free. ETIMEDOUT after `deadline_ns` (monotonic);
/// EFAULT, ENOMEM, ERESTARTNOINTR. Process context, no locks. See: pi_state.h, futex(2).
enum class PiLocking : u8 { Waits, Tries };
struct FutexLockPi {
    VirtAddr at;
    FutexScope scope;
    PiLocking how;
    u64 deadline_ns;
};
Result<void> futex_lock_pi(const FutexLockPi& wanted);

/// FUTEX_UNLOCK_PI: the most urgent waiter has the lock now; without one the word becomes 0. EPERM:
/// the word does not name the running thread. EINVAL: as above. EFAULT, ERESTARTNOINTR.
Result<void> futex_unlock_pi(VirtAddr at, FutexScope scope);

/// FUTEX_WAIT_REQUEUE_PI: waits at `wait.at` (a condition) until futex_cmp_requeue_pi() moves it to
/// `lock`, and it has that. EAGAIN: the condition's word has changed, or a signal came after
/// the move; ERESTARTNOINTR before that. EINVAL: both are the same word; others as futex_lock_pi().
Result<void> futex_wait_requeue_pi(const FutexWait& wait, VirtAddr lock);

/// FUTEX_CMP_REQUEUE_PI: the first who waits at `from` gets the lock `to` if it is free; that one,
/// or if it is not free all up to `move` + 1, come to wait for it. Returns how many. EAGAIN:
/// `*from` is not `*expected`. EINVAL: `wake` is not 1, both are the same word, or somebody waits
/// at `from` without having named `to`; others as futex_lock_pi(). An error may come after some
/// have moved.
Result<u32> futex_cmp_requeue_pi(const FutexRequeue& request);

/// Makes the hash table. Boot.
void futex_init();

/// Wakes one that waits at the word under its shared name: whoever joins a thread, or wants what a
/// dead one held.
Result<u32> futex_wake_one(VirtAddr at);

/// The running thread ends, or its program does: locks that it holds are handed on. First those of
/// its robust list, which are marked; then those of which the kernel knows by their waiters.
void futex_release_all(sched::Task& task);

}  // namespace process
