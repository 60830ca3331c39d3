/// Slab allocator: objects of one size, many to a page, with a list per processor in front that
/// needs no lock. kmalloc() picks a cache by size. Linux: mm/slub.c; ours is in mm/slab/.
#pragma once

#include "core/lock/spin_lock.h"
#include "lib/list.h"
#include "lib/result.h"
#include "mm/page_alloc.h"

namespace mm {

/// How a cache behaves. Combine with |. The first five can be asked for at boot, for all caches or
/// by name: slab_debug=FZPU,kmalloc-64 (slab/debug/options.h).
enum class SlabFlags : u32 {
    None = 0,
    ConsistencyChecks = 1 << 0,  // F: every free is checked
    RedZone = 1 << 1,            // Z: what stands around an object is checked
    Poison = 1 << 2,             // P: free memory has a pattern, which is checked
    StoreUser = 1 << 3,          // U: who allocated and freed it last
    Hardened = 1 << 4,           // H: pointers of free lists are encoded
    Shuffled = 1 << 5,           // R: a slab's free list begins in random order
    HwcacheAlign = 1 << 6,       // objects do not share cache lines
    ReclaimAccount = 1 << 7,     // a shrinker can get the objects back
    Panic = 1 << 8,              // kmem_cache_create() must not fail
    TypesafeByRcu = 1 << 9,  // pages are freed after a grace period: readers may look at an object
                             // that has been freed, or is one of the same type again
    NoMerge = 1 << 10,       // shares its slabs with no other cache
};
constexpr SlabFlags operator|(SlabFlags a, SlabFlags b) {
    return static_cast<SlabFlags>(static_cast<u32>(a) | static_cast<u32>(b));
}
constexpr SlabFlags operator&(SlabFlags a, SlabFlags b) {
    return static_cast<SlabFlags>(static_cast<u32>(a) & static_cast<u32>(b));
}
constexpr bool has(SlabFlags set, SlabFlags flag) { return (set & flag) != SlabFlags::None; }

/// Nodes of memory; a slab's list is that of the node its pages come from.
inline constexpr unsigned kSlabNodes = 1;

struct KmemCacheCpu;  // slab/internal.h

/// The slabs of a cache on one node of memory.
struct KmemCacheNode {
    SpinLock list_lock{"kmem_cache_node", LockRank::Slab};
    List<Page, &Page::link> partial GUARDED_BY(list_lock);  // some objects free, no processor's
    List<Page, &Page::link> full GUARDED_BY(list_lock);     // only when the cache is debugged
    u64 nr_partial GUARDED_BY(list_lock) = 0;
    std::atomic<u64> nr_slabs{0}, nr_pages{0}, total_objects{0};
};

/// A cache of objects of `size` bytes. Define one per type, constinit, and use it from the start:
///
///     constinit KmemCache task_cache("task_struct", sizeof(Task), alignof(Task));
///
/// or make one with kmem_cache_create(). Its first use lays it out. A cache may then turn out to be
/// an alias: another one's objects fit, so they share slabs, and `root` names the other.
struct KmemCache {
    using Ctor = void (*)(void* object);

    /// `ctor` runs once for each object of a new slab, not for each allocation: what is freed must
    /// be as it left it. With a ctor, Gfp::Zero makes no sense.
    constexpr KmemCache(const char* cache_name, usize size, usize alignment,
                        SlabFlags wanted = SlabFlags::None, Ctor constructor = nullptr);
    KmemCache(const KmemCache&) = delete;

    /// An object, uninitialised unless Gfp::Zero. ENOMEM. Any context with Gfp::Atomic.
    Result<void*> alloc(Gfp gfp);
    void free(void* object);

    struct Stats {
        u64 objects_in_use, objects_total, slabs;
        u32 slot_size, objects_per_slab, order;
    };
    /// Sums over all processors; exact when nobody allocates. Of an alias: its root's.
    Stats stats();
    u64 pages() const;  // in slabs

    const char* name() const { return name_; }

    // What the fast path needs, in one cache line. An alias has its root's.
    std::atomic<KmemCacheCpu*> cpu_slab;  // in the per-CPU area
    KmemCache* root;
    u64 secret = 0;  // not 0: free-list pointers are encoded
    u32 offset = 0;  // of the free-list pointer in a free object
    u32 object_size;
    SlabFlags flags;
    u32 size = 0;  // of a slot: object, red zones, tracks, padding

    // Laid out by the first use; slab/layout.h.
    u32 align;
    u32 inuse = 0;         // bytes of the object's own part; what follows is the allocator's
    u32 red_left_pad = 0;  // before the object
    u16 objects = 0;       // in a slab of `order`
    u8 order = 0;
    u8 min_order = 0;  // of which a slab is made when memory is too fragmented
    u32 min_partial = 0;
    u32 cpu_partial_slabs = 0;
    Ctor ctor;
    const char* name_;
    std::atomic<bool> is_ready{false};
    bool is_dynamic = false;  // made by kmem_cache_create()

    // Guarded by the lock of the list of caches.
    KmemCache* next = nullptr;
    i32 refcount = 1;  // users; each alias is one
    u32 cursors = 0;   // readers that stand here
    bool is_dead = false;

    KmemCacheNode node[kSlabNodes];
};

/// What KmemCache::alloc() and free() do; null instead of ENOMEM.
void* kmem_cache_alloc(KmemCache& cache, Gfp gfp);
void kmem_cache_free(KmemCache& cache, void* object);
void kmem_cache_free_now(KmemCache& cache, void* object);  // past KASAN's quarantine
inline void* kmem_cache_zalloc(KmemCache& cache, Gfp gfp) {
    return kmem_cache_alloc(cache, gfp | Gfp::Zero);
}

/// As many objects as `objects` has room for, or none (false): cheaper than one by one.
bool kmem_cache_alloc_bulk(KmemCache& cache, Gfp gfp, std::span<void*> objects);
void kmem_cache_free_bulk(KmemCache& cache, std::span<void*> objects);

/// A cache at run time; `name` lives as long. ENOMEM; EINVAL: no name, or a size or alignment that
/// cannot be. May return a cache that others use, too, unless SlabFlags::NoMerge.
Result<KmemCache*> kmem_cache_create(const char* name, usize size, usize align, SlabFlags flags,
                                     KmemCache::Ctor ctor = nullptr);
/// The end of the caller's use of it. EBUSY: objects are in use; says so in the log, and the cache
/// stays. May sleep.
Result<void> kmem_cache_destroy(KmemCache& cache);

/// Gives back all slabs in which no object is in use, also those that processors hold, and sorts
/// the others so that the fullest are used first. Returns the number of pages. Interrupts are on.
u64 kmem_cache_shrink(KmemCache& cache);
u64 kmem_cache_shrink_all();

/// The first Page of the slab that holds `object`.
Page& slab_of(const void* object);

/// Walks over all caches that have been used, newest first; a cache stays while the cursor is on
/// it.
///
///     for (CacheCursor at; KmemCache* cache = at.next();) …
class CacheCursor {
public:
    CacheCursor() = default;
    ~CacheCursor();
    CacheCursor(const CacheCursor&) = delete;
    KmemCache* next();

private:
    KmemCache* at_ = nullptr;
};

/// After the page allocator; boot.
void kmem_cache_init();

/// `bytes` bytes, aligned to 16 (up to 8 of them: to 8; a multiple of the page size: to the page).
/// ENOMEM; also for more than 4 MiB: use kvmalloc().
Result<void*> kmalloc(usize bytes, Gfp gfp);
inline Result<void*> kzalloc(usize bytes, Gfp gfp) { return kmalloc(bytes, gfp | Gfp::Zero); }
void kfree(void* memory);  // null is allowed

/// How many bytes of it may be used; 0 for null.
usize ksize(const void* memory);

/// As realloc(): moves to a larger place unless it fits. On ENOMEM the old one stays. 0 bytes free
/// it and yield null.
Result<void*> krealloc(void* memory, usize bytes, Gfp gfp);

/// kmalloc() or, for what is large and may lie anywhere, vmalloc(). May sleep.
Result<void*> kvmalloc(usize bytes, Gfp gfp);
void kvfree(void* memory);

}  // namespace mm

#include "mm/slab/static_cache.h"
