// Caches: who gets which object, constructors, bulk, shrinking, merging, the end of a cache.

#include <array>

#include "core/rcu/rcu.h"
#include "lib/test.h"
#include "mm/slab/internal.h"
#include "mm/slab/layout.h"
#include "mm/slab/merge.h"

namespace mm {

namespace {

/// A cache for one test; destroyed at its end, which must succeed.
class Scratch {
public:
    Scratch(TestContext& context, usize size, SlabFlags flags = SlabFlags::NoMerge,
            KmemCache::Ctor ctor = nullptr)
        : test(context), cache_(kmem_cache_create("scratch", size, 0, flags, ctor).take()) {}
    ~Scratch() { EXPECT(kmem_cache_destroy(*cache_).ok()); }
    KmemCache& operator*() { return *cache_; }
    KmemCache* operator->() { return cache_; }

private:
    TestContext& test;
    KmemCache* cache_;
};

constexpr usize kMany = 600;
constinit void* many[kMany]{};

bool take_many(KmemCache& cache) {
    for (void*& object : many) {
        object = kmem_cache_alloc(cache, Gfp::Kernel);
        if (object == nullptr) return false;
    }
    return true;
}
void put_many(KmemCache& cache) {
    for (void* object : many) kmem_cache_free(cache, object);
}

}  // namespace

TEST(slab_fast_path_dominates, "mm.slab.fast_path.dominates") {
    Scratch cache(test, 128);
    for (int i = 0; i < 10'000; i++) kmem_cache_free(*cache, kmem_cache_alloc(*cache, Gfp::Kernel));
    EXPECT(sum_of(*cache, SlabStat::AllocFastpath) > 9'900);
    EXPECT(sum_of(*cache, SlabStat::FreeFastpath) > 9'900);
}

TEST(slab_last_freed_is_next, "mm.slab.fast_path.same") {
    Scratch cache(test, 64);
    kmem_cache_free(*cache, kmem_cache_alloc(*cache, Gfp::Kernel));
    PreemptGuard stay;
    void* const object = kmem_cache_alloc(*cache, Gfp::Atomic);
    for (int i = 0; i < 10; i++) {
        kmem_cache_free(*cache, object);
        EXPECT(kmem_cache_alloc(*cache, Gfp::Atomic) == object);
    }
    kmem_cache_free(*cache, object);
}

// What an interrupt does between the reads and the exchange of the fast path: the list begins with
// A again, but what followed A has been handed out.
TEST(slab_freelist_aba, "mm.slab.fast_path.aba") {
    Scratch cache(test, 64);
    kmem_cache_free(*cache, kmem_cache_alloc(*cache, Gfp::Kernel));
    PreemptGuard stay;
    KmemCacheCpu& slot = *cache->cpu_slab.load();
    const u64 tid = arch::this_cpu_read(slot.tid);
    const u64 head = arch::this_cpu_read(slot.freelist);
    const u64 next = *reinterpret_cast<u64*>(head + cache->offset);

    void* const a = kmem_cache_alloc(*cache, Gfp::Atomic);
    void* const b = kmem_cache_alloc(*cache, Gfp::Atomic);
    kmem_cache_free(*cache, a);
    EXPECT_EQ(arch::this_cpu_read(slot.freelist), head);
    EXPECT_EQ(reinterpret_cast<u64>(b), next);
    EXPECT(!arch::this_cpu_cmpxchg_double(slot.freelist, {head, tid}, {next, tid + kTidStep}));
    EXPECT(kmem_cache_alloc(*cache, Gfp::Atomic) == a);
    void* const c = kmem_cache_alloc(*cache, Gfp::Atomic);
    EXPECT(c != b && c != a);
    for (void* object : {a, b, c}) kmem_cache_free(*cache, object);
}

TEST(slab_objects_are_aligned, "mm.slab.aligned") {
    for (usize size : {8, 24, 40, 100, 200, 1000, 3000}) {
        Scratch plain(test, size);
        Scratch lines(test, size, SlabFlags::NoMerge | SlabFlags::HwcacheAlign);
        void* const a = kmem_cache_alloc(*plain, Gfp::Kernel);
        void* const b = kmem_cache_alloc(*lines, Gfp::Kernel);
        EXPECT(is_aligned(reinterpret_cast<u64>(a), 8));
        const u64 at = reinterpret_cast<u64>(b);
        EXPECT(size > 32 ? is_aligned(at, 64) : at / 64 == (at + size - 1) / 64);
        kmem_cache_free(*plain, a);
        kmem_cache_free(*lines, b);
    }
}

namespace {
constinit u32 constructed = 0;
void construct(void* object) {
    constructed++;
    *static_cast<u64*>(object) = 0x1234'5678;
}
}  // namespace

TEST(slab_ctor_runs_once, "mm.slab.ctor") {
    constructed = 0;
    Scratch cache(test, 48, SlabFlags::NoMerge, construct);
    for (int round = 0; round < 3; round++) {
        REQUIRE(take_many(*cache));
        for (void* object : many) EXPECT_EQ(*static_cast<u64*>(object), 0x1234'5678u);
        EXPECT_EQ(constructed, sum_of(*cache, SlabStat::AllocSlab) * cache->objects);
        put_many(*cache);
    }
}

TEST(slab_bulk, "mm.slab.bulk") {
    Scratch cache(test, 56);
    std::span<void*> all(many);
    EXPECT(kmem_cache_alloc_bulk(*cache, Gfp::Kernel | Gfp::Zero, all));
    EXPECT_EQ(cache->stats().objects_in_use, kMany);
    for (usize i = 0; i < kMany; i++) {
        auto* const words = static_cast<u64*>(many[i]);
        EXPECT_EQ(words[0] | words[6], 0u);
        words[0] = words[6] = i;
    }
    for (usize i = 0; i < kMany; i++) {
        EXPECT(static_cast<u64*>(many[i])[0] == i && static_cast<u64*>(many[i])[6] == i);
    }
    kmem_cache_free_bulk(*cache, all);
    EXPECT_EQ(cache->stats().objects_in_use, 0u);
    kmem_cache_shrink(*cache);
    EXPECT_EQ(cache->stats().slabs, 0u);
}

// Readers may look at freed memory: it stays a slab of the cache until they are through.
TEST(slab_typesafe_by_rcu, "mm.slab.rcu") {
    Scratch cache(test, 64, SlabFlags::TypesafeByRcu);
    EXPECT(cache->offset >= cache->inuse);  // the object's own bytes are left alone
    REQUIRE(take_many(*cache));
    auto* const object = static_cast<u64*>(many[0]);
    *object = 77;
    Page& slab = slab_of(object);
    put_many(*cache);
    {
        RcuReadGuard guard;
        EXPECT_EQ(*object, 77u);
    }
    kmem_cache_shrink(*cache);
    EXPECT_EQ(cache->stats().slabs, 0u);
    rcu_barrier();
    EXPECT(!slab.has(kPageSlab) || slab.slab_cache != &*cache);
}

// No block is as large as this cache wants: as if memory were in pieces.
TEST(slab_order_fallback, "mm.slab.order_fallback") {
    Scratch cache(test, 256);
    cache->order = kMaxOrder + 1;
    cache->objects = 0;  // nobody may rely on it
    REQUIRE(take_many(*cache));
    EXPECT_EQ(sum_of(*cache, SlabStat::OrderFallback), sum_of(*cache, SlabStat::AllocSlab));
    EXPECT_EQ(cache->stats().objects_total, cache->stats().slabs * (kPageSize / 256));
    EXPECT_EQ(cache->pages(), cache->stats().slabs);
    put_many(*cache);
}

TEST(slab_shrink_keeps_what_is_used, "mm.slab.shrink") {
    Scratch cache(test, 512);
    REQUIRE(take_many(*cache));
    const u64 pages = cache->pages();
    for (usize i = 0; i < kMany; i++) {
        if (i % 97 != 0) kmem_cache_free(*cache, many[i]);
    }
    const u64 freed = kmem_cache_shrink(*cache);
    EXPECT(freed > 0);
    EXPECT(cache->pages() < pages && cache->pages() > 0);
    EXPECT_EQ(cache->stats().objects_in_use, (kMany + 96) / 97);
    for (usize i = 0; i < kMany; i += 97) kmem_cache_free(*cache, many[i]);
    kmem_cache_shrink(*cache);
    EXPECT_EQ(cache->pages(), 0u);
}

TEST(slab_partial_slabs_first, "mm.slab.partial_first") {
    Scratch cache(test, 256);
    REQUIRE(take_many(*cache));
    const u64 slabs = cache->stats().slabs;
    for (usize i = 0; i < kMany; i += 2) kmem_cache_free(*cache, many[i]);
    for (usize i = 0; i < kMany; i += 2) many[i] = kmem_cache_alloc(*cache, Gfp::Kernel);
    EXPECT(cache->stats().slabs <= slabs + 1);  // holes were filled, no slab was made
    put_many(*cache);
}

TEST(slab_destroy_refuses, "mm.slab.destroy") {
    Result<KmemCache*> made = kmem_cache_create("doomed", 40, 8, SlabFlags::NoMerge);
    REQUIRE(made.ok());
    KmemCache& cache = *made.value();
    void* const object = kmem_cache_alloc(cache, Gfp::Kernel);
    EXPECT(kmem_cache_destroy(cache).error() == EBUSY);
    kmem_cache_free(cache, object);
    EXPECT(kmem_cache_destroy(cache).ok());
    for (CacheCursor at; KmemCache* left = at.next();) EXPECT(left != &cache);
}

TEST(slab_create_refuses, "mm.slab.create") {
    EXPECT(kmem_cache_create(nullptr, 8, 8, SlabFlags::None).error() == EINVAL);
    EXPECT(kmem_cache_create("none", 0, 8, SlabFlags::None).error() == EINVAL);
    EXPECT(kmem_cache_create("odd", 8, 24, SlabFlags::None).error() == EINVAL);
    EXPECT(kmem_cache_create("huge", usize{1} << 40, 8, SlabFlags::None).error() == EINVAL);
}

TEST(slab_places_come_back, "mm.slab.create.places") {
    for (usize i = 0; i < 2 * kMaxCaches; i++) {
        Result<KmemCache*> made = kmem_cache_create("many", 72, 8, SlabFlags::NoMerge);
        REQUIRE(made.ok());
        kmem_cache_free(*made.value(), kmem_cache_alloc(*made.value(), Gfp::Kernel));
        REQUIRE(kmem_cache_destroy(*made.value()).ok());
    }
}

TEST(slab_merging, "mm.slab.merge") {
    if (!slab_merging) return;
    KmemCache* const first = kmem_cache_create("first", 1304, 8, SlabFlags::None).take();
    KmemCache* const second = kmem_cache_create("second", 1300, 4, SlabFlags::None).take();
    KmemCache* const larger = kmem_cache_create("larger", 1320, 8, SlabFlags::None).take();
    KmemCache* const other =
        kmem_cache_create("reclaimable", 1304, 8, SlabFlags::ReclaimAccount).take();
    KmemCache* const built = kmem_cache_create("built", 1304, 8, SlabFlags::None, construct).take();
    EXPECT(second->root == first->root);
    EXPECT(larger->root != first->root && other->root != first->root && built->root == built);
    EXPECT(first->root->refcount >= 2);

    void* const a = kmem_cache_alloc(*first, Gfp::Kernel);
    void* const b = kmem_cache_alloc(*second, Gfp::Kernel);
    EXPECT(slab_of(a).slab_cache == slab_of(b).slab_cache);
    EXPECT(kmem_cache_destroy(*first).ok());  // goes on for the sake of the other
    kmem_cache_free(*second, a);              // they are one
    kmem_cache_free(*second, b);
    for (KmemCache* cache : {second, larger, other, built}) {
        EXPECT(kmem_cache_destroy(*cache).ok());
    }
}

TEST(slab_shuffled_and_hardened, "mm.slab.hardened") {
    Scratch cache(test, 32, SlabFlags::NoMerge | SlabFlags::Hardened | SlabFlags::Shuffled);
    REQUIRE(take_many(*cache));
    u32 neighbours = 0;
    for (usize i = 1; i < kMany; i++) {
        neighbours += static_cast<std::byte*>(many[i]) - static_cast<std::byte*>(many[i - 1]) == 32;
        memset(many[i], int(i), 32);
    }
    EXPECT(neighbours < kMany / 8);  // in order, nearly all would be
    for (usize i = 1; i < kMany; i++) EXPECT_EQ(*static_cast<u8*>(many[i]), i & 0xff);
    void* const last = many[0];
    kmem_cache_free(*cache, last);
    const u64 word = *reinterpret_cast<u64*>(static_cast<std::byte*>(last) + cache->offset);
    EXPECT(word < arch::kDirectMap.raw() || word >= arch::kVmallocStart.raw() || word == 0);
    many[0] = kmem_cache_alloc(*cache, Gfp::Kernel);
    put_many(*cache);
}

TEST(kmalloc_moves_and_measures, "mm.kmalloc.krealloc") {
    constexpr struct {
        usize bytes, room;
    } kSizes[] = {{1, 8},     {8, 8},       {9, 16},
                  {65, 96},   {97, 128},    {129, 192},
                  {193, 256}, {4097, 8192}, {8193, 4 * kPageSize}};
    for (const auto& each : kSizes) {
        void* const memory = kmalloc(each.bytes, Gfp::Kernel).take();
        EXPECT_EQ(ksize(memory), each.room);
        kfree(memory);
    }
    auto* text = static_cast<char*>(krealloc(nullptr, 5, Gfp::Kernel).take());
    memcpy(text, "slab", 5);
    for (usize bytes = 6; bytes < 100'000; bytes *= 3) {
        text = static_cast<char*>(krealloc(text, bytes, Gfp::Kernel).take());
        EXPECT(strcmp(text, "slab") == 0);
    }
    EXPECT(krealloc(text, usize{1} << 40, Gfp::Kernel | Gfp::NoWarn).error() == ENOMEM);
    EXPECT(krealloc(text, 0, Gfp::Kernel).take() == nullptr);
    EXPECT_EQ(ksize(nullptr), 0u);
    for (usize bytes : {usize{100}, usize{5} << 20}) {
        auto* const memory = static_cast<u8*>(kvmalloc(bytes, Gfp::Kernel | Gfp::Zero).take());
        EXPECT_EQ(memory[0] | memory[bytes - 1], 0);
        kvfree(memory);
    }
}

TEST(kmalloc_is_contiguous, "mm.kmalloc.contiguous") {
    auto* const memory = static_cast<std::byte*>(kmalloc(4 * kPageSize, Gfp::Kernel).take());
    const Pfn first = pfn_of(arch::virt_to_phys(memory));
    for (u64 i = 1; i < 4; i++) {
        EXPECT(pfn_of(arch::virt_to_phys(memory + i * kPageSize)) == first + i);
    }
    kfree(memory);
}

}  // namespace mm
