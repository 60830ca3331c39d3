// See file_lock.h.

#include "fs/locks/file_lock.h"

#include "mm/own.h"

namespace fs {

namespace {

using LockList = List<HeldLock, &HeldLock::link>;

constinit sched::Mutex locks_mutex("file_locks");
constinit SpinLock wait_lock("file_lock_wait", LockRank::Inode);
constinit sched::WaitQueue released;  // somebody gave a lock back
constinit u64 releases GUARDED_BY(wait_lock) = 0;

/// One who sleeps until another owner lets go.
struct Waiter {
    const void* owner;
    const void* for_owner;
    StaticListLink link;
};
constinit List<Waiter, &Waiter::link> waiters;  // guarded by locks_mutex

LockList& locks_of(Inode& inode) { return inode.locks; }

bool overlap(const LockRange& a, const LockRange& b) { return a.start < b.end && b.start < a.end; }

bool same_owner(const LockRange& a, const LockRange& b) {
    return a.kind == b.kind && a.owner == b.owner;
}

HeldLock* first_conflict(Inode& inode, const LockRange& wanted) {
    for (HeldLock& held : locks_of(inode)) {
        const LockRange& range = held.range;
        if (range.kind != wanted.kind || range.owner == wanted.owner) continue;
        if (overlap(range, wanted) && (range.exclusive || wanted.exclusive)) return &held;
    }
    return nullptr;
}

void drop(HeldLock& held) {
    LockList::remove(held);
    mm::destroy(&held);
}

/// Takes the owner's locks out of [start, end) of `range`. A lock that reaches beyond on both
/// sides is cut with the help of `spare`.
void carve(Inode& inode, const LockRange& range, mm::Own<HeldLock>& spare) {
    for (HeldLock& held : locks_of(inode).removable()) {
        LockRange& mine = held.range;
        if (!same_owner(mine, range) || !overlap(mine, range)) continue;
        if (mine.start < range.start && mine.end > range.end) {
            HeldLock* const behind = spare.leak();
            behind->range = mine;
            behind->range.start = range.end;
            mine.end = range.start;
            locks_of(inode).push_back(*behind);
            return;  // one's own locks do not overlap: there is no other
        }
        if (mine.start < range.start) {
            mine.end = range.start;
        } else if (mine.end > range.end) {
            mine.start = range.end;
        } else {
            drop(held);
        }
    }
}

void note_release() {
    IrqGuard guard(wait_lock);
    releases++;
    released.wake_all();
}

u64 release_count() {
    IrqGuard guard(wait_lock);
    return releases;
}

Result<void> wait_for_release(u64 seen) {
    IrqGuard guard(wait_lock);
    while (releases == seen) TRY(released.sleep(wait_lock));
    return {};
}

/// True if `holder` waits, directly or through others, for `owner`.
bool would_deadlock(const void* owner, const void* holder) {
    for (unsigned steps = 0; steps < 64; steps++) {
        const void* next = nullptr;
        for (const Waiter& waiter : waiters) {
            if (waiter.owner == holder) next = waiter.for_owner;
        }
        if (next == nullptr) return false;
        if (next == owner) return true;
        holder = next;
    }
    return true;
}

}  // namespace

Result<void> set_lock(Inode& inode, const LockRange& wanted, bool wait) {
    auto fresh = TRY(mm::make<HeldLock>());
    auto spare = TRY(mm::make<HeldLock>());
    for (;;) {
        Waiter waiter{wanted.owner, nullptr, {}};
        u64 seen;
        {
            sched::MutexGuard guard(locks_mutex);
            const HeldLock* const other = first_conflict(inode, wanted);
            if (other == nullptr) {
                carve(inode, wanted, spare);
                fresh->range = wanted;
                locks_of(inode).push_back(*fresh.leak());
                note_release();  // a weaker lock may let others in
                return {};
            }
            if (!wait) return EAGAIN;
            const bool posix = wanted.kind == LockKind::Posix;
            if (posix && would_deadlock(wanted.owner, other->range.owner)) return EDEADLK;
            waiter.for_owner = other->range.owner;
            waiters.push_back(waiter);
            seen = release_count();
        }
        const Result<void> slept = wait_for_release(seen);
        {
            sched::MutexGuard guard(locks_mutex);
            waiters.remove(waiter);
        }
        if (!slept.ok()) return slept.error();
    }
}

Result<void> clear_lock(Inode& inode, const LockRange& range) {
    auto spare = TRY(mm::make<HeldLock>());
    sched::MutexGuard guard(locks_mutex);
    carve(inode, range, spare);
    note_release();
    return {};
}

bool find_conflict(Inode& inode, const LockRange& wanted, LockRange& conflict) {
    sched::MutexGuard guard(locks_mutex);
    const HeldLock* const held = first_conflict(inode, wanted);
    if (held != nullptr) conflict = held->range;
    return held != nullptr;
}

void release_locks(Inode& inode, LockKind kind, const void* owner) {
    if (locks_of(inode).empty()) return;  // nobody else can add one of this owner's meanwhile
    sched::MutexGuard guard(locks_mutex);
    bool any = false;
    for (HeldLock& held : locks_of(inode).removable()) {
        if (held.range.kind != kind || held.range.owner != owner) continue;
        drop(held);
        any = true;
    }
    if (any) note_release();
}

}  // namespace fs
