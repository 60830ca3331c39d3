// See report.h. Linux: print_trailer() and its like in mm/slub.c.

#include "mm/slab/debug/report.h"

#include "arch/cpu.h"
#include "core/log/oops.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/time/jiffies.h"
#include "mm/kasan.h"
#include "mm/slab/debug/debug.h"

namespace mm {

namespace {

constexpr const char* kRuler =
    "=============================================================================";
constexpr const char* kThinRuler =
    "-----------------------------------------------------------------------------";
constexpr usize kMostBytes = 512;  // of an object that are shown

void print_head(const KmemCache& cache, const char* what) {
    printk(Level::Err, "%s", kRuler);
    printk(Level::Err, "BUG %s (%s): %s", cache.name(), tainted() != 0 ? "Tainted" : "Not tainted",
           what);
    printk(Level::Err, "%s", kThinRuler);
}

void print_end() {
    if (panic_describe_task != nullptr) panic_describe_task();
    print_backtrace(arch::frame_pointer(), 0);
    printk(Level::Err, "%s", kRuler);
    add_taint(Taint::BadPage);
}

/// Sixteen bytes a line, in hexadecimal and as text.
void dump(const char* what, const std::byte* from, usize bytes) {
    constexpr usize kRow = 16;
    for (usize at = 0; at < bytes; at += kRow) {
        char hex[3 * kRow + 1] = {}, text[kRow + 1] = {};
        for (usize i = 0; i < std::min(kRow, bytes - at); i++) {
            const u32 value = std::to_integer<u32>(from[at + i]);
            format_to(std::span(hex + 3 * i, 4), "%02x ", value);
            text[i] = value >= ' ' && value < 0x7f ? char(value) : '.';
        }
        printk(Level::Err, "%-9s %p: %-48s %s", what, static_cast<const void*>(from + at), hex,
               text);
    }
}

void print_caller(const char* verb, u64 caller) {
    const Symbol symbol = find_symbol(caller);
    printk(Level::Err, "%s %s+0x%lx/0x%lx", verb, symbol.name, symbol.offset, symbol.size);
}

void print_track(const KmemCache& cache, const std::byte* object, TrackOf which) {
    const Track& track = track_of(cache, object, which);
    if (track.caller[0] == 0) return;
    const Symbol symbol = find_symbol(track.caller[0]);
    const u64 now = time::jiffies_clock.count.load(std::memory_order_relaxed);
    printk(Level::Err, "%s in %s+0x%lx/0x%lx age=%lu cpu=%u pid=%u",
           which == TrackOf::Alloc ? "Allocated" : "Freed", symbol.name, symbol.offset, symbol.size,
           now - track.when, track.cpu, track.pid);
    for (usize i = 1; i < Track::kCallers && track.caller[i] != 0; i++) {
        print_caller("", track.caller[i]);
    }
}

void print_slab(Page& slab) {
    const SlabState state = read_state(slab);
    printk(Level::Err, "Slab %p objects=%u used=%u fp=0x%016lx flags=0x%x",
           static_cast<void*>(&slab), state.counters.objects, state.counters.inuse, state.freelist,
           slab.flags.load(std::memory_order_relaxed));
}

void print_object(const KmemCache& cache, const Page& slab, const std::byte* object) {
    const bool has_tracks = has(cache.flags, SlabFlags::StoreUser);
    if (has_tracks) {
        print_track(cache, object, TrackOf::Alloc);
        print_track(cache, object, TrackOf::Free);
    }
    print_slab(const_cast<Page&>(slab));
    printk(Level::Err, "Object %p @offset=%lu", static_cast<const void*>(object),
           u64(object - bytes_of(slab)));
    if (cache.red_left_pad > 0) {
        const usize shown = std::min<usize>(cache.red_left_pad, 64);
        dump("Redzone", object - shown, shown);
    }
    dump("Object", object, std::min<usize>(cache.object_size, kMostBytes));
    if (has(cache.flags, SlabFlags::RedZone)) {
        dump("Redzone", object + cache.object_size, cache.inuse - cache.object_size);
    }
    const u32 used = end_of_info(cache) + (has_tracks ? kTrackBytes : 0);
    const u32 end = cache.size - cache.red_left_pad - kasan_slot_bytes();
    if (end > used) dump("Padding", object + used, std::min<usize>(end - used, 64));
}

}  // namespace

void report_object(KmemCache& cache, Page& slab, std::byte* object, const char* what) {
    print_head(cache, what);
    if (is_valid_object(cache, slab, reinterpret_cast<u64>(object))) {
        print_object(cache, slab, object);
    } else {
        print_slab(slab);
        printk(Level::Err, "Object %p", static_cast<void*>(object));
    }
    print_end();
}

void report_overwritten(KmemCache& cache, Page& slab, std::byte* object, const Overwritten& range) {
    char what[64];
    format_to(what, "%s overwritten", range.what);
    print_head(cache, what);
    printk(Level::Err, "%p-%p @offset=%lu. First byte 0x%x instead of 0x%x",
           static_cast<void*>(range.first), static_cast<void*>(range.last),
           u64(range.first - bytes_of(slab)), std::to_integer<u32>(*range.first), range.value);
    if (object != nullptr) {
        print_object(cache, slab, object);
    } else {
        print_slab(slab);
        dump("Padding", range.first, std::min<usize>(usize(range.last - range.first) + 1, 64));
    }
    print_end();
    report_fix(cache, "Restoring %s %p-%p=0x%x", range.what, static_cast<void*>(range.first),
               static_cast<void*>(range.last), range.value);
}

void vreport_slab(KmemCache& cache, Page& slab, const char* format,
                  std::span<const FormatArg> args) {
    char what[160];
    vformat(what, format, args);
    print_head(cache, what);
    print_slab(slab);
    print_end();
}

void vreport_fix(KmemCache& cache, const char* format, std::span<const FormatArg> args) {
    char what[160];
    vformat(what, format, args);
    printk(Level::Err, "FIX %s: %s", cache.name(), what);
}

void report_wrong_cache(KmemCache& cache, Page& page, const void* object) {
    print_head(cache, "Wrong slab cache");
    const bool is_slab = page.has(kPageSlab);
    printk(Level::Err, "Object %p is of %s%s", object, is_slab ? "cache " : "no cache",
           is_slab ? page.slab_cache->name() : "");
    print_end();
    report_fix(cache, "Object at %p not freed", object);
}

void report_objects_remain(KmemCache& cache) {
    char what[96];
    format_to(what, "Objects remaining in %s on kmem_cache_destroy()", cache.name());
    print_head(cache, what);
    printk(Level::Err, "%lu objects in %lu slabs", cache.stats().objects_in_use,
           cache.stats().slabs);
    print_end();
}

}  // namespace mm
