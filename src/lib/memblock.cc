#include "lib/memblock.h"

#include "lib/string.h"

void RangeList::erase(usize first, usize last) {
    for (usize from = last; from < count_; from++) ranges_[first + from - last] = ranges_[from];
    count_ -= last - first;
}

Result<void> RangeList::insert(usize at, PhysRange range) {
    if (count_ == kCapacity) return ENOMEM;
    for (usize i = count_; i > at; i--) ranges_[i] = ranges_[i - 1];
    ranges_[at] = range;
    count_++;
    return {};
}

Result<void> RangeList::add(u64 start, u64 end) {
    if (start >= end) return {};
    usize first = 0;
    while (first < count_ && ranges_[first].end < start) first++;
    usize last = first;  // [first, last): the ranges that overlap or touch the new one
    while (last < count_ && ranges_[last].start <= end) {
        if (ranges_[last].start < start) start = ranges_[last].start;
        if (ranges_[last].end > end) end = ranges_[last].end;
        last++;
    }
    if (first == last) return insert(first, {start, end});
    ranges_[first] = {start, end};
    erase(first + 1, last);
    return {};
}

Result<void> RangeList::remove(u64 start, u64 end) {
    if (start >= end) return {};
    for (usize i = 0; i < count_;) {
        const PhysRange range = ranges_[i];
        if (range.end <= start || range.start >= end) {
            i++;
        } else if (range.start < start && range.end > end) {  // cut in two
            TRY(insert(i + 1, {end, range.end}));
            ranges_[i].end = start;
            return {};
        } else if (range.start < start) {
            ranges_[i++].end = start;
        } else if (range.end > end) {
            ranges_[i++].start = end;
        } else {
            erase(i, i + 1);
        }
    }
    return {};
}

bool RangeList::overlaps(u64 start, u64 end) const {
    for (const PhysRange& range : ranges()) {
        if (range.start < end && start < range.end) return true;
    }
    return false;
}

bool RangeList::contains(u64 start, u64 end) const {
    for (const PhysRange& range : ranges()) {
        if (range.start <= start && end <= range.end) return true;
    }
    return false;
}

u64 RangeList::total() const {
    u64 sum = 0;
    for (const PhysRange& range : ranges()) sum += range.bytes();
    return sum;
}

Result<PhysAddr> Memblock::alloc(u64 bytes, u64 align, u64 limit) {
    u64 best = 0;
    for_each_free([&](u64 start, u64 end) {
        if (end > limit) end = limit;
        if (end <= start || end - start < bytes) return;
        const u64 at = align_down(end - bytes, align);
        if (at >= start && at != 0) best = at;  // rising order: the last one is the highest
    });
    if (best == 0) return ENOMEM;
    TRY(reserved.add(best, best + bytes));
    return PhysAddr(best);
}
