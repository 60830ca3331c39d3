/// UserStruct: what all tasks of one real user have together: how many they are, and how many
/// signals they have yet to take. Linux' struct user_struct, with the counts of struct ucounts.
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
    std::atomic<u64> processes{0};        // tasks, up to their burial: what RLIMIT_NPROC limits
    std::atomic<u64> pending_signals{0};  // SigQueues of all of them: RLIMIT_SIGPENDING
    std::atomic<u64> pipe_pages{0};       // that their pipes may fill: ipc/pipe_size.cc
    ListLink link;                        // in the table; user.cc

    static void release(UserStruct* user);
};

/// The one of the user with that number, made if it has no task yet. ENOMEM. Process context.
Result<Ref<UserStruct>> find_user(u32 uid);

/// Whether the user has more tasks than `limit`. Root never has.
inline bool has_too_many_processes(const UserStruct& user, u64 limit) {
    return user.uid != 0 && user.processes.load(std::memory_order_relaxed) > limit;
}

/// A place among the pending signals that a user's tasks may have, or null: for nobody yet. Who has
/// one keeps the user, so that it is given back to whom it was taken from, whatever the task has
/// become meanwhile.
class SignalPlace {
public:
    SignalPlace() = default;
    /// One more for `user`, unless there are `limit`: then without. Any context.
    static SignalPlace take(UserStruct& user, u64 limit);
    SignalPlace(SignalPlace&&) = default;
    SignalPlace& operator=(SignalPlace&& from) {
        std::swap(user_, from.user_);
        return *this;
    }
    /// Drops a reference to the user, who may go with it: takes the table's lock then.
    ~SignalPlace() {
        if (user_) user_->pending_signals.fetch_sub(1, std::memory_order_relaxed);
    }
    explicit operator bool() const { return bool(user_); }

private:
    Ref<UserStruct> user_;
};

}  // namespace sched
