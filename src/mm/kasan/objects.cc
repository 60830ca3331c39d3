// Objects of slab caches: their red zones, who allocated and freed them.

#include "mm/kasan/objects.h"

#include "core/log/printk.h"
#include "mm/kasan.h"
#include "mm/kasan/quarantine.h"

namespace mm {

namespace {

void remember(ObjectTrack& track) {
    track.pid = kasan::current_task_name != nullptr ? kasan::current_task_name().pid : 0;
    kasan::capture(track.trace);
}

void tell_track(const char* what, const ObjectTrack& track) {
    if (track.trace[0] == 0) return;
    printk(Level::Emerg, "%s by task %u:", what, track.pid);
    kasan::print(track.trace);
}

/// Where `at` lies, relative to the object.
void tell_place(const Slot& slot, const void* at) {
    const u64 start = reinterpret_cast<u64>(slot.object), where = reinterpret_cast<u64>(at);
    const usize size = slot.cache->object_size;
    printk(Level::Emerg, "The buggy address belongs to the object at %016lx", start);
    printk(Level::Emerg, " which belongs to the cache %s of size %u", slot.cache->name(), size);
    if (where < start + size) {
        printk(Level::Emerg, "The buggy address is located %u bytes inside of", where - start);
    } else {
        printk(Level::Emerg, "The buggy address is located %u bytes to the right of",
               where - start - size);
    }
    printk(Level::Emerg, " %u-byte region [%016lx, %016lx)", size, start, start + size);
}

void describe(const void* at) {
    Slot slot;
    if (!find_slot(at, slot)) return;
    const ObjectMeta& meta = slot.meta();
    tell_track("Allocated", meta.allocated);
    if (!slot.is_live()) tell_track("Freed", meta.freed);
    tell_place(slot, at);
}

}  // namespace

Slot slot_of(KmemCache& cache, void* object) {
    return {cache.root, static_cast<u8*>(object), cache.size - cache.root->red_left_pad};
}

bool find_slot(const void* at, Slot& slot) {
    const u64 address = reinterpret_cast<u64>(at);
    if (address < arch::kDirectMap.raw() || address >= arch::kVmallocStart.raw()) return false;
    if (!has_page(::pfn_of(arch::virt_to_phys(at)))) return false;
    Page& page = slab_of(at);
    if (!page.has(kPageSlab) || page.slab_cache == nullptr) return false;
    KmemCache& cache = *page.slab_cache;
    const usize which = usize(static_cast<const u8*>(at) - bytes_of<u8>(page)) / cache.size;
    if (which >= counters_of(page).objects) return false;
    slot = slot_of(cache, object_at(cache, page, u32(which)));
    return true;
}

u32 kasan_hooks::slot_bytes() {
    return kasan::kGranule + sizeof(ObjectMeta);  // at least a granule of red zone
}

void kasan_hooks::new_slab(Page& slab, unsigned order) {
    kasan::poison(bytes_of(slab), kPageSize << order, kasan::Poison::SlabRedzone);
}

void kasan_hooks::alloc_object(KmemCache& cache, void* object, usize bytes) {
    const Slot slot = slot_of(cache, object);
    kasan::poison(slot.object, slot.bytes, kasan::Poison::SlabRedzone);
    kasan::unpoison(object, bytes != 0 ? bytes : 1);  // what may be freed is live
    ObjectMeta& meta = slot.meta();
    remember(meta.allocated);
    meta.freed = {};
    meta.leak_mark = leak_pass.load(std::memory_order_relaxed);  // nobody knows it yet
}

bool kasan_hooks::free_object(KmemCache& cache, void* object, u64 caller) {
    Slot slot;
    if (!find_slot(object, slot) || slot.cache != cache.root || slot.object != object) {
        kasan::report_free(object, "invalid-free", caller);
        return true;
    }
    if (!slot.is_live()) {
        kasan::report_free(object, "double-free", caller);
        return true;
    }
    // Readers under RCU may still look at it, also when it is another one already.
    if (has(slot.cache->flags, SlabFlags::TypesafeByRcu)) return false;
    kasan::poison(slot.object, cache.object_size, kasan::Poison::SlabFree);
    remember(slot.meta().freed);
    put_in_quarantine(slot);
    return true;
}

void kasan_hooks::start() {
    kasan::describe_address = describe;
    kasan::start();
}

}  // namespace mm
