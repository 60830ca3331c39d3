/// How a slot is laid out and how many make a slab: arithmetic only.
///
///     | left red zone | object | right red zone | free pointer | alloc, free tracks | padding |
///     KASAN's |
///
/// Without debugging only the object is there, rounded up to its alignment, and the free pointer
/// lies in its middle: bytes that run over from a neighbour do not reach it.
#pragma once

#include "lib/types.h"
#include "mm/slab.h"

namespace mm {

struct SlabLayout {
    u32 size;          // of a slot
    u32 inuse;         // object and right red zone
    u32 offset;        // of the free pointer, from the object on
    u32 red_left_pad;  // from the slot to the object
    u32 align;
    u16 objects;  // in a slab of `order`
    u8 order, min_order;
};

/// What a slot must hold besides the object.
struct SlotNeeds {
    u32 object_size;
    u32 align;  // what the type asks for; 0: nothing special
    SlabFlags flags;
    bool has_ctor;
    u32 track_bytes;      // for both tracks, with StoreUser
    u32 kasan_bytes = 0;  // the end of the slot, with KASAN
};

/// EINVAL: the object is too large for a slab, or the alignment is no power of two.
Result<SlabLayout> calculate_layout(const SlotNeeds& needs);

/// The order of a slab: the smallest that wastes at most a sixteenth and holds enough objects, or
/// else the best compromise.
u8 calculate_order(u32 size);

/// Slabs in which no object is in use that a node keeps; by the size of objects.
u32 calculate_min_partial(u32 size);
/// Slabs that a processor keeps besides the one that it hands out from.
u32 calculate_cpu_partial(u32 size, u32 objects);

}  // namespace mm
