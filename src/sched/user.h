/// UserStruct: what all tasks of one real user have together: how many they are. Linux' struct
/// user_struct, with the counts of struct ucounts.
///
/// A task holds a reference to the one of its real user (Task::user), so it lives as long as the
/// user has tasks. Kernel threads have none and are not counted.
#pragma once

#include <atomic>

#include "lib/list.h"
#include "lib/ref.h"
#include "lib/result.h"

namespace sched {

struct UserStruct {
    u32 uid = 0;
    RefCount ref_count;
    std::atomic<u64> processes{0};  // tasks, up to their burial: what RLIMIT_NPROC limits
    ListLink link;                  // in the table; user.cc

    static void release(UserStruct* user);
};

/// The one of the user with that number, made if it has no task yet. ENOMEM. Process context.
Result<Ref<UserStruct>> find_user(u32 uid);

/// Whether the user has more tasks than `limit`. Root never has.
inline bool has_too_many_processes(const UserStruct& user, u64 limit) {
    return user.uid != 0 && user.processes.load(std::memory_order_relaxed) > limit;
}

}  // namespace sched
