/// The word that a spin lock is, and how processors queue for it.
///
/// One word tells who holds the lock and who waits, so a free lock is taken by one atomic
/// instruction and released by one store:
///
///     bits 0-7    the holder: its processor's tag (core/percpu), 0 if free; bit 7: see kNested
///     bit 8       pending: one processor waits, looking at the word itself
///     bits 16-31  tail: the last of those who wait behind that one (0: nobody)
///
/// From the third processor on each waits on a variable of its own (the queue lock of Mellor-
/// Crummey and Scott), so waiting costs no traffic on the word, and the lock goes round in the
/// order of arrival: a new processor takes the word only if nothing at all is set in it.
///
/// A queue is right for real processors only. Those of an emulator are threads of its host, and one
/// that waits its turn while its thread does not run holds up all behind it, for a slice of the
/// host's time at each release. There nobody queues: who runs takes what is free.
///
/// Linux: kernel/locking/qspinlock.c; for the emulator, virt_spin_lock().
#pragma once

#include <atomic>

#include "core/percpu/percpu.h"

class QueuedWord {
public:
    /// In the holder's bits: the lock is held beside another one of the same rank.
    static constexpr u32 kNested = 0x80;

    /// Queue in any case; for tests.
    static constinit std::atomic<bool> always_queue;

    /// Takes the lock for `tag` if it is free and nobody waits.
    [[gnu::always_inline]] bool try_take(u32 tag) {
        u32 free = 0;
        return word_.compare_exchange_strong(free, tag, std::memory_order_acquire,
                                             std::memory_order_relaxed);
    }
    /// Waits for the lock and takes it for `tag`. Preemption or interrupts are off.
    void take_slowly(u32 tag);

    [[gnu::always_inline]] void release() { holder_byte().store(0, std::memory_order_release); }

    /// The holder's tag, perhaps with kNested; 0 if the lock is free.
    [[gnu::always_inline]] u32 holder() const {
        return const_cast<QueuedWord*>(this)->holder_byte().load(std::memory_order_relaxed);
    }
    bool has_waiters() const { return word_.load(std::memory_order_relaxed) > 0xff; }

    /// All of it; for tests.
    u32 raw() const { return word_.load(std::memory_order_relaxed); }

private:
    // Parts of the word are written alone: x86 allows it, and little-endian says where they are.
    std::atomic<u8>& holder_byte() { return reinterpret_cast<std::atomic<u8>&>(word_); }
    std::atomic<u16>& low_half() { return reinterpret_cast<std::atomic<u16>&>(word_); }
    std::atomic<u16>& tail() { return reinterpret_cast<std::atomic<u16>*>(&word_)[1]; }

    void take_out_of_order(u32 tag);
    bool take_as_pending(u32 tag);
    void take_as_head(u32 tag, u16 my_tail);

    std::atomic<u32> word_{0};
};
