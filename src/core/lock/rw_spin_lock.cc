#include "core/lock/rw_spin_lock.h"

#include "core/lock/lock_stat.h"

void RwSpinLock::announce(lockval::Mode mode, lockval::Wait wait) {
    lockval::acquire(
        {.lock = this, .name = name_, .kind = lockval::Kind::RwSpin, .mode = mode, .wait = wait});
}

bool RwSpinLock::read_lock() NO_LOCK_ANALYSIS {
    announce(lockval::Mode::Shared, lockval::Wait::Waits);
    const u64 held = arch::this_cpu_read(held_ranks);
    // A handler may read what the interrupted task reads; then that one's bit stands for both.
    const bool counted = !(in_interrupt() && (held & rank_bit_) && held < rank_bit_ << 1);
    if (counted && held >= rank_bit_) lock_misused("taken out of order", name_, rank());
    if (word_.fetch_add(kReader, std::memory_order_acquire) & (kWriter | kWaiting)) {
        read_lock_slowly();
    }
    if (counted) arch::this_cpu_add(held_ranks, rank_bit_);
    lockval::acquired(this);
    return counted;
}

/// We are counted already.
[[gnu::noinline]] void RwSpinLock::read_lock_slowly() {
    const lock_stat::Wait wait(this, name_, lock_stat::Kind::RwSpin);
    if (in_interrupt()) {
        while (word_.load(std::memory_order_acquire) & kWriter) arch::cpu_relax();
        return;
    }
    word_.fetch_sub(kReader, std::memory_order_relaxed);
    const u32 me = cpu_tag();
    if (!queue_.try_take(me)) queue_.take_slowly(me);
    word_.fetch_add(kReader, std::memory_order_acquire);
    while (word_.load(std::memory_order_acquire) & kWriter) arch::cpu_relax();
    queue_.release();
}

void RwSpinLock::read_unlock(bool counted) NO_LOCK_ANALYSIS {
    lockval::release(this, name_);
    if (counted) arch::this_cpu_sub(held_ranks, rank_bit_);
    const u32 before = word_.fetch_sub(kReader, std::memory_order_release);
    if (before < kReader) lock_misused("released, but not read", name_, rank());
}

void RwSpinLock::write_lock() NO_LOCK_ANALYSIS {
    announce(lockval::Mode::Exclusive, lockval::Wait::Waits);
    if (arch::this_cpu_read(held_ranks) >= rank_bit_) {
        lock_misused(is_held_for_writing() ? "taken twice" : "taken out of order", name_, rank());
    }
    if (!take_for_writing(0)) write_lock_slowly();
    arch::this_cpu_add(held_ranks, rank_bit_);
    lockval::acquired(this);
}

[[gnu::noinline]] void RwSpinLock::write_lock_slowly() {
    const lock_stat::Wait wait(this, name_, lock_stat::Kind::RwSpin);
    const u32 me = cpu_tag();
    if (!queue_.try_take(me)) queue_.take_slowly(me);
    if (!take_for_writing(0)) {
        word_.fetch_or(kWaiting, std::memory_order_relaxed);
        while (!take_for_writing(kWaiting)) arch::cpu_relax();
    }
    queue_.release();
}

bool RwSpinLock::try_write_lock() NO_LOCK_ANALYSIS {
    if (arch::this_cpu_read(held_ranks) & rank_bit_) return false;
    if (!take_for_writing(0)) return false;
    arch::this_cpu_add(held_ranks, rank_bit_);
    announce(lockval::Mode::Exclusive, lockval::Wait::Tries);
    return true;
}

void RwSpinLock::write_unlock() NO_LOCK_ANALYSIS {
    lockval::release(this, name_);
    if (!is_held_for_writing()) lock_misused("released, but not written", name_, rank());
    arch::this_cpu_sub(held_ranks, rank_bit_);
    // Readers may be counting themselves meanwhile, so only our part goes.
    word_.fetch_sub(cpu_tag(), std::memory_order_release);
}
