// Probe of lab 04-paging: a buddy system over frames behind which there is no memory. It also works
// before the kernel has booted.
//
//   mm_buddy        in: u64 frame number of the first, u32 frames, u32 the zone's first among them,
//                   u32 its length; u8 migrate type for each pageblock that the frames touch; then
//                   orders, each u8 what, u8 order, u8 type, u32 frame: 0 gives the block at
//                   `frame` back, 1 takes one, 2 makes `frame` a free block of another zone, 3
//                   shows all. out: for 1 u32 frame (~0: none); for 3 u64 free_pages, u32 blocks,
//                   and for each u32 frame, u8 order, u8 type of the list; the lists from their
//                   beginnings
//
// Frames count from the first. EINVAL: more frames than kMost, an order for none of them, or a
// block that is not aligned, not in the zone, or was given back before.

#include <atomic>
#include <new>

#include "fs/debugfs/probe.h"
#include "init/probes/bytes.h"
#include "mm/page_alloc/zone.h"

namespace probes {
namespace {

constexpr u32 kMost = 1056, kMostBlocks = 4;  // two pageblocks, and some frames around them

struct Scene {
    mm::Zone zone;
    mm::Page pages[kMost];
    mm::MigrateType types[kMostBlocks];
    bool is_given[kMost];  // to the zone: what is not is the caller's
};
alignas(Scene) constinit std::byte scene_room[sizeof(Scene)]{};
Scene& scene = reinterpret_cast<Scene&>(scene_room);
constinit std::atomic<bool> busy{false};

struct Shape {
    u64 start;
    u32 frames, first, length;
};

bool set_up(const Shape& shape, ByteReader& input) {
    const u64 end = shape.start + shape.frames;
    if (!input.ok() || shape.frames > kMost || shape.length == 0) return false;
    if (shape.first > shape.frames || shape.length > shape.frames - shape.first) return false;
    const u64 block = shape.start >> mm::kPageblockOrder;
    const u64 blocks = ((end - 1) >> mm::kPageblockOrder) - block + 1;
    const auto types = input.take_bytes(blocks);
    if (!input.ok() || blocks > kMostBlocks) return false;
    for (u64 i = 0; i < blocks; i++) {
        if (u8(types[i]) >= mm::kMigrateTypes) return false;
        scene.types[i] = static_cast<mm::MigrateType>(types[i]);
    }
    // init() wants the types of the pageblocks from the zone's first frame on.
    const u64 skipped = ((shape.start + shape.first) >> mm::kPageblockOrder) - block;
    memset(static_cast<void*>(scene.pages), 0, sizeof scene.pages);
    memset(scene.is_given, 0, sizeof scene.is_given);
    new (&scene.zone) mm::Zone();
    scene.zone.init(Pfn(shape.start + shape.first), shape.length, &scene.pages[shape.first],
                    &scene.types[skipped]);
    return true;
}

void show(ByteWriter& answer) NO_LOCK_ANALYSIS {
    u32 blocks = 0;
    for (const mm::FreeArea& area : scene.zone.free_area) {
        for (const auto& list : area.free_list) blocks += u32(list.size());
    }
    answer.put(scene.zone.free_pages);
    answer.put(blocks);
    for (mm::FreeArea& area : scene.zone.free_area) {
        for (u8 type = 0; type < mm::kMigrateTypes; type++) {
            for (const mm::Page& page : area.free_list[type]) {
                answer.put(u32(&page - scene.pages));
                answer.put(page.order);
                answer.put(type);
            }
        }
    }
}

/// Whether the block at `frame` is the caller's, so that he may give it back.
bool is_callers(const Shape& shape, u32 frame, u8 order) {
    const u32 count = u32{1} << order;
    if ((shape.start + frame) % count != 0 || frame < shape.first) return false;
    if (frame - shape.first + count > shape.length) return false;
    for (u32 i = frame; i < frame + count; i++) {
        if (scene.is_given[i]) return false;
    }
    return true;
}

void note(u32 frame, u8 order, bool is_given) {
    for (u32 i = frame; i < frame + (u32{1} << order) && i < kMost; i++) {
        scene.is_given[i] = is_given;
    }
}

u32 take(u8 order, mm::MigrateType type) NO_LOCK_ANALYSIS {
    const mm::Page* const page = scene.zone.rmqueue_smallest(order, type);
    if (page == nullptr) return ~u32{0};
    const auto frame = u32(page - scene.pages);
    note(frame, order, false);
    return frame;
}

Result<void> carry_out(u8 what, u8 order, mm::MigrateType type, const Shape& shape, u32 frame,
                       ByteWriter& answer) NO_LOCK_ANALYSIS {
    mm::Page& page = scene.pages[frame];
    if (what == 1) answer.put(take(order, type));
    if (what == 3) show(answer);
    if (what == 1 || what == 3) return {};
    if (!is_callers(shape, frame, order)) return EINVAL;
    note(frame, order, true);
    if (what == 0) {
        scene.zone.free_one_page(Pfn(shape.start + frame), order);
    } else {
        page.set(mm::kPageBuddy);
        page.order = order;
        page.zone = 1;
    }
    return {};
}

Result<usize> answer_all(std::span<const std::byte> in, std::span<std::byte> out) {
    ByteReader input(in);
    ByteWriter answer(out);
    Shape shape{};
    shape.start = input.take<u64>();
    shape.frames = input.take<u32>();
    shape.first = input.take<u32>();
    shape.length = input.take<u32>();
    if (!set_up(shape, input)) return EINVAL;
    while (input.left() > 0) {
        const auto what = input.take<u8>(), order = input.take<u8>(), type = input.take<u8>();
        const auto frame = input.take<u32>();
        if (!input.ok() || order > mm::kMaxOrder || type >= mm::kMigrateTypes) return EINVAL;
        if (frame >= shape.frames) return EINVAL;
        const auto kind = static_cast<mm::MigrateType>(type);
        TRY(carry_out(what, order, kind, shape, frame, answer));
    }
    return answer.result();
}

Result<usize> run(std::span<const std::byte> in, std::span<std::byte> out) {
    if (busy.exchange(true)) return EBUSY;
    Result<usize> length = answer_all(in, out);
    busy.store(false);
    return length;
}

PROBE(mm_buddy) = {.name = "mm_buddy", .run = run};

}  // namespace
}  // namespace probes
