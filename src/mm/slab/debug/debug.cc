// Allocating and freeing in a cache that is debugged. Linux: alloc_debug_processing(),
// free_debug_processing() in mm/slub.c.

#include "mm/slab/debug/debug.h"

#include "mm/slab/debug/report.h"
#include "mm/slab/freelist.h"

namespace mm {

namespace {

bool is_checked(const KmemCache& cache) { return has(cache.flags, SlabFlags::ConsistencyChecks); }

std::byte* object_of(u64 at) { return reinterpret_cast<std::byte*>(at); }

/// Of a slab that is not to be trusted no object is handed out any more.
void retire(KmemCache& cache, KmemCacheNode& node, Page& slab) REQUIRES(node.list_lock) {
    report_fix(cache, "Marking all objects used");
    SlabState state = read_state(slab);
    state.counters.inuse = state.counters.objects;
    state.freelist = 0;
    set_state(slab, state);
    remove_partial(node, slab);
    node.full.push_back(slab);
}

bool check_before_alloc(KmemCache& cache, Page& slab, u64 object) {
    if (!is_checked(cache)) return true;
    if (!check_slab(cache, slab)) return false;
    if (!is_valid_object(cache, slab, object)) {
        report_object(cache, slab, object_of(object), "Freelist Pointer check fails");
        return false;
    }
    return check_object(cache, slab, object_of(object), kRedInactive);
}

/// From the first slab of the node's that can be trusted; null if there is none.
std::byte* take(KmemCache& cache, KmemCacheNode& node) REQUIRES(node.list_lock) {
    while (Page* const slab = node.partial.front()) {
        SlabState state = read_state(*slab);
        const u64 object = state.freelist;
        if (!check_before_alloc(cache, *slab, object)) {
            retire(cache, node, *slab);
            continue;
        }
        state = read_state(*slab);
        state.freelist = next_free(cache, object);
        state.counters.inuse++;
        set_state(*slab, state);
        if (state.freelist == 0) {
            remove_partial(node, *slab);
            node.full.push_back(*slab);
        }
        set_track(cache, object_of(object), TrackOf::Alloc);
        init_object(cache, object_of(object), kRedActive);
        return object_of(object);
    }
    return nullptr;
}

bool check_before_free(KmemCache& cache, Page& slab, std::byte* object) {
    if (!is_checked(cache)) return true;
    if (!check_slab(cache, slab)) return false;
    if (!is_valid_object(cache, slab, reinterpret_cast<u64>(object))) {
        report_slab(cache, slab, "Invalid object pointer %p", static_cast<void*>(object));
        return false;
    }
    if (is_on_freelist(cache, slab, reinterpret_cast<u64>(object))) {
        report_object(cache, slab, object, "Object already free");
        return false;
    }
    return check_object(cache, slab, object, kRedActive);
}

/// True: the slab has become empty and is one too many; then it is on no list.
bool put(KmemCache& cache, KmemCacheNode& node, Page& slab, std::byte* object)
    REQUIRES(node.list_lock) {
    set_track(cache, object, TrackOf::Free);
    init_object(cache, object, kRedInactive);
    SlabState state = read_state(slab);
    const bool was_full = state.freelist == 0;
    set_next_free(cache, reinterpret_cast<u64>(object), state.freelist);
    state.freelist = reinterpret_cast<u64>(object);
    state.counters.inuse--;
    set_state(slab, state);
    if (was_full) {
        node.full.remove(slab);
        add_partial(node, slab, Where::Tail);
    }
    if (state.counters.inuse > 0 || node.nr_partial <= cache.min_partial) return false;
    remove_partial(node, slab);
    return true;
}

}  // namespace

void* debug_alloc(KmemCache& cache, Gfp gfp) {
    KmemCacheNode& node = cache.node[0];
    for (;;) {
        {
            IrqGuard guard(node.list_lock);
            if (std::byte* const object = take(cache, node)) {
                count(cache, SlabStat::AllocSlowpath);
                return object;
            }
        }
        Page* const slab = new_slab(cache, gfp);
        if (slab == nullptr) return nullptr;
        IrqGuard guard(node.list_lock);
        SlabState state = read_state(*slab);
        state.counters.frozen = 0;
        set_state(*slab, state);
        add_partial(node, *slab, Where::Head);
    }
}

void debug_free(KmemCache& cache, Page& slab, void* memory) {
    KmemCacheNode& node = node_of(cache, slab);
    auto* const object = static_cast<std::byte*>(memory);
    bool is_empty = false;
    {
        IrqGuard guard(node.list_lock);
        if (!check_before_free(cache, slab, object)) {
            report_fix(cache, "Object at %p not freed", memory);
            return;
        }
        is_empty = put(cache, node, slab, object);
    }
    count(cache, SlabStat::FreeSlowpath);
    if (is_empty) discard_slab(cache, slab);
}

void debug_set_up_slab(KmemCache& cache, Page& slab, u32 objects) {
    if (has(cache.flags, SlabFlags::Poison)) {
        memset(bytes_of(slab), kPoisonInUse, kPageSize << slab.order);
    }
    for (u32 i = 0; i < objects; i++) {
        std::byte* const object = object_at(cache, slab, i);
        init_object(cache, object, kRedInactive);
        clear_tracks(cache, object);
    }
}

void debug_check_slab(KmemCache& cache, Page& slab) {
    if (!is_checked(cache)) return;
    check_slab(cache, slab);
    for (u32 i = 0; i < counters_of(slab).objects; i++) {
        check_object(cache, slab, object_at(cache, slab, i), kRedInactive);
    }
}

u64 validate_cache(KmemCache& cache) {
    u64 bad = 0;
    for (KmemCacheNode& node : cache.node) {
        IrqGuard guard(node.list_lock);
        const auto validate = [&](Page& slab) {
            for (u32 i = 0; i < counters_of(slab).objects; i++) {
                std::byte* const object = object_at(cache, slab, i);
                const bool free = is_on_freelist(cache, slab, reinterpret_cast<u64>(object));
                bad += !check_object(cache, slab, object, free ? kRedInactive : kRedActive);
            }
        };
        for (Page& slab : node.partial) validate(slab);
        for (Page& slab : node.full) validate(slab);
    }
    return bad;
}

}  // namespace mm
