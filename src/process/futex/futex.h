/// Futexes: sleeping until another task says that a word of memory has changed. Linux:
/// kernel/futex/.
///
/// A waiter hangs in a hash bucket chosen by its key: the address space and address, or for words
/// that processes share the page of the file and the offset in it. The bucket's mutex makes "is
/// the word still what I saw?" and "put me into the queue" one step for everybody who wakes. It is
/// a mutex and not a spin lock since reading the word may fault, and a fault may sleep.
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
    u64 offset = 0;  // address, or byte in the file
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

/// FUTEX_WAKE(_BITSET): wakes up to `count` waiters that share a bit; returns how many.
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
/// satisfies the comparison also `wake_to` at `to`.
struct FutexWakeOp {
    VirtAddr from, to;
    FutexScope scope;
    u32 wake, wake_to;
    u32 operation;
};
Result<u32> futex_wake_op(const FutexWakeOp& request);

/// Makes the hash table. Boot.
void futex_init();

/// One waiter at a private word: CLONE_CHILD_CLEARTID.
Result<u32> futex_wake_private(VirtAddr at);

/// A thread ends: locks that it holds according to its robust list are marked and handed on.
void exit_robust_list(sched::Task& task);

}  // namespace process
