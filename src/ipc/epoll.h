/// epoll: watches many files at the cost of those that are ready. Linux: fs/eventpoll.c.
///
/// An Epoll has an item for each watched (file, descriptor). An item sits on the wait queues of its
/// file with a callback; a wake-up puts the item on the ready list and wakes a task that waits in
/// epoll_wait(2), which then asks only the files on that list what really happened. Because the
/// list is re-asked, a wake-up that meant something else costs a call, never a wrong report.
///
/// Locks, in this order:
///   epoll_mutex (one)  which files are watched by whom: epoll_ctl, and the end of watched files
///   Epoll::mutex_      the items; held while files are asked and results are copied out
///   Epoll::lock_       ready list and sleepers; taken by wake-ups, under the file's wait queue
/// An item is removed with the first two held, so who holds mutex_ may use all items and files.
///
/// An epoll file can itself be watched. Wake-ups of those watchers cannot nest inside the wake-up
/// that made it ready (the queues' locks have one rank), so a timer that expires at once does it.
#pragma once

#include "abi/epoll.h"
#include "core/time/hrtimer.h"
#include "core/user/user_ptr.h"
#include "fs/file.h"
#include "lib/rbtree.h"
#include "sched/task.h"

namespace ipc {

class Epoll;

/// One watched descriptor. Linux' struct epitem.
struct EpollItem {
    Epoll* epoll;
    fs::File* file;  // not counted: its release() removes the item
    int fd;
    abi::EpollEvent event;
    RbNode node;                 // in epoll->items_, by (file, fd): mutex_
    EpollItem* next_of_file;     // in file->epoll_items: epoll_mutex
    ListLink ready_link;         // on epoll->ready_: lock_
    struct EpollHook* hooks;     // its places on wait queues
    bool out_of_memory = false;  // a hook could not be made
};

class Epoll {
public:
    static constexpr unsigned kMaxNesting = 4;  // of epoll files watching epoll files: ELOOP

    /// epoll_create1(2): the file. ENOMEM, EINVAL for unknown flags.
    static Result<Ref<fs::File>> create_file(u32 flags);
    /// The instance behind a file; null if it is none.
    static Epoll* of(const fs::File& file);

    /// epoll_ctl(2) without its lookups. EEXIST, ENOENT, EINVAL (also: too many instances would
    /// have to be told), EPERM (the file cannot be polled), ELOOP, ENOMEM.
    Result<void> control(int op, fs::File& file, int fd, abi::EpollEvent event);

    /// epoll_wait(2): copies up to `limit` events out, waiting until `deadline_ns` for the first.
    /// 0 when the time is up; EFAULT, EINTR.
    Result<usize> wait(UserPtr<abi::EpollEvent> to, usize limit, u64 deadline_ns);

    // The rest is for its file, and for watched files.
    u32 poll(fs::PollTable* table);
    void release();
    void forget(EpollItem& item);
    void item_woken(EpollItem& item);

    Epoll();

private:
    struct ByFile {
        bool operator()(const EpollItem& a, const EpollItem& b) const {
            return a.file != b.file ? a.file < b.file : a.fd < b.fd;
        }
    };
    struct Sleeper {
        ListLink link;
        sched::Task* task;
    };
    EpollItem* find(const fs::File& file, int fd);
    Result<void> add(fs::File& file, int fd, abi::EpollEvent event);
    void remove(EpollItem& item);
    void make_ready(EpollItem& item);
    void wake_a_sleeper() REQUIRES(lock_);
    bool reaches(const Epoll& other, u64 walk);
    u32 nesting_below(u64 walk);
    u32 nesting_above(u64 walk);
    Result<void> check_nesting(Epoll& below);
    struct PathCounts {
        u32 of[kMaxNesting + 1];
    };
    bool count_paths(unsigned depth, PathCounts& counts);
    bool may_wake_so_many(const fs::File& file);
    void update_level(u8 at_least);
    EpollItem* pop_ready();
    bool has_ready();
    Result<usize> harvest(UserPtr<abi::EpollEvent> to, usize limit);
    Result<bool> sleep(u64 deadline_ns);
    static time::Restart tell_watchers(time::HrTimer& timer);

    time::HrTimer watcher_timer_{tell_watchers};  // first: tell_watchers() gets from it to this
    sched::Mutex mutex_{"epoll"};
    std::atomic<u8> level_{0};  // above those that it watches: epoll_mutex. For the lock validator
    RbTree<EpollItem, &EpollItem::node, ByFile> items_;
    fs::File* file_ = nullptr;  // its own
    u64 walk_ = 0;              // the last walk through instances that came by: epoll_mutex
    u32 nesting_ = 0;           // what it found here

    SpinLock lock_{"epoll", LockRank::Epoll};
    List<EpollItem, &EpollItem::ready_link> ready_ GUARDED_BY(lock_);
    List<Sleeper, &Sleeper::link> sleepers_ GUARDED_BY(lock_);  // tasks in epoll_wait
    sched::WaitQueue watchers_;                                 // poll, or epolls above
};

}  // namespace ipc
