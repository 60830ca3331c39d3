/// Mutex: mutual exclusion for code that may sleep while it holds it. Linux: kernel/locking.
///
///     MutexGuard guard(mutex);
///
/// Not for interrupt context. Not recursive: taking it twice panics.
#pragma once

#include <atomic>

#include "core/lock/annotations.h"
#include "sched/wait_queue.h"

namespace sched {

class CAPABILITY("mutex") Mutex {
public:
    constexpr explicit Mutex(const char* name) : name_(name) {}
    Mutex(const Mutex&) = delete;

    void lock() ACQUIRE();
    void unlock() RELEASE();
    bool try_lock() TRY_ACQUIRE(true);
    bool is_held() const;  // by the running task

private:
    void lock_slow();

    std::atomic<Task*> owner_{nullptr};
    std::atomic<u32> contenders_{0};
    SpinLock wait_lock_{"mutex", LockRank::Mutex};
    WaitQueue waiters_;
    const char* name_;
};

class SCOPED_CAPABILITY MutexGuard {
public:
    explicit MutexGuard(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
    ~MutexGuard() RELEASE() { mutex_.unlock(); }
    MutexGuard(const MutexGuard&) = delete;

private:
    Mutex& mutex_;
};

/// Many readers or one writer; both may sleep. A waiting writer holds back new readers.
class CAPABILITY("rwsem") RwSemaphore {
public:
    constexpr explicit RwSemaphore(const char* name) : name_(name) {}
    RwSemaphore(const RwSemaphore&) = delete;

    void down_read() LOCK_ATTRIBUTE(acquire_shared_capability());
    void up_read() LOCK_ATTRIBUTE(release_shared_capability());
    bool try_down_read();
    void down_write() ACQUIRE();
    void up_write() RELEASE();

private:
    SpinLock lock_{"rwsem", LockRank::Mutex};
    i32 readers_ = 0;  // -1: a writer
    u32 waiting_writers_ = 0;
    WaitQueue queue_;
    const char* name_;
};

class SCOPED_CAPABILITY ReadGuard {
public:
    explicit ReadGuard(RwSemaphore& sem) LOCK_ATTRIBUTE(acquire_shared_capability(sem))
        : sem_(sem) {
        sem_.down_read();
    }
    ~ReadGuard() LOCK_ATTRIBUTE(release_generic_capability()) { sem_.up_read(); }
    ReadGuard(const ReadGuard&) = delete;

private:
    RwSemaphore& sem_;
};

class SCOPED_CAPABILITY WriteGuard {
public:
    explicit WriteGuard(RwSemaphore& sem) ACQUIRE(sem) : sem_(sem) { sem_.down_write(); }
    ~WriteGuard() RELEASE() { sem_.up_write(); }
    WriteGuard(const WriteGuard&) = delete;

private:
    RwSemaphore& sem_;
};

}  // namespace sched
