// LAB FILE (05-slab): see layout.h. Linux: mm/slub.c, calculate_sizes() and calculate_order().

#include "mm/slab/layout.h"

#include <bit>

#include "lib/lab.h"

namespace mm {

namespace {

constexpr u32 kWord = 8;
constexpr u32 kCacheLine = 64;
constexpr u8 kMaxSlabOrder = 3;  // more only if one object needs it
constexpr u32 kMinObjects = 8;   // in a slab, if kMaxSlabOrder allows
constexpr u32 kMaxObjects = 32767;

u32 bytes_of_order(u8 order) { return u32{kPageSize} << order; }

/// LAB slab, task 1 "Layout" (handouts/05-slab.md). Write the body.
///   Before  `needs.align` is 0 or a power of two.
///   After   the alignment of a slot: what is asked for, at least a word. With HwcacheAlign also
///           that of a cache line, halved as long as the object fits into the half: small objects
///           may share a line, but none lies in two.
///   Use     kCacheLine, kWord, has().
///   Check   `make grade LAB=slab T=layout`
[[maybe_unused]] u32 calculate_align(const SlotNeeds& needs) {
#ifdef SOLVED_SLAB
    u32 align = needs.align;
    if (has(needs.flags, SlabFlags::HwcacheAlign)) {
        u32 line = kCacheLine;  // small objects may share one, but none lies in two
        while (needs.object_size <= line / 2) line /= 2;
        align = std::max(align, line);
    }
    return std::max(align, kWord);
#else
    lab_todo("slab", "calculate_align");
#endif
}

/// LAB slab, task 1 "Layout" (handouts/05-slab.md). Write the body.
///   Before  size > 0, fraction > 0.
///   After   the smallest order up to kMaxSlabOrder whose slab holds at least `min_objects`
///           objects, and wastes at most its `fraction`-th part behind the last one; if there is
///           none, anything above kMaxSlabOrder.
///   Use     bytes_of_order().
///   Check   `make grade LAB=slab T=layout`
[[maybe_unused]] u8 find_order(u32 size, u32 min_objects, u32 fraction) {
#ifdef SOLVED_SLAB
    u8 order = 0;
    while (order < kMaxSlabOrder && bytes_of_order(order) < min_objects * size) order++;
    while (order <= kMaxSlabOrder) {
        const u32 bytes = bytes_of_order(order);
        if (bytes >= size && bytes % size <= bytes / fraction) break;
        order++;
    }
    return order;
#else
    lab_todo("slab", "find_order");
#endif
}

[[maybe_unused]] u8 order_of_one(u32 size) {
    u8 order = 0;
    while (bytes_of_order(order) < size) order++;
    return order;
}

}  // namespace

/// LAB slab, task 1 "Layout" (handouts/05-slab.md). Write the body.
///   Before  size > 0.
///   After   the first order that find_order() has: for as many objects as are wanted (kMinObjects,
///           or what the largest slab holds if that is less), wasting a 16th, else an 8th, else a
///           4th; then for one object less, and so on down to two. Failing all that, the order of
///           one object.
///   Use     find_order(), order_of_one().
///   Check   `make grade LAB=slab T=layout`
///   Think   why is the number of objects given up last, and not first?
u8 calculate_order(u32 size) {
#ifdef SOLVED_SLAB
    const u32 most = bytes_of_order(kMaxSlabOrder) / size;
    for (u32 objects = std::min(kMinObjects, most); objects > 1; objects--) {
        for (u32 fraction = 16; fraction >= 4; fraction /= 2) {
            const u8 order = find_order(size, objects, fraction);
            if (order <= kMaxSlabOrder) return order;
        }
    }
    return order_of_one(size);
#else
    lab_todo("slab", "calculate_order");
#endif
}

/// LAB slab, task 1 "Layout" (handouts/05-slab.md). Write the body.
///   Before  `needs` is anything.
///   After   the slot, from the object on: the object, up to a word; with RedZone one word more if
///           that leaves no room for a right red zone. There `inuse` ends. The free pointer: behind
///           that, if the object's bytes mean something while it is free (a constructor,
///           TypesafeByRcu, Poison) or are fewer than a word; else at the word where the object's
///           first half ends, rounded down. With StoreUser the tracks; with RedZone one word of
///           padding and, before the object, a red zone of `align` bytes. At the end KASAN's, and
///           all that up to the alignment. Then order, min_order (of one object) and objects, at
///           most kMaxObjects. EINVAL: an alignment that is no power of two, an object of no bytes
///           or more than a block has, a slot larger than a block.
///   Use     calculate_align(), calculate_order(), order_of_one(), align_up().
///   Check   `make grade LAB=slab T=layout`
///   Think   why does the free pointer not lie at the object's beginning?
Result<SlabLayout> calculate_layout(const SlotNeeds& needs) {
#ifdef SOLVED_SLAB
    if (needs.align != 0 && !std::has_single_bit(needs.align)) return EINVAL;
    if (needs.object_size == 0 || needs.object_size > kPageSize << kMaxOrder) return EINVAL;
    SlabLayout layout{};
    const bool red_zone = has(needs.flags, SlabFlags::RedZone);
    layout.align = calculate_align(needs);
    u32 size = u32(align_up(needs.object_size, kWord));
    if (red_zone && size == needs.object_size) size += kWord;  // room for the right red zone
    layout.inuse = size;
    // In these the object's bytes mean something while it is free.
    if (needs.has_ctor || needs.object_size < kWord ||
        has(needs.flags, SlabFlags::TypesafeByRcu | SlabFlags::Poison)) {
        layout.offset = size;
        size += kWord;
    } else {
        layout.offset = u32(align_down(needs.object_size / 2, kWord));
    }
    if (has(needs.flags, SlabFlags::StoreUser)) size += needs.track_bytes;
    if (red_zone) {
        layout.red_left_pad = std::max(kWord, layout.align);
        size += kWord + layout.red_left_pad;  // at the end padding, which is checked, too
    }
    size = u32(align_up(size, kWord)) + needs.kasan_bytes;
    layout.size = u32(align_up(size, layout.align));
    layout.min_order = order_of_one(layout.size);
    if (layout.min_order > kMaxOrder) return EINVAL;
    layout.order = calculate_order(layout.size);
    layout.objects = u16(std::min(bytes_of_order(layout.order) / layout.size, kMaxObjects));
    return layout;
#else
    lab_todo("slab", "calculate_layout");
#endif
}

u32 calculate_min_partial(u32 size) {
    const u32 log = u32(std::bit_width(size)) - 1;
    return std::min(std::max(log / 2, 5u), 10u);
}

u32 calculate_cpu_partial(u32 size, u32 objects) {
    const u32 wanted = size >= kPageSize ? 2 : size >= 1024 ? 6 : size >= 256 ? 13 : 30;
    return (wanted * 2 + objects - 1) / objects;
}

}  // namespace mm
