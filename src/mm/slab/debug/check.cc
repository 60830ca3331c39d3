// LAB FILE (05-slab): is a slab, or an object, as it should be? Linux: check_slab(),
// check_object(), on_freelist().

#include "lib/lab.h"
#include "mm/kasan.h"
#include "mm/slab/debug/debug.h"
#include "mm/slab/debug/report.h"
#include "mm/slab/freelist.h"

namespace mm {

namespace {

/// `bytes` bytes from `at` should all be `value`. If not: reports, and makes them so.
struct Zone {
    const char* what;
    std::byte* at;
    usize bytes;
    u8 value;
};

/// The first byte that differs, or the end.
[[maybe_unused]] std::byte* first_wrong(const Zone& zone) {
    std::byte* at = zone.at;
    while (at < zone.at + zone.bytes && *at == std::byte{zone.value}) at++;
    return at;
}

/// LAB slab, task 7 "Checks" (handouts/05-slab.md). Write the body.
///   Before  `zone` may have no bytes.
///   After   true if all its bytes are zone.value. Else what differs was reported, from the first
///           to the last byte that does, and then made as it should be.
///   Use     first_wrong(), report_overwritten(), memset().
///   Check   `make grade LAB=slab T=debug`
///   Think   why mend it?
bool check_zone(KmemCache& cache, Page& slab, std::byte* object, const Zone& zone) {
#ifdef SOLVED_SLAB
    std::byte* const first = first_wrong(zone);
    std::byte* last = zone.at + zone.bytes;
    if (first == last) return true;
    while (last[-1] == std::byte{zone.value}) last--;
    report_overwritten(cache, slab, object,
                       {.what = zone.what, .first = first, .last = last - 1, .value = zone.value});
    memset(first, zone.value, usize(last - first));
    return false;
#else
    lab_todo("slab", "check_zone");
#endif
}

/// Padding behind all that a slot holds.
bool check_padding(KmemCache& cache, Page& slab, std::byte* object) {
    u32 used = end_of_info(cache);
    if (has(cache.flags, SlabFlags::StoreUser)) used += kTrackBytes;
    const u32 end = cache.size - cache.red_left_pad - kasan_slot_bytes();
    if (end <= used) return true;
    return check_zone(cache, slab, object,
                      {"Object padding", object + used, end - used, kPoisonInUse});
}

/// LAB slab, task 7 "Checks" (handouts/05-slab.md). Write the body.
///   Before  `red` is what the zones should hold.
///   After   both were checked, and mended: red_left_pad bytes before the object ("Left Redzone"),
///           and what is behind it up to cache.inuse ("Right Redzone"). Whether both were well.
///   Use     check_zone().
///   Check   `make grade LAB=slab T=debug`
[[maybe_unused]] bool check_red_zones(KmemCache& cache, Page& slab, std::byte* object, u8 red) {
#ifdef SOLVED_SLAB
    const bool left =
        check_zone(cache, slab, object,
                   {"Left Redzone", object - cache.red_left_pad, cache.red_left_pad, red});
    return check_zone(cache, slab, object,
                      {"Right Redzone", object + cache.object_size, cache.inuse - cache.object_size,
                       red}) &&
           left;
#else
    lab_todo("slab", "check_red_zones");
#endif
}

/// LAB slab, task 7 "Checks" (handouts/05-slab.md). Write the body.
///   Before  the object is free, and poisoned.
///   After   all but the last byte was checked to be kPoisonFree ("Poison"), then the last to be
///           kPoisonEnd ("End Poison"). Whether all was well.
///   Use     check_zone().
///   Check   `make grade LAB=slab T=debug`
[[maybe_unused]] bool check_poison(KmemCache& cache, Page& slab, std::byte* object) {
#ifdef SOLVED_SLAB
    const u32 size = cache.object_size;
    return check_zone(cache, slab, object, {"Poison", object, size - 1, kPoisonFree}) &&
           check_zone(cache, slab, object, {"End Poison", object + size - 1, 1, kPoisonEnd});
#else
    lab_todo("slab", "check_poison");
#endif
}

/// What follows in the chain is an object, too; else the chain ends here.
bool check_free_pointer(KmemCache& cache, Page& slab, std::byte* object) {
    const u64 at = reinterpret_cast<u64>(object);
    const u64 next = next_free(cache, at);
    if (next == 0 || is_valid_object(cache, slab, next)) return true;
    report_object(cache, slab, object, "Freepointer corrupt");
    set_next_free(cache, at, 0);
    return false;
}

}  // namespace

/// LAB slab, task 7 "Checks" (handouts/05-slab.md). Write the body.
///   Before  `object` is any number.
///   After   whether an object of this slab begins there.
///   Use     object_at(), counters_of().
///   Check   `make grade LAB=slab T=debug`
bool is_valid_object(const KmemCache& cache, const Page& slab, u64 object) {
#ifdef SOLVED_SLAB
    const u64 first = reinterpret_cast<u64>(object_at(cache, slab, 0));
    if (object < first) return false;
    const u64 distance = object - first;
    return distance % cache.size == 0 && distance / cache.size < counters_of(slab).objects;
#else
    lab_todo("slab", "is_valid_object");
#endif
}

bool check_slab(KmemCache& cache, Page& slab) {
    const SlabCounters counters = counters_of(slab);
    const u64 most = (kPageSize << slab.order) / cache.size;
    if (counters.objects > most) {
        report_slab(cache, slab, "objects %u > max %lu", counters.objects, most);
        return false;
    }
    if (counters.inuse > counters.objects) {
        report_slab(cache, slab, "inuse %u > max %u", counters.inuse, counters.objects);
        return false;
    }
    if (!has(cache.flags, SlabFlags::Poison)) return true;
    const usize used = usize{counters.objects} * cache.size;
    return check_zone(
        cache, slab, nullptr,
        {"Padding", bytes_of(slab) + used, (kPageSize << slab.order) - used, kPoisonInUse});
}

bool check_object(KmemCache& cache, Page& slab, std::byte* object, u8 red) {
    if (has(cache.flags, SlabFlags::RedZone)) {
        if (!check_red_zones(cache, slab, object, red)) return false;
    }
    if (has(cache.flags, SlabFlags::Poison)) {
        if (red == kRedInactive && is_poisoned(cache) && !check_poison(cache, slab, object)) {
            return false;
        }
        if (!check_padding(cache, slab, object)) return false;
    }
    const bool pointer_is_ours = red == kRedInactive;
    return !pointer_is_ours || check_free_pointer(cache, slab, object);
}

/// LAB slab, task 7 "Checks" (handouts/05-slab.md). Write the body.
///   Before  `object` is any number; the slab's chain may be damaged.
///   After   whether the chain leads to it, before it leads anywhere that is no object. Comes to an
///           end in any case.
///   Use     read_state(), next_free(), is_valid_object(), counters_of().
///   Check   `make grade LAB=slab T=debug`
bool is_on_freelist(KmemCache& cache, Page& slab, u64 object) {
#ifdef SOLVED_SLAB
    u64 at = read_state(slab).freelist;
    for (u32 i = 0; at != 0 && i < counters_of(slab).objects; i++) {
        if (at == object) return true;
        if (!is_valid_object(cache, slab, at)) return false;
        at = next_free(cache, at);
    }
    return false;
#else
    lab_todo("slab", "is_on_freelist");
#endif
}

/// LAB slab, task 7 "Checks" (handouts/05-slab.md). Write the body.
///   Before  the object's bytes are of no use to anybody.
///   After   with RedZone, both zones are `red`; if the cache is_poisoned(), the object is
///           kPoisonFree, its last byte kPoisonEnd.
///   Use     memset(), is_poisoned().
///   Check   `make grade LAB=slab T=debug`
void init_object(const KmemCache& cache, std::byte* object, u8 red) {
#ifdef SOLVED_SLAB
    if (has(cache.flags, SlabFlags::RedZone)) {
        memset(object - cache.red_left_pad, red, cache.red_left_pad);
        memset(object + cache.object_size, red, cache.inuse - cache.object_size);
    }
    if (is_poisoned(cache)) {
        memset(object, kPoisonFree, cache.object_size - 1);
        object[cache.object_size - 1] = std::byte{kPoisonEnd};
    }
#else
    lab_todo("slab", "init_object");
#endif
}

}  // namespace mm
