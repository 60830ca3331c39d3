/// What std::atomic<T> has no word for: changes that tell where they led. All of them order memory
/// like a lock (acquire and release), as their Linux namesakes do. Linux: include/linux/atomic.h.
#pragma once

#include <atomic>
#include <concepts>

#include "lib/types.h"

/// Adds or subtracts; true if the outcome is 0.
template <std::integral T>
bool sub_and_test(std::atomic<T>& value, T by) {
    return value.fetch_sub(by, std::memory_order_acq_rel) == by;
}
template <std::integral T>
bool dec_and_test(std::atomic<T>& value) {
    return sub_and_test(value, T{1});
}
template <std::integral T>
bool inc_and_test(std::atomic<T>& value) {
    return value.fetch_add(1, std::memory_order_acq_rel) == T(-1);
}

/// Adds; true if the outcome is below 0.
template <std::signed_integral T>
bool add_negative(std::atomic<T>& value, T by) {
    return T(std::make_unsigned_t<T>(value.fetch_add(by, std::memory_order_acq_rel)) +
             std::make_unsigned_t<T>(by)) < 0;
}

/// Adds `by` unless the value is `unless`; true if it did.
template <std::integral T>
bool add_unless(std::atomic<T>& value, T by, T unless) {
    T seen = value.load(std::memory_order_relaxed);
    do {
        if (seen == unless) return false;
    } while (!value.compare_exchange_weak(seen, seen + by, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    return true;
}
/// Takes one more of what somebody has already: false when nobody has any more.
template <std::integral T>
bool inc_not_zero(std::atomic<T>& value) {
    return add_unless(value, T{1}, T{0});
}
/// Takes one away if there is one; true if it did.
template <std::signed_integral T>
bool dec_if_positive(std::atomic<T>& value) {
    T seen = value.load(std::memory_order_relaxed);
    do {
        if (seen <= 0) return false;
    } while (!value.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    return true;
}
