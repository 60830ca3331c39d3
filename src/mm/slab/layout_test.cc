// host-test
// host-sources: mm/slab/layout.cc mm/slab/debug/options.cc
#include "mm/slab/layout.h"

#include "lib/test.h"
#include "mm/slab/debug/options.h"
#include "mm/slab/freelist.h"

namespace mm {

namespace {

constexpr u32 kTracks = 128;

SlabLayout lay_out_slot(u32 size, u32 align, SlabFlags flags, bool has_ctor = false) {
    return calculate_layout({.object_size = size,
                             .align = align,
                             .flags = flags,
                             .has_ctor = has_ctor,
                             .track_bytes = kTracks})
        .take();
}

}  // namespace

TEST(slab_layout_invariants, "mm.slab.layout.invariants") {
    TestRandom random(test.seed);
    for (int i = 0; i < 20'000; i++) {
        const u32 size = u32(random.below(i % 2 ? 400 : 20'000)) + 1;
        const u32 align = random.one_in(3) ? 0 : 1u << random.below(9);
        const auto flags = static_cast<SlabFlags>(random.below(1 << 11));
        const bool ctor = random.one_in(4);
        const SlabLayout slot = lay_out_slot(size, align, flags, ctor);
        const u64 bytes = u64{kPageSize} << slot.order;
        EXPECT(slot.size % slot.align == 0 && slot.red_left_pad % slot.align == 0);
        EXPECT(slot.align >= std::max(align, 8u));
        EXPECT(slot.inuse >= size);
        EXPECT(slot.offset % 8 == 0);
        EXPECT(slot.red_left_pad + std::max(slot.inuse, slot.offset + 8) <= slot.size);
        EXPECT(slot.objects >= 1 && u64{slot.objects} * slot.size <= bytes);
        EXPECT(slot.min_order <= slot.order);
        EXPECT((u64{kPageSize} << slot.min_order) >= slot.size);
        if (ctor || has(flags, SlabFlags::TypesafeByRcu | SlabFlags::Poison)) {
            EXPECT(slot.offset >= slot.inuse);
        }
        if (has(flags, SlabFlags::RedZone)) EXPECT(slot.inuse > size && slot.red_left_pad >= 8);
    }
}

TEST(slab_layout_plain, "mm.slab.layout.plain") {
    for (u32 size : {8u, 16u, 32u, 64u, 96u, 128u, 192u, 256u, 512u, 1024u, 2048u, 4096u, 8192u}) {
        const SlabLayout slot = lay_out_slot(size, 8, SlabFlags::None);
        EXPECT_EQ(slot.size, size);
        EXPECT_EQ(slot.red_left_pad, 0u);
        EXPECT(slot.offset + 8 <= size);
        const u32 bytes = u32{kPageSize} << slot.order;
        EXPECT(bytes % size <= bytes / 16);
        EXPECT(slot.order <= 3);
    }
    EXPECT_EQ(lay_out_slot(20, 0, SlabFlags::HwcacheAlign).align, 32u);
    EXPECT_EQ(lay_out_slot(33, 0, SlabFlags::HwcacheAlign).align, 64u);
    EXPECT(calculate_layout(
               {.object_size = 8, .align = 12, .flags = {}, .has_ctor = false, .track_bytes = 0})
               .error() == EINVAL);
    EXPECT(calculate_layout(
               {.object_size = 0, .align = 8, .flags = {}, .has_ctor = false, .track_bytes = 0})
               .error() == EINVAL);
}

TEST(slab_debug_option, "mm.slab.debug.option") {
    using enum SlabFlags;
    constexpr SlabFlags kAll = ConsistencyChecks | RedZone | Poison | StoreUser;
    EXPECT(parse_slab_debug("", "dentry") == kAll);
    EXPECT(parse_slab_debug("-", "dentry") == None);
    EXPECT(parse_slab_debug("FZ", "dentry") == (ConsistencyChecks | RedZone));
    EXPECT(parse_slab_debug("fz", "dentry") == (ConsistencyChecks | RedZone));
    EXPECT(parse_slab_debug("P,filp,dentry", "dentry") == Poison);
    EXPECT(parse_slab_debug("P,filp,dentry", "dent") == None);
    EXPECT(parse_slab_debug(",kmalloc-*", "kmalloc-64") == kAll);
    EXPECT(parse_slab_debug(",kmalloc-*", "filp") == None);
    EXPECT(parse_slab_debug("F;U,filp", "filp") == StoreUser);
    EXPECT(parse_slab_debug("F;U,filp", "dentry") == ConsistencyChecks);
    EXPECT(parse_slab_debug("HR,x", "x") == (Hardened | Shuffled));
    EXPECT(parse_slab_debug(";;,,;", "x") == kAll);  // an empty block is one without names
}

TEST(slab_free_pointer, "mm.slab.free_pointer") {
    TestRandom random(test.seed);
    for (int i = 0; i < 100; i++) {
        const u64 secret = random.next(), pointer = random.next(), where = random.next();
        const u64 word = encode_free_pointer(secret, pointer, where);
        EXPECT_EQ(encode_free_pointer(secret, word, where), pointer);
        EXPECT(encode_free_pointer(secret, pointer, where + 64) != word);
    }
}

}  // namespace mm
