/// RingBuffer<Capacity>: a queue of bytes of fixed capacity, e.g. what a UART has received.
///
/// Two counters run freely and never come back: `pushed_` and `popped_`. Their difference is the
/// fill level, so full and empty cannot be confused, and no byte of room is lost. A position in
/// the array is a counter modulo the capacity, which is a power of two.
///
/// Invariant: 0 <= pushed_ - popped_ <= Capacity (in modular arithmetic). The caller locks.
#pragma once

#include <bit>
#include <optional>
#include <span>

#include "lib/assert.h"
#include "lib/string.h"
#include "lib/types.h"

template <usize Capacity>
class RingBuffer {
    static_assert(std::has_single_bit(Capacity));

public:
    constexpr RingBuffer() = default;

    static constexpr usize capacity() { return Capacity; }
    usize size() const { return pushed_ - popped_; }
    usize room() const { return Capacity - size(); }
    bool empty() const { return size() == 0; }
    bool full() const { return room() == 0; }

    /// Appends one byte; false if there is no room.
    bool push(std::byte byte) {
        if (full()) return false;
        bytes_[pushed_++ % Capacity] = byte;
        return true;
    }

    /// Appends as many of `bytes` as there is room for; returns how many.
    usize push(std::span<const std::byte> bytes) {
        const usize count = bytes.size() < room() ? bytes.size() : room();
        const usize first = piece(pushed_, count);
        memcpy(bytes_ + pushed_ % Capacity, bytes.data(), first);
        memcpy(bytes_, bytes.data() + first, count - first);
        pushed_ += count;
        return count;
    }

    /// Takes the oldest byte, if there is one.
    std::optional<std::byte> pop() {
        if (empty()) return {};
        return bytes_[popped_++ % Capacity];
    }

    /// Takes up to to.size() bytes, oldest first; returns how many.
    usize pop(std::span<std::byte> to) {
        const usize count = peek(to);
        popped_ += count;
        return count;
    }

    /// The same, but leaves the bytes where they are.
    usize peek(std::span<std::byte> to) const {
        const usize count = to.size() < size() ? to.size() : size();
        const usize first = piece(popped_, count);
        memcpy(to.data(), bytes_ + popped_ % Capacity, first);
        memcpy(to.data() + first, bytes_, count - first);
        return count;
    }

    /// The byte that `index` others stand before; index < size().
    std::byte operator[](usize index) const {
        ASSERT(index < size());
        return bytes_[(popped_ + index) % Capacity];
    }

    /// Takes the *newest* byte back, if there is one: a terminal's erase key.
    std::optional<std::byte> unpush() {
        if (empty()) return {};
        return bytes_[--pushed_ % Capacity];
    }

    /// Drops up to `count` bytes, oldest first.
    void skip(usize count) { popped_ += count < size() ? count : size(); }
    void clear() { popped_ = pushed_; }

private:
    /// How many of `count` bytes from counter `at` on come before the end of the array.
    static usize piece(usize at, usize count) {
        const usize before_end = Capacity - at % Capacity;
        return count < before_end ? count : before_end;
    }

    usize pushed_ = 0;
    usize popped_ = 0;
    std::byte bytes_[Capacity] = {};
};
