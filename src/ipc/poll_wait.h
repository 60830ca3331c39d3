/// Waiting for one of many files: what poll(2), select(2) and epoll_wait(2) have in common.
/// Linux: fs/select.c (poll_wqueues).
#pragma once

#include "fs/file.h"
#include "sched/task.h"

namespace ipc {

/// Sleeps in the state that the caller has set with set_current_state(), at most until
/// `deadline_ns` on the monotonic clock (sched::kForever: no limit). Whoever ends the sleep, the
/// caller looks again. True if the deadline has passed.
bool schedule_until(u64 deadline_ns);

/// The PollTable of a task that waits: remembers every queue it has been put on, and leaves them
/// all at the end of its life. So the files it was used on must outlive it.
///
///     PollWait wait;
///     while (true) {
///         wait.prepare();                           // from here on no wake-up is lost
///         ... ask every file: file.ops->poll(file, first_round ? &wait : nullptr)
///         if (something || wait.error()) break;
///         if (TRY(wait.sleep(deadline))) ...        // true: the time is up
///     }
///     wait.finish();
class PollWait final : public fs::PollTable {
public:
    PollWait();
    ~PollWait();
    PollWait(const PollWait&) = delete;

    void wait_on(sched::WaitQueue& queue) override;

    void prepare();
    /// Sleeps unless one of the queues was woken since prepare(). ERESTARTNOHAND if a signal is
    /// pending. True if the deadline has passed.
    Result<bool> sleep(u64 deadline_ns);
    /// The task is running again, whatever prepare() announced.
    void finish();

    /// True if memory for an entry was short: the caller gives up with ENOMEM.
    bool is_out_of_memory() const { return out_of_memory_; }

private:
    struct Entry {
        sched::WaitQueueEntry link;
        sched::WaitQueue* queue = nullptr;
    };
    static constexpr usize kInline = 6;
    static constexpr usize kPerChunk = 50;
    struct Chunk {
        Chunk* next;
        usize used;
        Entry entries[kPerChunk];
    };
    static void woken(sched::WaitQueueEntry& entry);
    Entry* new_entry();

    sched::Task& task_;
    std::atomic<bool> triggered_{false};
    bool out_of_memory_ = false;
    usize inline_used_ = 0;
    Entry inline_entries_[kInline];
    Chunk* chunks_ = nullptr;  // newest first
};

}  // namespace ipc
