// Freed objects wait here, oldest first, so that whoever still uses one is noticed.

#include "mm/kasan/quarantine.h"

#include "core/lock/spin_lock.h"
#include "mm/kasan.h"

namespace mm {

namespace {

/// Of the memory: what may wait.
constexpr u64 kFraction = 32;

struct Quarantine {
    SpinLock lock{"quarantine", LockRank::Slab};
    void* first GUARDED_BY(lock) = nullptr;
    ObjectMeta* last GUARDED_BY(lock) = nullptr;
    usize bytes GUARDED_BY(lock) = 0;
    u32 holders GUARDED_BY(lock) = 0;
};
constinit Quarantine quarantine;

/// The oldest if more than `keep` bytes wait; null: no more do.
void* take_oldest(usize keep) {
    IrqGuard guard(quarantine.lock);
    void* const object = quarantine.first;
    if (object == nullptr || quarantine.bytes <= keep || quarantine.holders > 0) return nullptr;
    Slot slot;
    if (!find_slot(object, slot)) return nullptr;
    quarantine.first = slot.meta().next;
    if (quarantine.first == nullptr) quarantine.last = nullptr;
    quarantine.bytes -= slot.bytes;
    return object;
}

usize most_bytes() { return total_pages() / kFraction * kPageSize; }

u64 shrink(u64) { return shrink_quarantine(0); }
constinit Shrinker shrinker{"kasan_quarantine", shrink};
constinit std::atomic<bool> is_registered{false};

}  // namespace

u64 shrink_quarantine(usize keep) {
    usize freed = 0;
    while (void* const object = take_oldest(keep)) {
        Slot slot;
        if (!find_slot(object, slot)) break;
        freed += slot.bytes;
        kmem_cache_free_now(*slot.cache, object);
    }
    return freed / kPageSize;
}

void hold_quarantine(bool hold) {
    IrqGuard guard(quarantine.lock);
    quarantine.holders += hold ? 1 : -1;
}

u64 kasan_hooks::waiting_objects(const KmemCache& cache) {
    IrqGuard guard(quarantine.lock);
    u64 count = 0;
    Slot slot;
    for (void* at = quarantine.first; at != nullptr && find_slot(at, slot); at = slot.meta().next) {
        count += slot.cache == cache.root;
    }
    return count;
}

void kasan_hooks::drop_quarantine() { shrink_quarantine(0); }

void put_in_quarantine(const Slot& slot) {
    if (!is_registered.exchange(true)) register_shrinker(shrinker);
    {
        IrqGuard guard(quarantine.lock);
        ObjectMeta& meta = slot.meta();
        meta.next = nullptr;
        (quarantine.last != nullptr ? quarantine.last->next : quarantine.first) = slot.object;
        quarantine.last = &meta;
        quarantine.bytes += slot.bytes;
    }
    shrink_quarantine(most_bytes());
}

}  // namespace mm
