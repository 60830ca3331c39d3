// See vmap_space.h.

#include "mm/vmalloc/vmap_space.h"

namespace mm {

void VmapSpace::begin() {
    edge_.start = start_;
    ranges_.insert(edge_);
    set_gap(edge_, end_ - start_);
}

void VmapSpace::set_gap(VmapRange& range, u64 gap) {
    if (range.gap != 0) gaps_.erase(range);
    range.gap = gap;
    if (gap != 0) gaps_.insert(range);
}

bool VmapSpace::reserve(VmapRange& range, u64 size) {
    if (ranges_.empty()) begin();
    VmapRange* const before = gaps_.lower_bound(size);
    if (before == nullptr) return false;
    range.start = before->end();
    range.size = size;
    range.gap = 0;
    const u64 rest = before->gap - size;
    set_gap(*before, 0);
    // The edge has the address of the range that begins where the region does; equal ones stand in
    // the order in which they came, so it stays the first.
    ranges_.insert(range);
    set_gap(range, rest);
    return true;
}

void VmapSpace::release(VmapRange& range) {
    VmapRange& before = *ranges_.prev(range);
    const u64 gap = before.gap + range.size + range.gap;
    set_gap(range, 0);
    ranges_.erase(range);
    set_gap(before, gap);
}

VmapRange* VmapSpace::first_from(u64 start) const {
    VmapRange* const found = ranges_.lower_bound(start);
    return found == &edge_ ? ranges_.next(*found) : found;
}

VmapRange* VmapSpace::find(u64 start) const {
    VmapRange* const found = first_from(start);
    return found != nullptr && found->start == start ? found : nullptr;
}

bool VmapSpace::is_sound() const {
    if (ranges_.empty()) return gaps_.empty();
    u64 at = start_;
    u64 gaps = 0;
    for (const VmapRange& range : ranges_) {
        if (range.start != at) return false;
        at = range.end() + range.gap;
        gaps += range.gap != 0;
        if (range.by_gap.is_linked() != (range.gap != 0)) return false;
    }
    for (const VmapRange& range : gaps_) gaps -= range.gap != 0;
    return at == end_ && gaps == 0 && ranges_.is_sound() && gaps_.is_sound();
}

}  // namespace mm
