// Objects of one size, and kmalloc's classes.

#include "mm/slab.h"

#include "lib/string.h"
#include "lib/test.h"
#include "mm/kasan.h"
#include "mm/vmalloc.h"

namespace mm {

namespace {

constinit KmemCache test_cache("test_cache", 72, 8, SlabFlags::NoMerge);
constexpr usize kObjects = 600;
constinit void* objects[kObjects]{};

}  // namespace

TEST(slab_objects_are_distinct, "mm.slab.distinct") {
    for (usize i = 0; i < kObjects; i++) {
        objects[i] = test_cache.alloc(Gfp::Kernel).take();
        memset(objects[i], int(i & 0xff), 72);
    }
    for (usize i = 0; i < kObjects; i++) {
        const auto* bytes = static_cast<const u8*>(objects[i]);
        EXPECT(bytes[0] == (i & 0xff) && bytes[71] == (i & 0xff));
    }
    EXPECT_EQ(test_cache.stats().objects_in_use, kObjects);
    for (void* object : objects) test_cache.free(object);
    EXPECT_EQ(test_cache.stats().objects_in_use, 0u);
}

TEST(slab_gives_pages_back, "mm.slab.shrinks") {
    for (void*& object : objects) object = test_cache.alloc(Gfp::Kernel).take();
    const u64 slabs = test_cache.stats().slabs;
    for (usize i = 0; i < kObjects; i += 2) test_cache.free(objects[i]);  // half empty: all stay
    EXPECT_EQ(test_cache.stats().slabs, slabs);
    for (usize i = 1; i < kObjects; i += 2) test_cache.free(objects[i]);
    kasan_drop_quarantine();
    // One in use here, some kept for the next time by this processor and by the node.
    EXPECT(test_cache.stats().slabs <= 1 + test_cache.cpu_partial_slabs + test_cache.min_partial);
    kmem_cache_shrink(test_cache);
    EXPECT_EQ(test_cache.stats().slabs, 0u);
}

TEST(slab_zeroes, "mm.slab.zero") {
    void* dirty = test_cache.alloc(Gfp::Kernel).take();
    memset(dirty, 0xff, 72);
    test_cache.free(dirty);
    const auto* clean = static_cast<const u64*>(test_cache.alloc(Gfp::Kernel | Gfp::Zero).take());
    for (unsigned i = 0; i < 9; i++) EXPECT_EQ(clean[i], 0u);
    test_cache.free(const_cast<u64*>(clean));
}

TEST(kmalloc_sizes, "mm.kmalloc.sizes") {
    for (usize bytes : {usize{0}, usize{1}, usize{16}, usize{17}, usize{96}, usize{97}, usize{192},
                        usize{193}, usize{4096}, usize{8192}, usize{8193}, usize{100'000}}) {
        auto* memory = static_cast<u8*>(kmalloc(bytes, Gfp::Kernel).take());
        EXPECT(is_aligned(reinterpret_cast<u64>(memory), bytes > 8 ? 16 : 8));
        memset(memory, 0xa5, bytes);
        kfree(memory);
    }
    kfree(nullptr);
    EXPECT(kmalloc(8 << 20, Gfp::Kernel | Gfp::NoWarn).error() == ENOMEM);
}

TEST(vmalloc_areas, "mm.vmalloc.areas") {
    for (unsigned round = 0; round < 200; round++) {  // more than the list of dead areas holds
        auto* a = static_cast<u8*>(vmalloc(3 * kPageSize).take());
        auto* b = static_cast<u8*>(vmalloc(1).take());
        EXPECT_EQ(a[0] | a[3 * kPageSize - 1] | b[0], 0);
        a[3 * kPageSize - 1] = b[0] = 1;
        EXPECT(b >= a + 4 * kPageSize || a >= b + 2 * kPageSize);  // a guard page between
        vfree(a);
        vfree(b);
    }
    EXPECT(vmalloc(0).error() == ENOMEM);
    EXPECT(vmalloc(usize{1} << 40).error() == ENOMEM);
}

}  // namespace mm
