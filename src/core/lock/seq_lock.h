/// Sequence counters: readers that never wait for the writer, and never make it wait.
///
/// The writer makes the number odd, changes the data, and makes it even again. A reader copies the
/// data between two looks at the number and begins again if it was odd or has changed:
///
///     for (u32 seen;;) {
///         seen = seq.begin_read();
///         copy = data;                       // may be torn: look, but do not follow pointers
///         if (!seq.must_retry(seen)) break;
///     }
///
/// The data must be such that reading them torn does no harm: numbers, copied out, each read in one
/// piece. A writer that loses its processor in between would keep all readers trying, so it runs
/// with preemption off; and if interrupt handlers read, with interrupts off.
///
/// SeqCount leaves it to the caller that there is one writer at a time; SeqLock has a spin lock for
/// that. Linux: include/linux/seqlock.h.
#pragma once

#include "core/lock/spin_lock.h"

class SeqCount {
public:
    /// The number before reading: even, so waits while a writer is at it.
    u32 begin_read() const {
        u32 number;
        while ((number = number_.load(std::memory_order_acquire)) & 1) arch::cpu_relax();
        return number;
    }
    /// Whether a writer came since begin_read() returned `seen`.
    bool must_retry(u32 seen) const {
        std::atomic_thread_fence(std::memory_order_acquire);
        return number_.load(std::memory_order_relaxed) != seen;
    }

    /// Around the change. Only one writer at a time; preemption is off.
    void begin_write() {
        number_.store(number_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_release);
    }
    void end_write() {
        number_.store(number_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }

private:
    std::atomic<u32> number_{0};
};

class CAPABILITY("seqlock") SeqLock {
public:
    constexpr SeqLock(const char* name, LockRank rank) : lock_(name, rank) {}

    u32 begin_read() const { return count_.begin_read(); }
    bool must_retry(u32 seen) const { return count_.must_retry(seen); }

    /// A reader that must not be disturbed, nor disturb, takes this instead: IrqGuard guard(lock).
    SpinLock& spin_lock() { return lock_; }

private:
    friend class SeqWriteGuard;
    SeqCount count_;
    SpinLock lock_;
};

/// Writes under a SeqLock to the end of the block, with interrupts off.
class SCOPED_CAPABILITY SeqWriteGuard {
public:
    explicit SeqWriteGuard(SeqLock& seq) ACQUIRE(seq) : guard_(seq.lock_), count_(seq.count_) {
        count_.begin_write();
    }
    ~SeqWriteGuard() RELEASE() { count_.end_write(); }
    SeqWriteGuard(const SeqWriteGuard&) = delete;

private:
    IrqGuard guard_;
    SeqCount& count_;
};
