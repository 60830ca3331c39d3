/// Slab allocator: objects of one size, many to a page, with a lock-free list per processor in
/// front. kmalloc() picks a cache by size. Linux: mm/slub.c.
#pragma once

#include "core/lock/spin_lock.h"
#include "lib/list.h"
#include "lib/result.h"
#include "mm/page_alloc.h"

namespace mm {

/// A cache of objects of `size` bytes. Define one per type, constinit, and use it from the start:
///
///     constinit KmemCache task_cache("task_struct", sizeof(Task), alignof(Task));
class KmemCache {
public:
    constexpr KmemCache(const char* name, usize size, usize align)
        : name_(name), object_size_(size), align_(align < 8 ? 8 : align) {}
    KmemCache(const KmemCache&) = delete;

    /// An object, uninitialised unless Gfp::Zero. ENOMEM.
    Result<void*> alloc(Gfp gfp);
    void free(void* object);

    const char* name() const { return name_; }
    usize object_size() const { return object_size_; }

    struct Stats {
        u64 objects_in_use, objects_total, slabs;
        u32 slot_size, objects_per_slab, order;
    };
    Stats stats();

    static KmemCache* first();  // all caches that have been used, newest first
    KmemCache* next() const { return next_; }

private:
    friend struct SlabTest;
    struct CpuSlab {
        void* freelist = nullptr;  // objects of `slab` that only this processor hands out
        Page* slab = nullptr;
        u64 allocs = 0, frees = 0;  // ever, by this processor; their sums tell what is in use
    };
    void set_up();
    Result<Page*> new_slab(Gfp gfp);
    void free_slab(Page& slab);
    void take_all(CpuSlab& cpu, Page& slab);
    void trace_alloc(void* object, Gfp gfp);
    void* refill(CpuSlab& cpu, Gfp gfp);
    void free_slow(Page& slab, void* object);

    const char* name_;
    u32 object_size_;
    u32 align_;
    std::atomic<bool> ready_{false};
    u32 slot_size_ = 0;  // object_size_ rounded up
    u16 order_ = 0;
    u16 per_slab_ = 0;
    KmemCache* next_ = nullptr;

    CpuSlab cpu_slabs_[kMaxCpus];

    SpinLock lock_{"kmem_cache", LockRank::Slab};
    List<Page, &Page::link> partial_ GUARDED_BY(lock_);
    u32 partial_count_ GUARDED_BY(lock_) = 0;
    std::atomic<u64> slabs_{0};
};

/// The first Page of the slab that holds `object`.
Page& slab_of(const void* object);

/// `bytes` bytes, aligned to 16 (to the page if a multiple of the page size). ENOMEM; also for
/// more than 4 MiB: use vmalloc.
Result<void*> kmalloc(usize bytes, Gfp gfp);
void kfree(void* memory);  // null is allowed

}  // namespace mm
