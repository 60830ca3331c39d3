// Waiting, waking and moving waiters. See futex.h.

#include "process/futex/futex.h"

#include "arch/user_access.h"
#include "core/user/user_ptr.h"
#include "process/futex/bucket.h"

namespace process {

namespace {

/// Takes the waiter out of its bucket and wakes it. It may be gone when this returns.
void wake(Waiter& waiter) {
    unqueue(waiter);
    IrqGuard guard(waiter.lock);
    waiter.woken = true;
    waiter.queue.wake_all();
}

/// EINVAL: one of them waits for a lock to be given to it, and not for a wake-up.
Result<u32> wake_in(Bucket& bucket, const FutexKey& key, u32 count, u32 bitset) {
    const u32 wanted = i32(count) < 1 ? 1 : count;
    u32 woken = 0;
    for (Waiter& waiter : bucket.waiters.removable()) {
        if (woken == wanted) break;
        if (!(waiter.key == key)) continue;
        if (waiter.rt != nullptr) return EINVAL;
        if (!(waiter.bitset & bitset)) continue;
        wake(waiter);
        woken++;
    }
    return woken;
}

/// Leaves the queue, wherever the waiter hangs now. False if it was woken meanwhile.
bool unqueue_me(Waiter& waiter) {
    const BucketOf bucket(waiter);
    if (!waiter.link.is_linked()) return false;
    unqueue(waiter);
    return true;
}

Result<void> sleep_until_woken(Waiter& waiter, u64 deadline_ns) {
    IrqGuard guard(waiter.lock);
    while (!waiter.woken) {
        if (deadline_ns == sched::kForever) {
            TRY(waiter.queue.sleep(waiter.lock));
        } else {
            TRY(waiter.queue.sleep_until(waiter.lock, deadline_ns));
        }
    }
    return {};
}

}  // namespace

Result<void> futex_wait(const FutexWait& wait) {
    if (wait.bitset == 0) return EINVAL;
    const HeldFutexKey key = TRY(HeldFutexKey::get(wait.at, wait.scope));
    Waiter waiter(key.key(), wait.bitset);
    TRY(futex_wait_setup(waiter, wait));
    const Result<void> slept = sleep_until_woken(waiter, wait.deadline_ns);
    if (slept.ok()) return {};
    if (unqueue_me(waiter)) return slept.error();
    // Woken after all. The waker may still be inside wake(): it has the lock until it is done.
    IrqGuard guard(waiter.lock);
    return {};
}

Result<u32> futex_wake(VirtAddr at, FutexScope scope, u32 count, u32 bitset) {
    if (bitset == 0) return EINVAL;
    const HeldFutexKey key = TRY(HeldFutexKey::get(at, scope));
    Bucket& bucket = bucket_at(bucket_of(key.key()));
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (bucket.waiting.load() == 0) return 0u;
    sched::MutexGuard guard(bucket.mutex);
    return wake_in(bucket, key.key(), count, bitset);
}

Result<u32> futex_wake_one(VirtAddr at) {
    return futex_wake(at, FutexScope::Shared, 1, abi::FUTEX_BITSET_MATCH_ANY);
}

Result<u32> futex_requeue(const FutexRequeue& request) {
    const HeldFutexKey from = TRY(HeldFutexKey::get(request.from, request.scope));
    const HeldFutexKey to = TRY(HeldFutexKey::get(request.to, request.scope));
    const u32 from_bucket = bucket_of(from.key()), to_bucket = bucket_of(to.key());
    BucketPair guard(from_bucket, to_bucket);
    if (request.expected) {
        const u32 value = TRY(UserPtr<const u32>(request.from).copy_in());
        if (value != *request.expected) return EAGAIN;
    }
    u32 woken = 0, moved = 0;
    for (Waiter& waiter : bucket_at(from_bucket).waiters.removable()) {
        if (woken == request.wake && moved == request.move) break;
        if (!(waiter.key == from.key())) continue;
        if (waiter.rt != nullptr) return EINVAL;  // as in wake_in()
        if (woken < request.wake) {
            wake(waiter);
            woken++;
        } else {
            move_waiter(waiter, to.key(), to_bucket);
            moved++;
        }
    }
    return woken + moved;
}

namespace {

struct DecodedOp {
    u32 operation, compare;
    u32 operand, compare_operand;

    static DecodedOp decode(u32 raw) {
        // Two signed fields of 12 bits.
        DecodedOp op{.operation = raw >> 28 & 7,
                     .compare = raw >> 24 & 15,
                     .operand = static_cast<u32>(static_cast<i32>(raw << 8) >> 20),
                     .compare_operand = static_cast<u32>(static_cast<i32>(raw << 20) >> 20)};
        if (raw >> 28 & abi::FUTEX_OP_OPARG_SHIFT) op.operand = 1u << (op.operand & 31);
        return op;
    }
    Result<u32> apply(u32 old) const {
        switch (operation) {
        case abi::FUTEX_OP_SET: return u32{operand};
        case abi::FUTEX_OP_ADD: return old + operand;
        case abi::FUTEX_OP_OR: return old | operand;
        case abi::FUTEX_OP_ANDN: return old & ~operand;
        case abi::FUTEX_OP_XOR: return old ^ operand;
        default: return ENOSYS;
        }
    }
    Result<bool> holds(u32 old) const {
        const i32 a = static_cast<i32>(old), b = static_cast<i32>(compare_operand);
        switch (compare) {
        case abi::FUTEX_OP_CMP_EQ: return a == b;
        case abi::FUTEX_OP_CMP_NE: return a != b;
        case abi::FUTEX_OP_CMP_LT: return a < b;
        case abi::FUTEX_OP_CMP_LE: return a <= b;
        case abi::FUTEX_OP_CMP_GT: return a > b;
        case abi::FUTEX_OP_CMP_GE: return a >= b;
        default: return ENOSYS;
        }
    }
};

/// Changes the word atomically; true if the old value satisfies the comparison.
Result<bool> futex_atomic_op(VirtAddr at, const DecodedOp& op) {
    u32* const word = reinterpret_cast<u32*>(at.raw());
    u32 seen = TRY(UserPtr<const u32>(at).copy_in());
    for (;;) {
        const u32 wanted = TRY(op.apply(seen));
        u32 found = 0;
        if (arch::compare_exchange_user_u32(word, seen, wanted, &found) != 0) return EFAULT;
        if (found == seen) return op.holds(seen);
        seen = found;
    }
}

}  // namespace

Result<u32> futex_wake_op(const FutexWakeOp& request) {
    const DecodedOp op = DecodedOp::decode(request.operation);
    const HeldFutexKey from = TRY(HeldFutexKey::get(request.from, request.scope));
    const HeldFutexKey to = TRY(HeldFutexKey::get(request.to, request.scope));
    const u32 from_bucket = bucket_of(from.key()), to_bucket = bucket_of(to.key());
    BucketPair guard(from_bucket, to_bucket);
    const bool also = TRY(futex_atomic_op(request.to, op));
    constexpr u32 kAny = abi::FUTEX_BITSET_MATCH_ANY;
    u32 woken = TRY(wake_in(bucket_at(from_bucket), from.key(), request.wake, kAny));
    if (also) woken += TRY(wake_in(bucket_at(to_bucket), to.key(), request.wake_to, kAny));
    return woken;
}

}  // namespace process
