// Probes of lab 05-slab: arithmetic. They also work before the kernel has booted.
//
//   slab_layout     in: u32 object_size, u32 align, u32 flags (SlabFlags), u8 has_ctor, u32
//                   track_bytes for each. out: u32 errno, then size, inuse, offset, red_left_pad,
//                   align, objects, order, min_order, u32 each
//   slab_order      in: u32 sizes. out: u32 orders

#include "fs/debugfs/probe.h"
#include "init/probes/bytes.h"
#include "mm/slab/layout.h"

namespace probes {
namespace {

Result<usize> run_layout(std::span<const std::byte> in, std::span<std::byte> out) {
    ByteReader input(in);
    ByteWriter answer(out);
    while (input.left() > 0) {
        mm::SlotNeeds needs{};
        needs.object_size = input.take<u32>();
        needs.align = input.take<u32>();
        needs.flags = static_cast<mm::SlabFlags>(input.take<u32>());
        needs.has_ctor = input.take<u8>() != 0;
        needs.track_bytes = input.take<u32>();
        if (!input.ok() || needs.track_bytes > 1024) return EINVAL;
        Result<mm::SlabLayout> laid_out = mm::calculate_layout(needs);
        const mm::SlabLayout layout = laid_out.ok() ? laid_out.value() : mm::SlabLayout{};
        for (const u32 word : {laid_out.ok() ? 0u : u32(laid_out.error()), layout.size,
                               layout.inuse, layout.offset, layout.red_left_pad, layout.align,
                               u32{layout.objects}, u32{layout.order}, u32{layout.min_order}}) {
            answer.put(word);
        }
    }
    return answer.result();
}

Result<usize> run_order(std::span<const std::byte> in, std::span<std::byte> out) {
    ByteReader input(in);
    ByteWriter answer(out);
    while (input.left() > 0) {
        const auto size = input.take<u32>();
        if (!input.ok() || size == 0 || size > kPageSize << mm::kMaxOrder) return EINVAL;
        answer.put(u32{mm::calculate_order(size)});
    }
    return answer.result();
}

PROBE(layout) = {.name = "slab_layout", .run = run_layout};
PROBE(order) = {.name = "slab_order", .run = run_order};

}  // namespace
}  // namespace probes
