/// BhSpinGuard: holds a spin lock with softirqs off, to the end of the block. For what softirqs and
/// tasks share, and interrupt handlers never touch: interrupts stay on meanwhile.
#pragma once

#include "core/lock/spin_lock.h"
#include "core/softirq/bottom_half.h"

class SCOPED_CAPABILITY BhSpinGuard {
public:
    explicit BhSpinGuard(SpinLock& lock) ACQUIRE(lock) : lock_(lock) {
        local_bh_disable();
        lock_.lock();
    }
    ~BhSpinGuard() RELEASE() {
        lock_.unlock();
        local_bh_enable();
    }
    BhSpinGuard(const BhSpinGuard&) = delete;

private:
    SpinLock& lock_;
};
