/// sort(): heap sort. In place, no recursion, O(n log n) for every input. Not stable.
#pragma once

#include <span>
#include <utility>

#include "lib/types.h"

/// Restores the heap below `root`, whose children are heaps already: no element of
/// items[0, size) is less than its children, at 2n + 1 and 2n + 2.
template <class T, class Less>
void sift_down(T* items, usize root, usize size, Less less) {
    for (usize child = 2 * root + 1; child < size; child = 2 * root + 1) {
        if (child + 1 < size && less(items[child], items[child + 1])) child++;
        if (!less(items[root], items[child])) return;
        std::swap(items[root], items[child]);
        root = child;
    }
}

/// Sorts `items` so that none is less than the one before it. `less` is a strict weak order.
template <class T, usize N, class Less>
void sort(std::span<T, N> items, Less less) {
    for (usize root = items.size() / 2; root-- > 0;) {
        sift_down(items.data(), root, items.size(), less);
    }
    for (usize size = items.size(); size > 1; size--) {
        std::swap(items[0], items[size - 1]);  // the largest of the rest goes to its place
        sift_down(items.data(), 0, size - 1, less);
    }
}
template <class T, usize N>
void sort(std::span<T, N> items) {
    sort(items, [](const T& a, const T& b) { return a < b; });
}
