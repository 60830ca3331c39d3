// The table of users that have tasks. Linux: kernel/user.c.
#include "sched/user.h"

#include "core/lock/spin_lock.h"
#include "mm/slab.h"

namespace sched {
namespace {

constinit mm::KmemCache user_cache("user_struct", sizeof(UserStruct), alignof(UserStruct));

constexpr usize kBuckets = 64;
using Users = List<UserStruct, &UserStruct::link>;
struct UserTable {
    SpinLock lock{"users", LockRank::MmList};
    Users bucket[kBuckets] GUARDED_BY(lock);
};
constinit UserTable users;

Users& bucket_of(u32 uid) REQUIRES(users.lock) { return users.bucket[(uid * 0x9e37'79b1u) >> 26]; }

/// With a reference; null: none, or one that is about to go.
Ref<UserStruct> lookup(u32 uid) REQUIRES(users.lock) {
    for (UserStruct& user : bucket_of(uid)) {
        if (user.uid != uid) continue;
        if (Ref<UserStruct> found = Ref<UserStruct>::try_share(&user)) return found;
    }
    return nullptr;
}

}  // namespace

Result<Ref<UserStruct>> find_user(u32 uid) {
    {
        IrqGuard guard(users.lock);
        if (Ref<UserStruct> found = lookup(uid)) return found;
    }
    void* const memory = TRY(user_cache.alloc(mm::Gfp::Kernel));
    auto* const fresh = new (memory) UserStruct;
    fresh->uid = uid;
    Ref<UserStruct> found;
    {
        IrqGuard guard(users.lock);
        found = lookup(uid);  // somebody else may have been faster
        if (!found) {
            bucket_of(uid).push_back(*fresh);
            return Ref<UserStruct>::adopt(fresh);
        }
    }
    fresh->~UserStruct();
    user_cache.free(fresh);
    return found;
}

SignalPlace SignalPlace::take(UserStruct& user, u64 limit) {
    SignalPlace place;
    u64 seen = user.pending_signals.load(std::memory_order_relaxed);
    do {
        if (seen >= limit) return place;
    } while (
        !user.pending_signals.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed));
    place.user_ = Ref<UserStruct>::share(&user);
    return place;
}

void UserStruct::release(UserStruct* user) {
    {
        IrqGuard guard(users.lock);
        user->link.unlink();
    }
    user->~UserStruct();
    user_cache.free(user);
}

}  // namespace sched
