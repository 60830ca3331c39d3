/// SwapInfo: one swap device. Linux' struct swap_info_struct. For the files of vm/swap/.
#pragma once

#include "vm/swap/swap.h"

namespace vm {

struct SwapInfo {
    static constexpr u16 kCached = 1 << 15;  // in a slot's word: a page in memory stands for it
    static constexpr u16 kCountMask = kCached - 1;
    static constexpr u16 kBad = kCountMask;  // the header, and what does not work
    static constexpr u64 kCluster = 256;     // slots that are filled one after another

    SpinLock lock{"swap", LockRank::Swap};
    SwapBackend* backend GUARDED_BY(lock) = nullptr;  // null: this one is unused
    bool is_usable GUARDED_BY(lock) = false;          // new pages may come
    int priority GUARDED_BY(lock) = 0;
    u64 pages GUARDED_BY(lock) = 0;
    u64 good GUARDED_BY(lock) = 0;  // slots that can be used
    u64 used GUARDED_BY(lock) = 0;
    u64 next GUARDED_BY(lock) = 0;               // where to look for a free slot
    u16* map GUARDED_BY(lock) = nullptr;         // a word for each slot
    u16* in_cluster GUARDED_BY(lock) = nullptr;  // used slots of each cluster
    XArray cache GUARDED_BY(lock);               // pages by slot

    /// A free slot, now cached; 0: there is none.
    u64 take_slot() REQUIRES(lock);
    /// If the slot is no longer used, it is free.
    void settle(u64 slot) REQUIRES(lock);
    mm::Page* cached(u64 slot) REQUIRES(lock) { return static_cast<mm::Page*>(cache.load(slot)); }
    bool has(u64 slot) const REQUIRES(lock) { return backend && slot > 0 && slot < pages; }

private:
    u64 find_slot_in_cluster(u64 from) const REQUIRES(lock);
    bool next_cluster() REQUIRES(lock);
};

extern constinit SwapInfo swap_infos[kMaxSwapDevices];
inline SwapInfo& info_of(SwapEntry entry) { return swap_infos[entry.device() % kMaxSwapDevices]; }

extern constinit std::atomic<u64> swap_total, swap_free_count;

/// Brings all pages of a device back into memory, as far as that goes in one round.
void unuse_mms(unsigned device);
void unuse_spaces(unsigned device);

}  // namespace vm
