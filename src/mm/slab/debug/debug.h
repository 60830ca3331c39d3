/// Caches that are debugged: every allocation and every free goes through here, with the node's
/// list_lock held, and no processor has a slab of its own.
///
/// What stands around an object and in it, by flags (mm/slab.h):
///   Z  red zones before and behind it: kRedActive while it is in use, kRedInactive while it is
///   free P  kPoisonFree in it while it is free, kPoisonEnd as its last byte; kPoisonInUse in all
///   padding U  a Track for the last allocation and one for the last free, behind it F  all that is
///   checked at each allocation and each free
/// A bug is reported (report.h) and mended as far as that is possible: the bytes are restored, the
/// object is not freed, or the slab is never used again.
#pragma once

#include "mm/slab/internal.h"

namespace mm {

inline constexpr u8 kRedInactive = 0xbb, kRedActive = 0xcc;
inline constexpr u8 kPoisonInUse = 0x5a, kPoisonFree = 0x6b, kPoisonEnd = 0xa5;

/// Who did it, when, where.
struct Track {
    static constexpr usize kCallers = 5;
    u64 caller[kCallers];  // the innermost that is not the allocator's own; 0: nobody
    u64 when;              // in jiffies
    u32 cpu, pid;
};
inline constexpr u32 kTrackBytes = 2 * sizeof(Track);
enum class TrackOf : u8 { Alloc, Free };

inline bool is_poisoned(const KmemCache& cache) {
    return has(cache.flags, SlabFlags::Poison) && cache.ctor == nullptr &&
           !has(cache.flags, SlabFlags::TypesafeByRcu);
}
inline bool has_free_pointer_outside(const KmemCache& cache) { return cache.offset >= cache.inuse; }
/// Where the allocator's own part ends that begins at `inuse`: free pointer, then tracks.
inline u32 end_of_info(const KmemCache& cache) {
    return cache.inuse + (has_free_pointer_outside(cache) ? 8 : 0);
}
inline Track& track_of(const KmemCache& cache, const std::byte* object, TrackOf which) {
    auto* const at = const_cast<std::byte*>(object) + end_of_info(cache);
    return reinterpret_cast<Track*>(at)[static_cast<u8>(which)];
}

void* debug_alloc(KmemCache& cache, Gfp gfp);
void debug_free(KmemCache& cache, Page& slab, void* object);

/// Fills a fresh slab, before its free list is made.
void debug_set_up_slab(KmemCache& cache, Page& slab, u32 objects);
/// Before an empty slab goes: each object as it should be.
void debug_check_slab(KmemCache& cache, Page& slab);

// check.cc; all report what is wrong, and tell whether all was well
bool check_slab(KmemCache& cache, Page& slab);
bool check_object(KmemCache& cache, Page& slab, std::byte* object, u8 red);
bool is_valid_object(const KmemCache& cache, const Page& slab, u64 object);  // reports nothing
bool is_on_freelist(KmemCache& cache, Page& slab, u64 object);
void init_object(const KmemCache& cache, std::byte* object, u8 red);
/// Checks all objects of all slabs; returns the number of those that are not as they should be.
u64 validate_cache(KmemCache& cache);

// track.cc
void set_track(const KmemCache& cache, std::byte* object, TrackOf which);
void clear_tracks(const KmemCache& cache, std::byte* object);

}  // namespace mm
