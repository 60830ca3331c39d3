// Every class of bad access, planted and reported.

#include "mm/kasan.h"
#include "core/kasan/report.h"
#include "lib/string.h"
#include "lib/test.h"
#include "mm/kasan/leaks.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"

namespace mm {

namespace {

volatile u8 sink;

/// What the compiler cannot know beforehand.
template <class T>
[[gnu::noinline]] T hidden(T value) {
    asm volatile("" : "+r"(value));
    return value;
}
u8 look_at(const void* memory, usize offset) {
    return *(static_cast<const volatile u8*>(hidden(memory)) + offset);
}

/// Whether `plant` is reported as `kind`.
bool is_reported(const char* kind, void (*plant)()) {
    const kasan::Planting planting;
    const u64 before = kasan::last_report().count;
    plant();
    const kasan::Report after = kasan::last_report();
    return after.count > before && strcmp(after.kind, kind) == 0;
}
bool is_clean(void (*legal)()) {
    const u64 before = kasan::last_report().count;
    legal();
    return kasan::last_report().count == before;
}

void* object_of(usize bytes) { return kmalloc(bytes, Gfp::Kernel).take(); }

constinit u8 small_global[13]{};

}  // namespace

TEST(after_the_end, "kasan.slab.right") {
    EXPECT(is_reported("slab-out-of-bounds", [] {
        void* const object = object_of(100);
        sink = look_at(object, 100);
        kfree(object);
    }));
    EXPECT(is_reported("slab-out-of-bounds", [] {
        void* const object = object_of(128);  // all that the cache's objects have
        sink = look_at(object, 128);
        kfree(object);
    }));
    EXPECT(is_clean([] {
        void* const object = object_of(100);
        memset(object, 1, 100);
        sink = look_at(object, 99);
        kfree(object);
    }));
}

TEST(before_the_start, "kasan.slab.left") {
    EXPECT(is_reported("slab-out-of-bounds", [] {
        void* const object = object_of(64);
        kfree(object_of(64));  // some neighbour is free
        sink = look_at(object, usize(0) - 1);
        kfree(object);
    }));
}

TEST(words_across_the_end, "kasan.slab.partial") {
    EXPECT(is_reported("slab-out-of-bounds", [] {
        void* const object = object_of(20);
        *reinterpret_cast<volatile u64*>(static_cast<u8*>(hidden(object)) + 16) = 1;
        kfree(object);
    }));
}

TEST(freed_object, "kasan.slab.after_free") {
    EXPECT(is_reported("slab-use-after-free", [] {
        void* const object = object_of(64);
        kfree(object);
        sink = look_at(object, 3);
    }));
    EXPECT(is_reported("slab-use-after-free", [] {
        void* const object = object_of(64);
        kfree(object);
        for (int i = 0; i < 100; i++) kfree(object_of(64));  // none of them gets its place
        sink = look_at(object, 3);
    }));
}

TEST(freed_twice, "kasan.slab.double_free") {
    EXPECT(is_reported("double-free", [] {
        void* const object = object_of(48);
        kfree(object);
        kfree(hidden(object));
    }));
}

TEST(freed_in_the_middle, "kasan.slab.invalid_free") {
    EXPECT(is_reported("invalid-free", [] {
        u8* const object = static_cast<u8*>(object_of(200));
        kfree(hidden(object + 16));
        kfree(object);
    }));
}

TEST(large_memory, "kasan.large") {
    EXPECT(is_reported("slab-out-of-bounds", [] {
        void* const memory = object_of(20'000);
        sink = look_at(memory, 20'000);
        kfree(memory);
    }));
}

TEST(freed_page, "kasan.page.after_free") {
    EXPECT(is_reported("use-after-free", [] {
        Page& page = *alloc_page(Gfp::Kernel).take();
        free_pages(page, 0);
        sink = look_at(bytes_of(page), 5);
    }));
}

TEST(beyond_an_area, "kasan.vmalloc") {
    EXPECT(is_reported("vmalloc-out-of-bounds", [] {
        void* const area = vmalloc(5000).take();
        memset(area, 1, 5000);
        sink = look_at(area, 5000);
        vfree(area);
    }));
}

TEST(stack_frame, "kasan.stack") {
    EXPECT(is_reported("stack-out-of-bounds", [] {
        u8 room[20];
        memset(hidden(&room[0]), 1, sizeof room);
        sink = look_at(room, sizeof room);
    }));
}

TEST(ended_scope, "kasan.scope") {
    EXPECT(is_reported("use-after-scope", [] {
        const u8* leaked = nullptr;
        {
            u8 room[20];
            leaked = hidden(&room[0]);
            room[3] = 1;
            asm volatile("" : : "r"(leaked) : "memory");
        }
        sink = look_at(leaked, 3);
    }));
}

TEST(global, "kasan.global") {
    EXPECT(is_reported("global-out-of-bounds", [] { sink = look_at(small_global, 13); }));
    EXPECT(is_clean([] { sink = look_at(small_global, 12); }));
}

TEST(assembly, "kasan.copies") {
    EXPECT(is_reported("slab-out-of-bounds", [] {
        void* const object = object_of(100);
        memset(hidden(object), 1, 120);
        kfree(object);
    }));
}

namespace {

constexpr u64 kVeil = 0x5555'5555'5555'5555;
u64 veiled[64];  // their addresses, as nobody would take them for such

/// Of a cache of their own: kmalloc()'s objects lie where others have lain, and who had those may
/// still show to them.
[[gnu::noinline]] void lose_objects(KmemCache& cache) {
    for (u64& address : veiled) {
        void* const object = cache.alloc(Gfp::Kernel).take();
        memset(object, 0, 1000);  // where it was free, it had the address of the next free one
        address = reinterpret_cast<u64>(object) ^ kVeil;
    }
}
void count_lost(const Slot& slot, void* found) {
    for (const u64 address : veiled) {
        const u64 object = reinterpret_cast<u64>(slot.object);
        if (address == object || (address ^ kVeil) == object) ++*static_cast<u64*>(found);
    }
}

}  // namespace

// What is left of addresses in registers, dead parts of stacks and memory that was allocated but
// not written yet may hide a few objects, not most.
TEST(lost_objects, "kasan.leaks") {
    constexpr u64 kSome = 32;  // half of them
    KmemCache& cache = *kmem_cache_create("lost", 1000, 0, SlabFlags::NoMerge).take();
    lose_objects(cache);
    scan_for_leaks();
    u64 found = 0;
    for_each_leak(count_lost, &found);
    EXPECT(found >= kSome);
    for (u64& address : veiled) address ^= kVeil;
    scan_for_leaks();
    found = 0;
    for_each_leak(count_lost, &found);
    EXPECT(found == 0);
    for (const u64 address : veiled) cache.free(reinterpret_cast<void*>(address));
    kasan_drop_quarantine();
    EXPECT(kmem_cache_destroy(cache).ok());
}

}  // namespace mm
