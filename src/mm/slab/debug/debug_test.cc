// One planted bug of each kind: the report names it, the cache and the object, and the kernel goes
// on. The reports in the log of these tests are expected.

#include "mm/slab/debug/debug.h"

#include "core/log/oops.h"
#include "core/log/printk.h"
#include "lib/test.h"

namespace mm {

namespace {

constexpr SlabFlags kAll = SlabFlags::NoMerge | kDebugFlags;

/// A debugged cache, and what the log says from its making on.
class Victim {
public:
    Victim(TestContext& context, usize size, SlabFlags flags = kAll)
        : test(context),
          cache(*kmem_cache_create("victim", size, 0, flags).take()),
          since_(log_next_sequence()) {}

    std::byte* alloc() { return static_cast<std::byte*>(kmem_cache_alloc(cache, Gfp::Kernel)); }
    void free(void* object) { kmem_cache_free(cache, object); }

    bool said(std::string_view words) {
        static constinit LogRecord record{};
        for (u64 at = since_; log_read(at, record); at = record.sequence + 1) {
            if (std::string_view(record.text, record.length).find(words) !=
                std::string_view::npos) {
                return true;
            }
        }
        return false;
    }
    /// The report of `what` about `object` (any if null), complete.
    void expect_report(const char* what, const void* object) {
        EXPECT(said(what) && said("BUG victim"));
        if (object != nullptr) {
            char words[64];
            format_to(words, "Object %p", object);
            EXPECT(said(words));
        }
        EXPECT(tainted() & static_cast<u32>(Taint::BadPage));
    }
    /// What was refused to be freed is lost; the cache with it.
    void abandon() { EXPECT(kmem_cache_destroy(cache).error() == EBUSY); }
    void expect_whole() { EXPECT(kmem_cache_destroy(cache).ok()); }

    TestContext& test;
    KmemCache& cache;

private:
    const u64 since_;
};

}  // namespace

TEST(slab_debug_right_redzone, "mm.slab.debug.right_redzone") {
    Victim victim(test, 64);
    std::byte* const object = victim.alloc();
    object[64] = std::byte{'!'};
    victim.free(object);
    victim.expect_report("Right Redzone overwritten", object);
    EXPECT(victim.said("First byte 0x21 instead of 0xcc"));
    EXPECT(victim.said("FIX victim: Restoring Right Redzone"));
    EXPECT(victim.said("Allocated in ") && victim.said("Object at "));
    victim.free(object);  // mended, so now it may go
    victim.expect_whole();
}

TEST(slab_debug_left_redzone, "mm.slab.debug.left_redzone") {
    Victim victim(test, 100);
    std::byte* const object = victim.alloc();
    object[-1] = std::byte{0};
    victim.free(object);
    victim.expect_report("Left Redzone overwritten", object);
    victim.free(object);
    victim.expect_whole();
}

TEST(slab_debug_use_after_free, "mm.slab.debug.use_after_free") {
    Victim victim(test, 64);
    std::byte* const object = victim.alloc();
    victim.free(object);
    object[20] = std::byte{0x11};  // the planted bug
    std::byte* const next = victim.alloc();
    victim.expect_report("Poison overwritten", object);
    EXPECT(victim.said("First byte 0x11 instead of 0x6b"));
    EXPECT(victim.said("Freed in ") && victim.said("Marking all objects used"));
    EXPECT(next != object);
    victim.free(next);
    victim.abandon();  // its slab is not trusted any more
}

TEST(slab_debug_double_free, "mm.slab.debug.double_free") {
    Victim victim(test, 64);
    std::byte* const object = victim.alloc();
    victim.free(object);
    victim.free(object);
    victim.expect_report("Object already free", object);
    EXPECT(victim.said("Freed in "));
    std::byte* const a = victim.alloc();
    std::byte* const b = victim.alloc();
    EXPECT(a != b);
    victim.free(a);
    victim.free(b);
    victim.expect_whole();
}

TEST(slab_debug_wrong_pointer, "mm.slab.debug.wrong_pointer") {
    Victim victim(test, 64);
    std::byte* const object = victim.alloc();
    victim.free(object + 8);
    victim.expect_report("Invalid object pointer", nullptr);
    victim.free(object);
    victim.expect_whole();
}

TEST(slab_debug_wrong_cache, "mm.slab.debug.wrong_cache") {
    Victim victim(test, 64);
    void* const foreign = kmalloc(64, Gfp::Kernel).take();
    victim.free(foreign);
    victim.expect_report("Wrong slab cache", nullptr);
    kfree(foreign);
    victim.expect_whole();
}

TEST(slab_debug_padding, "mm.slab.debug.padding") {
    Victim victim(test, 60);
    std::byte* const object = victim.alloc();
    // The last byte of the slot, behind the tracks.
    object[victim.cache.size - victim.cache.red_left_pad - 1] = std::byte{0};
    victim.free(object);
    victim.expect_report("Object padding overwritten", object);
    victim.free(object);
    victim.expect_whole();
}

TEST(slab_debug_free_pointer, "mm.slab.debug.free_pointer") {
    Victim victim(test, 64);
    std::byte* const object = victim.alloc();
    victim.free(object);
    *reinterpret_cast<u64*>(object + victim.cache.offset) = 0xdead'beef;
    std::byte* const next = victim.alloc();
    victim.expect_report("Freepointer corrupt", object);
    victim.free(next);
    victim.abandon();
}

// A stray write into a hardened list is seen when the chain is followed, and leads nowhere.
TEST(slab_debug_hardened_pointer, "mm.slab.debug.hardened_pointer") {
    Victim victim(test, 64, kAll | SlabFlags::Hardened);
    std::byte* const object = victim.alloc();
    std::byte* const target = victim.alloc();
    victim.free(object);
    *reinterpret_cast<u64*>(object + victim.cache.offset) = reinterpret_cast<u64>(target);
    std::byte* const next = victim.alloc();
    victim.expect_report("Freepointer corrupt", object);
    EXPECT(next != target);
    victim.free(next);
    victim.abandon();
}

TEST(slab_debug_tracks, "mm.slab.debug.tracks") {
    Victim victim(test, 64, SlabFlags::NoMerge | SlabFlags::StoreUser);
    std::byte* const object = victim.alloc();
    const Track& track = track_of(victim.cache, object, TrackOf::Alloc);
    EXPECT(track.caller[0] != 0);
    EXPECT_EQ(track.caller[0] >> 32, 0xffff'ffffu);
    EXPECT_EQ(track_of(victim.cache, object, TrackOf::Free).caller[0], 0u);
    victim.free(object);
    EXPECT(track_of(victim.cache, object, TrackOf::Free).caller[0] != 0);
    victim.expect_whole();
}

TEST(slab_debug_validates, "mm.slab.debug.validate") {
    Victim victim(test, 64);
    std::byte* const object = victim.alloc();
    EXPECT_EQ(validate_cache(victim.cache), 0u);
    object[64] = std::byte{0};
    EXPECT_EQ(validate_cache(victim.cache), 1u);
    victim.expect_report("Right Redzone overwritten", object);
    EXPECT_EQ(validate_cache(victim.cache), 0u);  // restored
    victim.free(object);
    victim.expect_whole();
}

}  // namespace mm
