// Spin locks: what happens seldom. See spin_lock.h.

#include "core/lock/spin_lock.h"

#include "core/lock/lock_stat.h"

PER_CPU u64 held_ranks = 0;

[[gnu::noinline]] void SpinLock::lock_out_of_order() {
    const char* const what = is_held() ? "taken twice" : "taken out of order";
    lock_misused(what, *this, nullptr);
}

[[gnu::noinline]] void SpinLock::lock_contended() {
    const lock_stat::Wait wait(this, name_, lock_stat::Kind::Spin);
    word_.take_slowly(cpu_tag());
}

bool SpinLock::try_lock() {
    // With a lock of this rank held, that one's bit stands for both.
    const bool nested = arch::this_cpu_read(held_ranks) & rank_bit_;
    if (!word_.try_take(nested ? cpu_tag() | QueuedWord::kNested : cpu_tag())) return false;
    if (!nested) arch::this_cpu_add(held_ranks, rank_bit_);
    lockval::acquire(
        {.lock = this, .name = name_, .kind = lockval::Kind::Spin, .wait = lockval::Wait::Tries});
    return true;
}

/// The outer lock's bit stands for both.
void SpinLock::lock_nested() {
    if (arch::this_cpu_read(held_ranks) >= rank_bit_ << 1) lock_out_of_order();
    if (!(arch::this_cpu_read(held_ranks) & rank_bit_)) return lock();
    if (is_held()) lock_misused("taken twice", *this, nullptr);
    lockval::acquire({.lock = this, .name = name_, .kind = lockval::Kind::Spin, .subclass = 1});
    const u32 tag = cpu_tag() | QueuedWord::kNested;
    if (!word_.try_take(tag)) {
        const lock_stat::Wait wait(this, name_, lock_stat::Kind::Spin);
        word_.take_slowly(tag);
    }
}

[[gnu::noinline]] void SpinLock::unlock_nested() {
    if (!is_held()) lock_misused("released, but not held", *this, nullptr);
    word_.release();
}
