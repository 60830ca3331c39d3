// Sleeping locks. See mutex.h.
//
// A mutex is one word, its owner. Free and uncontended it is taken and released by one atomic
// instruction; only when somebody waits does the releaser look at the queue.

#include "sched/mutex.h"

#include "core/log/panic.h"
#include "sched/sched.h"

namespace sched {

bool Mutex::try_lock() {
    Task* expected = nullptr;
    return owner_.compare_exchange_strong(expected, &current(), std::memory_order_acquire);
}

void Mutex::lock() {
    assert_no_spin_locks();
    if (!try_lock()) [[unlikely]] {
        lock_slow();
    }
}

void Mutex::lock_slow() NO_LOCK_ANALYSIS {
    if (is_held()) panic("mutex '%s' taken twice by %s", name_, current().comm);
    contenders_.fetch_add(1, std::memory_order_seq_cst);
    {
        IrqGuard guard(wait_lock_);
        while (!try_lock()) waiters_.sleep_uninterruptible(wait_lock_);
    }
    contenders_.fetch_sub(1, std::memory_order_relaxed);
}

void Mutex::unlock() {
    ASSERT(is_held());
    owner_.store(nullptr, std::memory_order_seq_cst);
    // A contender counts itself before it looks at the owner, so either it sees the mutex free or
    // we see it here.
    if (contenders_.load(std::memory_order_seq_cst) == 0) return;
    IrqGuard guard(wait_lock_);
    waiters_.wake_one();
}

bool Mutex::is_held() const { return owner_.load(std::memory_order_relaxed) == &current(); }

void RwSemaphore::down_read() {
    assert_no_spin_locks();
    IrqGuard guard(lock_);
    while (readers_ < 0 || waiting_writers_ > 0) queue_.sleep_uninterruptible(lock_);
    readers_++;
}

bool RwSemaphore::try_down_read() {
    IrqGuard guard(lock_);
    if (readers_ < 0 || waiting_writers_ > 0) return false;
    readers_++;
    return true;
}

void RwSemaphore::up_read() {
    IrqGuard guard(lock_);
    ASSERT(readers_ > 0);
    if (--readers_ == 0) queue_.wake_all();
}

void RwSemaphore::down_write() {
    assert_no_spin_locks();
    IrqGuard guard(lock_);
    waiting_writers_++;
    while (readers_ != 0) queue_.sleep_uninterruptible(lock_);
    waiting_writers_--;
    readers_ = -1;
}

void RwSemaphore::up_write() {
    IrqGuard guard(lock_);
    ASSERT(readers_ == -1);
    readers_ = 0;
    queue_.wake_all();
}

}  // namespace sched
