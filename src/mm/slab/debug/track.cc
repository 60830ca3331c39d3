// Who allocated an object, and who freed it. Linux: set_track() in mm/slub.c.

#include "arch/cpu.h"
#include "core/time/jiffies.h"
#include "core/trace/trace.h"
#include "mm/slab/debug/debug.h"
#include "mm/slab/debug/own_code.h"

namespace mm {

namespace {

constexpr u64 kMaxFrame = 4096;  // a frame pointer that leads further than this is none

/// The callers outside the allocator, innermost first.
void walk_callers(u64 (&caller)[Track::kCallers]) {
    usize found = 0;
    const u64* frame = arch::frame_pointer();
    for (u32 depth = 0; depth < 16 && found < Track::kCallers; depth++) {
        const u64 next = frame[0], from = frame[1];
        if (find_symbol(from).name.empty()) break;
        if (found > 0 || !is_own_code(from)) caller[found++] = from;
        if (next <= reinterpret_cast<u64>(frame) ||
            next - reinterpret_cast<u64>(frame) > kMaxFrame) {
            break;
        }
        frame = reinterpret_cast<const u64*>(next);
    }
    while (found < Track::kCallers) caller[found++] = 0;
}

}  // namespace

void set_track(const KmemCache& cache, std::byte* object, TrackOf which) {
    if (!has(cache.flags, SlabFlags::StoreUser)) return;
    Track& track = track_of(cache, object, which);
    walk_callers(track.caller);
    track.when = time::jiffies_clock.count.load(std::memory_order_relaxed);
    track.cpu = cpu_id();
    track.pid = arch::this_cpu_read(trace::current_pid);
}

void clear_tracks(const KmemCache& cache, std::byte* object) {
    if (!has(cache.flags, SlabFlags::StoreUser)) return;
    memset(&track_of(cache, object, TrackOf::Alloc), 0, kTrackBytes);
}

}  // namespace mm
