// Robust lists: a thread that dies with locks held tells the next owner. The list is in user
// memory, so it may be anything, a ring without end included.

#include "arch/user_access.h"
#include "core/user/user_ptr.h"
#include "process/futex/futex.h"

namespace process {

namespace {

/// The address of a lock's entry in the list, from a link to it.
struct Entry {
    explicit Entry(u64 link) : at(link & ~u64{1}), is_pi((link & 1) != 0) {}
    u64 at;
    bool is_pi;
};

/// The word of a lock: if the dead thread owned it, marks it and wakes one waiter. Those of a lock
/// with priority inheritance are woken when the thread lets go of its PiStates.
void handle_futex_death(const sched::Task& task, VirtAddr at, bool is_pi, bool is_pending) {
    if (!is_aligned(at.raw(), sizeof(u32))) return;
    const UserPtr<const u32> user(at);
    Result<u32> value = user.copy_in();
    if (!value.ok()) return;
    u32 seen = value.value();
    // Between unlocking (word 0) and waking, the owner died: the wake-up is ours to do.
    if (is_pending && !is_pi && (seen & abi::FUTEX_TID_MASK) == 0) {
        (void)futex_wake_one(at);
        return;
    }
    while ((seen & abi::FUTEX_TID_MASK) == static_cast<u32>(task.pid)) {
        const u32 wanted = (seen & abi::FUTEX_WAITERS) | abi::FUTEX_OWNER_DIED;
        u32 found = 0;
        u32* const word = reinterpret_cast<u32*>(at.raw());
        if (arch::compare_exchange_user_u32(word, seen, wanted, &found) != 0) return;
        if (found == seen) {
            if (!is_pi && (seen & abi::FUTEX_WAITERS)) (void)futex_wake_one(at);
            return;
        }
        seen = found;
    }
}

void exit_robust_list(sched::Task& task) {
    const VirtAddr head_at = task.robust_list;
    task.robust_list = VirtAddr(0);
    if (head_at.raw() == 0) return;
    Result<abi::RobustListHead> copied = UserPtr<const abi::RobustListHead>(head_at).copy_in();
    if (!copied.ok()) return;
    const abi::RobustListHead& head = copied.value();
    const Entry pending(head.list_op_pending);
    const u64 offset = static_cast<u64>(head.futex_offset);

    Entry entry(head.next);
    for (unsigned n = 0; entry.at != head_at.raw() && n < abi::kRobustListLimit; n++) {
        // The next link first: once the lock is handed on, its owner may free it.
        Result<u64> next = UserPtr<const u64>(entry.at).copy_in();
        if (entry.at != pending.at) {
            handle_futex_death(task, VirtAddr(entry.at + offset), entry.is_pi, false);
        }
        if (!next.ok()) return;
        entry = Entry(next.value());
    }
    if (pending.at == 0) return;
    handle_futex_death(task, VirtAddr(pending.at + offset), pending.is_pi, true);
}

}  // namespace

void futex_release_all(sched::Task& task) {
    exit_robust_list(task);
    const bool ends = task.has(sched::kExiting);
    sched::rt_mutex_release_all(task, ends ? sched::RtRelease::Ends : sched::RtRelease::GoesOn);
}

}  // namespace process
