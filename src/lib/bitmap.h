/// Bitmap<N>: N bits in words, and the searches that allocators need. BitSpan is the same for
/// words that live elsewhere and a length known at run time.
///
/// Not atomic: the caller's lock guards all bits of a word together. Bits behind the last one
/// stay clear in a Bitmap and are never looked at in a BitSpan.
#pragma once

#include <bit>
#include <span>

#include "lib/assert.h"
#include "lib/types.h"

/// A view of `size` bits in an array of words. Bit n is bit n % 64 of word n / 64.
class BitSpan {
public:
    static constexpr usize kWordBits = 64;
    static constexpr usize words_for(usize bits) { return (bits + kWordBits - 1) / kWordBits; }

    constexpr BitSpan(std::span<u64> words, usize size) : words_(words), size_(size) {
        ASSERT(words_for(size) <= words.size());
    }

    usize size() const { return size_; }

    bool test(usize bit) const { return (word(bit) >> (bit % kWordBits)) & 1; }
    void set(usize bit) { word(bit) |= mask(bit); }
    void clear(usize bit) { word(bit) &= ~mask(bit); }
    void assign(usize bit, bool value) { value ? set(bit) : clear(bit); }

    /// Sets the bit; returns what it was.
    bool test_and_set(usize bit) {
        const bool was = test(bit);
        set(bit);
        return was;
    }

    /// The first set (or clear) bit at or behind `from`; size() if there is none.
    usize find_set(usize from = 0) const { return find(from, 0); }
    usize find_clear(usize from = 0) const { return find(from, ~u64{0}); }

    /// The first of `count` clear bits in a row, at or behind `from`; size() if there is none.
    usize find_clear_range(usize count, usize from = 0) const {
        for (;;) {
            const usize start = find_clear(from);
            if (count > size_ - start) return size_;
            const usize end = find_set(start);
            if (end - start >= count) return start;
            from = end;
        }
    }

    /// Sets or clears the bits [from, from + count).
    void set_range(usize from, usize count) {
        for (usize bit = from; bit < from + count; bit++) set(bit);
    }
    void clear_range(usize from, usize count) {
        for (usize bit = from; bit < from + count; bit++) clear(bit);
    }

    /// The number of set bits.
    usize count() const {
        usize total = 0;
        for (usize bit = find_set(); bit < size_; bit = find_set(bit + 1)) total++;
        return total;
    }

private:
    static u64 mask(usize bit) { return u64{1} << (bit % kWordBits); }
    u64& word(usize bit) const {
        ASSERT(bit < size_);
        return words_[bit / kWordBits];
    }

    /// The first bit at or behind `from` that is set in its word XOR `flip`.
    usize find(usize from, u64 flip) const {
        for (usize bit = from; bit < size_; bit = (bit | (kWordBits - 1)) + 1) {
            const u64 rest = (words_[bit / kWordBits] ^ flip) >> (bit % kWordBits);
            if (rest == 0) continue;
            const usize found = bit + static_cast<usize>(std::countr_zero(rest));
            return found < size_ ? found : size_;
        }
        return size_;
    }

    std::span<u64> words_;
    usize size_;
};

/// N bits, all clear at first.
template <usize N>
class Bitmap {
public:
    constexpr Bitmap() = default;

    static constexpr usize size() { return N; }
    bool test(usize bit) const { return view().test(bit); }
    void set(usize bit) { view().set(bit); }
    void clear(usize bit) { view().clear(bit); }
    void assign(usize bit, bool value) { view().assign(bit, value); }
    bool test_and_set(usize bit) { return view().test_and_set(bit); }
    usize find_set(usize from = 0) const { return view().find_set(from); }
    usize find_clear(usize from = 0) const { return view().find_clear(from); }
    usize find_clear_range(usize count, usize from = 0) const {
        return view().find_clear_range(count, from);
    }
    void set_range(usize from, usize count) { view().set_range(from, count); }
    void clear_range(usize from, usize count) { view().clear_range(from, count); }
    usize count() const { return view().count(); }
    bool none() const { return find_set() == N; }
    bool operator==(const Bitmap&) const = default;

private:
    BitSpan view() const { return BitSpan(std::span(const_cast<u64*>(words_), kWords), N); }

    static constexpr usize kWords = BitSpan::words_for(N);
    u64 words_[kWords] = {};
};
