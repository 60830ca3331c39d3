// The slab allocator. Linux: mm/slub.c.
//
// A slab is a block of pages cut into slots of one size. Free slots are chained through their own
// first word. At any time a slab is in one of three places:
//   a processor's  (frozen: private_data 1): that processor hands out from its own chain, and
//                  others give back to the slab's chain;
//   partial        on the cache's list, some slots free;
//   full           on no list; the first object that comes back puts it on the partial list.
// A slab whose last object comes back is given to the page allocator, unless the cache has few
// partial slabs left.

#include "mm/slab.h"

#include "core/percpu/percpu.h"
#include "lib/string.h"
#include "mm/mm_trace.h"

namespace mm {

namespace {

constexpr u64 kFrozen = 1;
constexpr u32 kMinPartial = 4;

constinit SpinLock caches_lock{"kmem_caches", LockRank::MmList};
constinit KmemCache* caches GUARDED_BY(caches_lock) = nullptr;

void* next_free(void* object) { return *static_cast<void**>(object); }

void trace_name(char (&to)[24], const char* name) { copy_string(to, {name, strlen(name)}); }

}  // namespace

Page& slab_of(const void* object) {
    Page& page = page_of(object);
    return page.has(kPageTail) ? *page.head : page;
}

/// The order that wastes the least: at most an eighth of the slab, and at least 8 objects.
void KmemCache::set_up() {
    IrqGuard guard(caches_lock);
    if (ready_.load(std::memory_order_relaxed)) return;
    slot_size_ = u32(align_up(object_size_ < 8 ? 8 : object_size_, align_));
    for (order_ = 0; order_ < 3; order_++) {
        const usize bytes = kPageSize << order_;
        if (bytes / slot_size_ >= 8 && bytes % slot_size_ <= bytes / 8) break;
    }
    while ((kPageSize << order_) < slot_size_) order_++;
    per_slab_ = u16((kPageSize << order_) / slot_size_);
    next_ = caches;
    caches = this;
    ready_.store(true, std::memory_order_release);
}

KmemCache* KmemCache::first() {
    IrqGuard guard(caches_lock);
    return caches;
}

/// A fresh slab with all slots chained, frozen. ENOMEM.
Result<Page*> KmemCache::new_slab(Gfp gfp) {
    Page& slab = *TRY(alloc_pages(gfp, order_));
    for (u32 i = 1; i < 1u << order_; i++) {
        Page& tail = (&slab)[i];
        tail.flags.store(kPageTail, std::memory_order_relaxed);
        tail.head = &slab;
    }
    slab.set(kPageSlab);
    slab.slab_cache = this;
    slab.slab_in_use = 0;
    slab.private_data = kFrozen;
    std::byte* const base = bytes_of(slab);
    void* chain = nullptr;
    for (u32 i = per_slab_; i-- > 0;) {
        void* const object = base + i * slot_size_;
        *static_cast<void**>(object) = chain;
        chain = object;
    }
    slab.slab_freelist = chain;
    slabs_.fetch_add(1, std::memory_order_relaxed);
    return &slab;
}

/// Gives the pages of an empty slab, which is on no list, back.
void KmemCache::free_slab(Page& slab) {
    for (u32 i = 1; i < 1u << order_; i++) (&slab)[i].flags.store(0, std::memory_order_relaxed);
    slab.clear(kPageSlab);
    slab.slab_cache = nullptr;
    slabs_.fetch_sub(1, std::memory_order_relaxed);
    free_pages(slab, order_);
}

/// Takes all free slots of a frozen slab for this processor.
void KmemCache::take_all(CpuSlab& cpu, Page& slab) {
    cpu.slab = &slab;
    cpu.freelist = slab.slab_freelist;
    slab.slab_freelist = nullptr;
    slab.slab_in_use = per_slab_;
}

/// This processor's chain is empty: what others gave back to its slab, a partial slab, a new one.
/// Interrupts are off; returns an object or null.
void* KmemCache::refill(CpuSlab& cpu, Gfp gfp) {
    {
        IrqGuard guard(lock_);
        if (cpu.slab != nullptr && cpu.slab->slab_freelist == nullptr) {
            cpu.slab->private_data = 0;  // full, and nobody's
            cpu.slab = nullptr;
        }
        Page* slab = cpu.slab;
        if (slab == nullptr && !partial_.empty()) {
            slab = partial_.pop_front();
            partial_count_--;
            slab->private_data = kFrozen;
        }
        if (slab != nullptr) take_all(cpu, *slab);
    }
    if (cpu.slab == nullptr) {
        Result<Page*> fresh = new_slab(gfp);
        if (!fresh.ok()) return nullptr;
        take_all(cpu, *fresh.value());
    }
    void* const object = cpu.freelist;
    cpu.freelist = next_free(object);
    return object;
}

Result<void*> KmemCache::alloc(Gfp gfp) {
    if (!ready_.load(std::memory_order_acquire)) [[unlikely]] {
        set_up();
    }
    void* object;
    {
        IrqOffGuard guard;
        CpuSlab& cpu = cpu_slabs_[cpu_id()];
        object = cpu.freelist;
        if (object != nullptr) [[likely]] {
            cpu.freelist = next_free(object);
        } else {
            // The page allocator may reclaim only where its caller may sleep: not here.
            object = refill(cpu, gfp | Gfp::Atomic);
        }
        cpu.allocs += object != nullptr;
    }
    if (object == nullptr) return ENOMEM;
    if (has(gfp, Gfp::Zero)) memset(object, 0, object_size_);
    if (trace::is_enabled<KmemCacheAlloc>()) [[unlikely]] {
        trace_alloc(object, gfp);
    }
    return object;
}

void KmemCache::trace_alloc(void* object, Gfp gfp) {
    KmemCacheAlloc record{.name = {},
                          .ptr = reinterpret_cast<u64>(object),
                          .bytes_req = object_size_,
                          .bytes_alloc = slot_size_,
                          .gfp_flags = static_cast<u32>(gfp)};
    trace_name(record.name, name_);
    trace::point(record);
}

void KmemCache::free(void* object) {
    Page& slab = slab_of(object);
    ASSERT(slab.has(kPageSlab) && slab.slab_cache == this);
    if (trace::is_enabled<KmemCacheFree>()) [[unlikely]] {
        KmemCacheFree record{.name = {}, .ptr = reinterpret_cast<u64>(object)};
        trace_name(record.name, name_);
        trace::point(record);
    }
    IrqOffGuard guard;
    CpuSlab& cpu = cpu_slabs_[cpu_id()];
    cpu.frees++;
    if (cpu.slab == &slab) [[likely]] {
        *static_cast<void**>(object) = cpu.freelist;
        cpu.freelist = object;
        return;
    }
    free_slow(slab, object);
}

void KmemCache::free_slow(Page& slab, void* object) {
    bool empty = false;
    {
        IrqGuard guard(lock_);
        *static_cast<void**>(object) = slab.slab_freelist;
        slab.slab_freelist = object;
        slab.slab_in_use--;
        if (slab.private_data == kFrozen) return;
        const bool listed = slab.link.is_linked();
        empty = slab.slab_in_use == 0 && partial_count_ >= kMinPartial;
        if (empty && listed) {
            partial_.remove(slab);
            partial_count_--;
        } else if (!empty && !listed) {
            partial_.push_back(slab);
            partial_count_++;
        }
    }
    if (empty) free_slab(slab);
}

KmemCache::Stats KmemCache::stats() {
    Stats stats{};
    for (const CpuSlab& cpu : cpu_slabs_) stats.objects_in_use += cpu.allocs - cpu.frees;
    stats.slabs = slabs_.load(std::memory_order_relaxed);
    stats.objects_total = stats.slabs * per_slab_;
    stats.slot_size = slot_size_;
    stats.objects_per_slab = per_slab_;
    stats.order = order_;
    return stats;
}

}  // namespace mm
