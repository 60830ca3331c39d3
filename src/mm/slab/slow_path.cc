// LAB FILE (05-slab): when this processor's freelist is empty, or an object comes back to a slab
// that is not its.
// Linux: ___slab_alloc(), __slab_free(), deactivate_slab() in mm/slub.c.

#include "lib/lab.h"
#include "mm/slab/debug/debug.h"
#include "mm/slab/freelist.h"
#include "mm/slab/internal.h"

namespace mm {

namespace {

/// LAB slab, task 4 "The slow path" (handouts/05-slab.md). Write the body.
///   Before  the slab is frozen, and this processor's. Others may give back to it meanwhile.
///   After   returns all that was on the slab's own freelist: that is empty now, and all its
///           objects count as in use. If it was empty already the slab is not frozen any more:
///           full, and nobody's.
///   Use     read_state(), change_state(), until it succeeds.
///   Check   `make grade LAB=slab T=slow`
///   Think   why must emptying and thawing be one step?
u64 get_freelist(KmemCache& cache, Page& slab) {
#ifdef SOLVED_SLAB
    for (;;) {
        const SlabState old = read_state(slab);
        SlabState next{.freelist = 0, .counters = old.counters};
        next.counters.inuse = old.counters.objects;
        next.counters.frozen = old.freelist != 0;
        if (change_state(cache, slab, old, next)) return old.freelist;
    }
#else
    lab_todo("slab", "get_freelist");
#endif
}

/// Makes the chain `freelist` this processor's, but for its first object, which it returns.
void* load_freelist(KmemCache& cache, KmemCacheCpu& cpu, u64 freelist) {
    cpu.freelist = next_free(cache, freelist);
    cpu.tid += kTidStep;
    return reinterpret_cast<void*>(freelist);
}

/// LAB slab, task 4 "The slow path" (handouts/05-slab.md). Write the body.
///   Before  interrupts are off.
///   After   an object, and the rest of its slab is on cpu.freelist, from the first of these that
///           has one: 1. cpu.freelist (it may have been filled since); 2. what others gave back to
///           cpu.slab (AllocRefill); if there is nothing, that slab is left (DeactivateBypass); 3.
///           the first slab of cpu.partial, which becomes cpu.slab (CpuPartialAlloc); 4.
///           get_partial() (AllocFromPartial). Null: none of them; then cpu.slab is null. Each
///           change took a new tid.
///   Use     load_freelist(), get_freelist(), get_partial(), count().
///   Check   `make grade LAB=slab T=slow`
void* take_object(KmemCache& cache, KmemCacheCpu& cpu) {
#ifdef SOLVED_SLAB
    if (cpu.freelist != 0) return load_freelist(cache, cpu, cpu.freelist);  // somebody was faster
    if (cpu.slab != nullptr) {
        if (const u64 freelist = get_freelist(cache, *cpu.slab)) {
            count(cache, SlabStat::AllocRefill);
            return load_freelist(cache, cpu, freelist);
        }
        cpu.slab = nullptr;
        cpu.tid += kTidStep;
        count(cache, SlabStat::DeactivateBypass);
    }
    if (Page* const slab = cpu.partial) {
        cpu.partial = slab->slab_next;
        cpu.partial_slabs--;
        cpu.slab = slab;
        count(cache, SlabStat::CpuPartialAlloc);
        return load_freelist(cache, cpu, get_freelist(cache, *slab));
    }
    u64 freelist;
    cpu.slab = get_partial(cache, cpu, freelist);
    if (cpu.slab == nullptr) return nullptr;
    count(cache, SlabStat::AllocFromPartial);
    return load_freelist(cache, cpu, freelist);
#else
    lab_todo("slab", "take_object");
#endif
}

/// Hands out from a fresh slab. Interrupts are off.
void* install(KmemCache& cache, KmemCacheCpu& cpu, Page& slab) {
    if (cpu.slab != nullptr) flush_slab(cache, cpu);  // installed while memory was looked for
    cpu.slab = &slab;
    return load_freelist(cache, cpu, get_freelist(cache, slab));
}

KmemCacheCpu& this_cpu_of(KmemCache& cache) {
    return this_cpu(*cache.cpu_slab.load(std::memory_order_relaxed));
}

/// LAB slab, task 4 "The slow path" (handouts/05-slab.md). Write the body.
///   Before  the chain head to tail are `how_many` objects of `slab`, which was not frozen a moment
///           ago, and must perhaps join or leave the node's list.
///   After   with the node's lock held they are on the slab's freelist, before what was there. If
///           it is frozen (somebody took it meanwhile) that is all. If none of its objects is in
///           use and the node has min_partial slabs or more, it has left the list if it was on it
///           (FreeRemovePartial), and is discarded, without the lock. Else, if its freelist was
///           empty, it has joined the list at the end (FreeAddPartial).
///   Use     IrqGuard, read_state(), set_next_free(), change_state(), add_partial(),
///           remove_partial(), discard_slab().
///   Check   `make grade LAB=slab T=slow`
///   Think   how do you know whether it was on the list?
void free_to_list(KmemCache& cache, Page& slab, u64 head, u64 tail, u32 how_many) {
#ifdef SOLVED_SLAB
    KmemCacheNode& node = node_of(cache, slab);
    bool is_empty = false;
    {
        IrqGuard guard(node.list_lock);
        SlabState old{}, next{};
        do {
            old = read_state(slab);
            set_next_free(cache, tail, old.freelist);
            next = {.freelist = head, .counters = old.counters};
            next.counters.inuse = u16(old.counters.inuse - how_many);
        } while (!change_state(cache, slab, old, next));
        if (old.counters.frozen != 0) return;  // taken meanwhile: its owner finds the objects
        is_empty = next.counters.inuse == 0 && node.nr_partial >= cache.min_partial;
        if (is_empty && old.freelist != 0) {
            remove_partial(node, slab);
            count(cache, SlabStat::FreeRemovePartial);
        } else if (!is_empty && old.freelist == 0) {
            add_partial(node, slab, Where::Tail);
            count(cache, SlabStat::FreeAddPartial);
        }
    }
    if (is_empty) discard_slab(cache, slab);
#else
    lab_todo("slab", "free_to_list");
#endif
}

/// LAB slab, task 4 "The slow path" (handouts/05-slab.md). Write the body.
///   Before  as free_to_list(), but nothing is known of the slab.
///   After   false, and nothing has changed, if the slab is not frozen and would have to leave the
///           list, since nothing of it would be in use; or to join it, since its freelist is empty
///           and processors of this cache keep no partial slabs. Else the chain is on its freelist.
///           If that was empty and it was not frozen, it is now, and in this processor's chain
///           (put_cpu_partial() with interrupts off; CpuPartialFree). If it was frozen: FreeFrozen.
///   Use     read_state(), set_next_free(), change_state(), put_cpu_partial(), this_cpu_of().
///   Check   `make grade LAB=slab T=slow`
///   Think   why may it be given back without a lock to a slab that is on a list?
bool free_without_lock(KmemCache& cache, Page& slab, u64 head, u64 tail, u32 how_many) {
#ifdef SOLVED_SLAB
    SlabState old{}, next{};
    do {
        old = read_state(slab);
        next = {.freelist = head, .counters = old.counters};
        next.counters.inuse = u16(old.counters.inuse - how_many);
        if (old.counters.frozen == 0) {
            if (old.freelist == 0 && cache.cpu_partial_slabs > 0) {
                next.counters.frozen = 1;  // it was full, on no list: this processor takes it
            } else if (old.freelist == 0 || next.counters.inuse == 0) {
                return false;
            }
        }
        set_next_free(cache, tail, old.freelist);
    } while (!change_state(cache, slab, old, next));
    if (old.counters.frozen != 0) {
        count(cache, SlabStat::FreeFrozen);
    } else if (next.counters.frozen != 0) {
        IrqOffGuard guard;
        put_cpu_partial(cache, this_cpu_of(cache), slab);
        count(cache, SlabStat::CpuPartialFree);
    }
    return true;
#else
    lab_todo("slab", "free_without_lock");
#endif
}

/// The chain from `head` on: its last object and its length.
[[maybe_unused]] u64 last_of(KmemCache& cache, u64 head, u32& length) {
    length = 1;
    for (u64 next; (next = next_free(cache, head)) != 0; head = next) length++;
    return head;
}

}  // namespace

void* alloc_slow(KmemCache& any, Gfp gfp) {
    if (!any.is_ready.load(std::memory_order_acquire)) [[unlikely]] {
        lay_out(any);
    }
    KmemCache& cache = *any.root;
    if (is_debugged(cache)) return debug_alloc(cache, gfp);
    void* object;
    {
        IrqOffGuard guard;
        object = take_object(cache, this_cpu_of(cache));
    }
    if (object == nullptr) {
        // With interrupts as the caller has them: looking for memory may take long and sleep.
        Page* const slab = new_slab(cache, gfp);
        if (slab == nullptr) return nullptr;
        IrqOffGuard guard;
        object = install(cache, this_cpu_of(cache), *slab);
    }
    count(cache, SlabStat::AllocSlowpath);
    return object;
}

void free_slow(KmemCache& cache, Page& slab, void* head, void* tail, u32 how_many) {
    if (is_debugged(cache)) return debug_free(cache, slab, head);
    // In alloc_fastpath + alloc_slowpath - free_… each object counts once.
    arch::this_cpu_add(cache.cpu_slab.load(std::memory_order_relaxed)
                           ->stat[static_cast<u8>(SlabStat::FreeSlowpath)],
                       how_many);
    const u64 first = reinterpret_cast<u64>(head), last = reinterpret_cast<u64>(tail);
    if (!free_without_lock(cache, slab, first, last, how_many)) {
        free_to_list(cache, slab, first, last, how_many);
    }
}

/// LAB slab, task 4 "The slow path" (handouts/05-slab.md). Write the body.
///   Before  interrupts are off, cpu.slab is not null.
///   After   this processor has no slab and an empty freelist, with a new tid (CpuslabFlush). With
///           the node's lock held: what was on it is on the slab's freelist, before what others
///           gave back (if there was any: DeactivateRemoteFrees), and the slab is not frozen. If
///           nothing of it is in use and the node has min_partial slabs or more: discarded, without
///           the lock (DeactivateEmpty). Else, if it has free objects, it is in the node's list: at
///           the head if this processor had some (DeactivateToHead), else at the end
///           (DeactivateToTail). Else on none (DeactivateFull).
///   Use     last_of(), read_state(), set_next_free(), change_state(), add_partial(),
///           discard_slab().
///   Check   `make grade LAB=slab T=slow`
void flush_slab(KmemCache& cache, KmemCacheCpu& cpu) {
#ifdef SOLVED_SLAB
    Page& slab = *cpu.slab;
    const u64 head = cpu.freelist;
    cpu.slab = nullptr;
    cpu.freelist = 0;
    cpu.tid += kTidStep;
    count(cache, SlabStat::CpuslabFlush);
    u32 length = 0;
    const u64 tail = head != 0 ? last_of(cache, head, length) : 0;

    KmemCacheNode& node = node_of(cache, slab);
    bool is_empty = false;
    {
        IrqGuard guard(node.list_lock);
        SlabState old{}, next{};
        do {
            old = read_state(slab);
            next = old;
            next.counters.frozen = 0;
            next.counters.inuse = u16(old.counters.inuse - length);
            if (head != 0) {
                next.freelist = head;
                set_next_free(cache, tail, old.freelist);
            }
        } while (!change_state(cache, slab, old, next));
        if (old.freelist != 0) count(cache, SlabStat::DeactivateRemoteFrees);
        is_empty = next.counters.inuse == 0 && node.nr_partial >= cache.min_partial;
        if (is_empty) {
            count(cache, SlabStat::DeactivateEmpty);
        } else if (next.freelist != 0) {
            add_partial(node, slab, head != 0 ? Where::Head : Where::Tail);
            count(cache, head != 0 ? SlabStat::DeactivateToHead : SlabStat::DeactivateToTail);
        } else {
            count(cache, SlabStat::DeactivateFull);
        }
    }
    if (is_empty) discard_slab(cache, slab);
#else
    lab_todo("slab", "flush_slab");
#endif
}

}  // namespace mm
