// LAB FILE (05-slab): slabs with free objects that no processor hands out from: a node's list, and
// in front of it a short chain per processor, which needs no lock. Linux: get_partial_node(),
// acquire_slab(), put_cpu_partial(), unfreeze_partials() in mm/slub.c.

#include "lib/lab.h"
#include "mm/slab/freelist.h"
#include "mm/slab/internal.h"

namespace mm {

namespace {

enum class Take : u8 { Objects, SlabOnly };

/// LAB slab, task 5 "Partial slabs" (handouts/05-slab.md). Write the body.
///   Before  the slab has just been taken off the node's list, whose lock is held.
///   After   it is frozen. Take::Objects: its freelist, which is returned, is empty, and all its
///           objects count as in use. Take::SlabOnly: freelist and counters are as they were.
///   Use     read_state(), change_state().
///   Check   `make grade LAB=slab T=partial`
///   Think   the lock is held. Who can change the slab all the same?
[[maybe_unused]] u64 acquire_slab(KmemCache& cache, Page& slab, Take what) {
#ifdef SOLVED_SLAB
    for (;;) {
        const SlabState old = read_state(slab);
        SlabState next = old;
        next.counters.frozen = 1;
        if (what == Take::Objects) {
            next.freelist = 0;
            next.counters.inuse = old.counters.objects;
        }
        if (change_state(cache, slab, old, next)) return old.freelist;
    }
#else
    lab_todo("slab", "acquire_slab");
#endif
}

[[maybe_unused]] void push_cpu_partial(KmemCacheCpu& cpu, Page& slab) {
    slab.slab_next = cpu.partial;
    cpu.partial = &slab;
    cpu.partial_slabs++;
}

/// LAB slab, task 5 "Partial slabs" (handouts/05-slab.md). Write the body.
///   Before  the slab is frozen, its objects are on its own freelist, and it is in no processor's
///           chain any more.
///   After   it is not frozen. True: none of its objects is in use, and the node has min_partial
///           slabs or more; then it is on no list. Else it is at the end of the node's list
///           (FreeAddPartial).
///   Use     IrqGuard, read_state(), change_state(), add_partial().
///   Check   `make grade LAB=slab T=partial`
///   Think   what if the lock were taken only after it has been unfrozen?
[[maybe_unused]] bool unfreeze(KmemCache& cache, Page& slab) {
#ifdef SOLVED_SLAB
    KmemCacheNode& node = node_of(cache, slab);
    IrqGuard guard(node.list_lock);
    SlabState old{}, next{};
    do {
        old = next = read_state(slab);
        next.counters.frozen = 0;
    } while (!change_state(cache, slab, old, next));
    if (next.counters.inuse == 0 && node.nr_partial >= cache.min_partial) return true;
    add_partial(node, slab, Where::Tail);
    count(cache, SlabStat::FreeAddPartial);
    return false;
#else
    lab_todo("slab", "unfreeze");
#endif
}

}  // namespace

void add_partial(KmemCacheNode& node, Page& slab, Where where) {
    node.nr_partial++;
    if (where == Where::Tail) {
        node.partial.push_back(slab);
    } else {
        node.partial.push_front(slab);
    }
}

void remove_partial(KmemCacheNode& node, Page& slab) {
    node.partial.remove(slab);
    node.nr_partial--;
}

/// LAB slab, task 5 "Partial slabs" (handouts/05-slab.md). Write the body.
///   Before  interrupts are off, cpu.slab is null.
///   After   null if the node's list is empty. Else its first slab, off the list, frozen, with all
///           its free objects in `freelist`; and as long as there are more and this processor keeps
///           fewer than half of cpu_partial_slabs, the next one is frozen and moves to its chain
///           (each counted: CpuPartialNode).
///   Use     IrqGuard, remove_partial(), acquire_slab(), push_cpu_partial().
///   Check   `make grade LAB=slab T=partial`
Page* get_partial(KmemCache& cache, KmemCacheCpu& cpu, u64& freelist) {
#ifdef SOLVED_SLAB
    KmemCacheNode& node = cache.node[0];
    IrqGuard guard(node.list_lock);
    Page* const first = node.partial.front();
    if (first == nullptr) return nullptr;
    remove_partial(node, *first);
    freelist = acquire_slab(cache, *first, Take::Objects);
    while (cpu.partial_slabs < cache.cpu_partial_slabs / 2 && !node.partial.empty()) {
        Page& more = *node.partial.front();
        remove_partial(node, more);
        acquire_slab(cache, more, Take::SlabOnly);
        push_cpu_partial(cpu, more);
        count(cache, SlabStat::CpuPartialNode);
    }
    return first;
#else
    lab_todo("slab", "get_partial");
#endif
}

/// LAB slab, task 5 "Partial slabs" (handouts/05-slab.md). Write the body.
///   Before  interrupts are off; the slab is frozen, has free objects and is nobody's.
///   After   it is the first of this processor's chain. If that held cpu_partial_slabs or more, all
///           of those went to the node before (CpuPartialDrain).
///   Use     unfreeze_partials(), push_cpu_partial().
///   Check   `make grade LAB=slab T=partial`
///   Think   why all, and not just one?
void put_cpu_partial(KmemCache& cache, KmemCacheCpu& cpu, Page& slab) {
#ifdef SOLVED_SLAB
    if (cpu.partial_slabs >= cache.cpu_partial_slabs) {
        unfreeze_partials(cache, cpu);
        count(cache, SlabStat::CpuPartialDrain);
    }
    push_cpu_partial(cpu, slab);
#else
    lab_todo("slab", "put_cpu_partial");
#endif
}

/// LAB slab, task 5 "Partial slabs" (handouts/05-slab.md). Write the body.
///   Before  interrupts are off.
///   After   the processor's chain is empty: its slabs are in the node's list, or discarded (each
///           counted: DeactivateEmpty).
///   Use     unfreeze(), discard_slab().
///   Check   `make grade LAB=slab T=partial`
void unfreeze_partials(KmemCache& cache, KmemCacheCpu& cpu) {
#ifdef SOLVED_SLAB
    while (Page* const slab = cpu.partial) {
        cpu.partial = slab->slab_next;
        cpu.partial_slabs--;
        if (!unfreeze(cache, *slab)) continue;
        count(cache, SlabStat::DeactivateEmpty);
        discard_slab(cache, *slab);
    }
#else
    lab_todo("slab", "unfreeze_partials");
#endif
}

}  // namespace mm
