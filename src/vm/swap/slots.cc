// The slots of a swap device: which are free, how often each is named.
//
// Slots are handed out in clusters, so that pages which leave memory together stand together, and
// come back with one another (readahead).

#include "vm/swap/swap_info.h"

namespace vm {

constinit SwapInfo swap_infos[kMaxSwapDevices];
constinit std::atomic<u64> swap_total{0}, swap_free_count{0};

u64 total_swap_pages() { return swap_total.load(std::memory_order_relaxed); }
u64 free_swap_pages() { return swap_free_count.load(std::memory_order_relaxed); }

/// The first free slot at or behind `from` in its cluster; 0: none.
u64 SwapInfo::find_slot_in_cluster(u64 from) const {
    const u64 end = std::min(pages, align_down(from, kCluster) + kCluster);
    for (u64 slot = from; slot < end; slot++) {
        if (map[slot] == 0) return slot;
    }
    return 0;
}

/// Moves `next` to the start of a cluster with free slots: an empty one if there is any.
bool SwapInfo::next_cluster() {
    const u64 clusters = (pages + kCluster - 1) / kCluster;
    const u64 here = next / kCluster;
    for (const u64 limit : {u64{1}, kCluster}) {
        for (u64 i = 1; i <= clusters; i++) {
            const u64 cluster = (here + i) % clusters;
            if (in_cluster[cluster] >= limit) continue;
            next = cluster * kCluster;
            if (find_slot_in_cluster(next)) return true;
        }
    }
    return false;
}

u64 SwapInfo::take_slot() {
    if (used == good) return 0;
    u64 slot = next < pages ? find_slot_in_cluster(next) : 0;
    if (!slot) {
        if (!next_cluster()) return 0;
        slot = find_slot_in_cluster(next);
    }
    map[slot] = kCached;
    in_cluster[slot / kCluster]++;
    used++;
    next = slot + 1;
    swap_free_count.fetch_sub(1, std::memory_order_relaxed);
    return slot;
}

void SwapInfo::settle(u64 slot) {
    if (map[slot] != 0) return;
    in_cluster[slot / kCluster]--;
    used--;
    if (is_usable) swap_free_count.fetch_add(1, std::memory_order_relaxed);
}

bool swap_duplicate(SwapEntry entry) {
    SwapInfo& info = info_of(entry);
    IrqGuard guard(info.lock);
    ASSERT(info.has(entry.slot()));
    u16& word = info.map[entry.slot()];
    ASSERT(word != 0 && (word & SwapInfo::kCountMask) != SwapInfo::kBad);
    if ((word & SwapInfo::kCountMask) == SwapInfo::kCountMask - 1) return false;
    word++;
    return true;
}

void swap_free(SwapEntry entry) {
    SwapInfo& info = info_of(entry);
    IrqGuard guard(info.lock);
    ASSERT(info.has(entry.slot()) && (info.map[entry.slot()] & SwapInfo::kCountMask) != 0);
    info.map[entry.slot()]--;
    info.settle(entry.slot());
}

u32 swap_count(SwapEntry entry) {
    SwapInfo& info = info_of(entry);
    IrqGuard guard(info.lock);
    return info.has(entry.slot()) ? info.map[entry.slot()] & SwapInfo::kCountMask : 0;
}

}  // namespace vm
