// Which areas may map an anonymous page: keeping the trees right. Linux: mm/rmap.c.

#include "vm/anon_vma.h"

#include "mm/slab.h"
#include "vm/huge/huge.h"
#include "vm/mm_struct.h"

namespace vm {

namespace {

constinit mm::KmemCache anon_vma_cache("anon_vma", sizeof(AnonVma), alignof(AnonVma));
constinit mm::KmemCache chain_cache("anon_vma_chain", sizeof(AnonVmaChain), alignof(AnonVmaChain));

/// Keeps an AnonVma from being freed between a look at page.anon_vma and counting on it.
struct FreeLock {
    SpinLock lock{"anon_vma_free", LockRank::MmList};
};
constexpr usize kFreeLocks = 16;
constinit FreeLock free_locks[kFreeLocks];

SpinLock& free_lock_of(const AnonVma* anon_vma) {
    return free_locks[reinterpret_cast<u64>(anon_vma) / alignof(mm::Page) % kFreeLocks].lock;
}

/// A new one, below `parent` if there is one. ENOMEM.
Result<AnonVma*> alloc_anon_vma(AnonVma* parent) {
    void* memory = TRY(anon_vma_cache.alloc(mm::Gfp::Kernel));
    auto* made = new (memory) AnonVma;
    made->parent = parent ? parent : made;
    made->root = parent ? parent->root : made;
    if (parent) made->root->get();
    return made;
}

Result<AnonVmaChain*> alloc_chain(VmArea& area, AnonVma* anon_vma) {
    void* memory = TRY(chain_cache.alloc(mm::Gfp::Kernel));
    return new (memory) AnonVmaChain{.area = &area, .anon_vma = anon_vma};
}

void free_chain(AnonVmaChain& chain) {
    chain.~AnonVmaChain();
    chain_cache.free(&chain);
}

void free_chains(AreaChain& chains) {
    while (AnonVmaChain* chain = chains.pop_front()) free_chain(*chain);
}

/// The root's lock is held.
void link(AnonVmaChain& chain) {
    chain.area->anon_vma_chain.push_back(chain);
    chain.anon_vma->areas.insert(chain);
}

/// True if the two, neighbours in this order, differ at most in their rights: they may become one
/// by mprotect(), if only they have the same AnonVma.
bool could_merge(const VmArea& left, const VmArea& right) {
    return left.end == right.start && left.file == right.file &&
           (left.flags & ~kVmAccess) == (right.flags & ~kVmAccess) &&
           left.page_offset + left.pages() == right.page_offset;
}

/// The AnonVma of a neighbour, to be used by `area`, too; null if none fits. An area that came
/// through a fork is not taken for it: ours would then need all of its chain.
AnonVma* reusable_anon_vma(const VmArea& area) {
    const VmArea* const next = area.mm->areas.next(area);
    const VmArea* const previous = area.mm->areas.prev(area);
    for (const VmArea* near : {next, previous}) {
        if (!near) continue;
        AnonVma* anon_vma = near->anon_vma.load(std::memory_order_acquire);
        if (!anon_vma || near->anon_vma_chain.front() != near->anon_vma_chain.back()) continue;
        if (near == next ? could_merge(area, *near) : could_merge(*near, area)) return anon_vma;
    }
    return nullptr;
}

/// Whether an AnonVma of which only others' areas make use may serve a new child's area as well:
/// the process that made it is gone, so this costs no precision, and a process that forks, ends,
/// and lets its child go on does not pile up one for each generation.
bool is_deserted(const AnonVma& anon_vma) {
    return anon_vma.children < 2 && anon_vma.active_areas == 0;
}

}  // namespace

void AnonVma::put() {
    if (ref_count.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    { IrqGuard wait(free_lock_of(this)); }  // for who looks at it in get_anon_vma()
    if (root != this) root->put();
    this->~AnonVma();
    anon_vma_cache.free(this);
}

/// Who maps a page stands in the tree until after the page is unmapped, so as long as the page is
/// mapped its AnonVma is not freed. Under the lock it is not even if that ends meanwhile.
AnonVma* get_anon_vma(const mm::Page& page) {
    for (;;) {
        AnonVma* anon_vma =
            std::atomic_ref(const_cast<mm::Page&>(page).anon_vma).load(std::memory_order_acquire);
        IrqGuard guard(free_lock_of(anon_vma));
        if (!page.has(mm::kPageAnon)) return nullptr;
        if (page.has(mm::kPageHead)) {
            if (!is_huge_mapped(const_cast<mm::Page&>(page))) return nullptr;
        } else if (page.map_count.load(std::memory_order_seq_cst) == 0) {
            return nullptr;
        }
        if (std::atomic_ref(const_cast<mm::Page&>(page).anon_vma).load() != anon_vma) continue;
        anon_vma->get();
        return anon_vma;
    }
}

Result<void> make_anon_vma(VmArea& area) {
    AnonVma* const reused = reusable_anon_vma(area);
    AnonVmaChain* chain = TRY(alloc_chain(area, reused));
    AnonVma* anon_vma = reused;
    if (!reused) {
        Result<AnonVma*> made = alloc_anon_vma(nullptr);
        if (!made.ok()) {
            free_chain(*chain);
            return made.error();
        }
        anon_vma = chain->anon_vma = made.value();
        anon_vma->children = 1;
    }
    bool was_first;
    {
        // Two threads may get here for one area, with different locks: the page-table lock decides.
        sched::WriteGuard guard(anon_vma->root->rwsem);
        IrqGuard decision(area.mm->page_table_lock);
        was_first = !area.anon_vma.load(std::memory_order_relaxed);
        if (was_first) {
            link(*chain);
            anon_vma->active_areas++;
            area.anon_vma.store(anon_vma, std::memory_order_release);
        }
    }
    if (was_first) return {};
    free_chain(*chain);
    if (!reused) anon_vma->put();
    return {};
}

Result<void> anon_vma_clone(VmArea& to, VmArea& from) {
    if (from.anon_vma_chain.empty()) return {};
    AreaChain made;
    for (const AnonVmaChain& chain : from.anon_vma_chain) {
        Result<AnonVmaChain*> copy = alloc_chain(to, chain.anon_vma);
        if (!copy.ok()) {
            free_chains(made);
            to.anon_vma.store(nullptr, std::memory_order_relaxed);
            return copy.error();
        }
        made.push_back(*copy.value());
    }
    AnonVma* own = to.anon_vma.load(std::memory_order_relaxed);
    AnonVmaGuard guard(from.anon_vma_chain.front()->anon_vma);
    while (AnonVmaChain* chain = made.pop_front()) {
        link(*chain);
        if (!own && is_deserted(*chain->anon_vma)) own = chain->anon_vma;
    }
    if (own) own->active_areas++;
    to.anon_vma.store(own, std::memory_order_relaxed);
    return {};
}

Result<void> anon_vma_fork(VmArea& child, VmArea& parent) {
    child.anon_vma.store(nullptr, std::memory_order_relaxed);
    TRY(anon_vma_clone(child, parent));
    if (child.has_anon()) return {};  // a deserted one

    AnonVma& above = *parent.anon_vma.load(std::memory_order_relaxed);
    Result<AnonVma*> made = alloc_anon_vma(&above);
    Result<AnonVmaChain*> chain =
        made.ok() ? alloc_chain(child, made.value()) : Result<AnonVmaChain*>(ENOMEM);
    if (!chain.ok()) {
        if (made.ok()) made.value()->put();
        unlink_anon_vmas(child);
        return ENOMEM;
    }
    AnonVmaGuard guard(&above);
    link(*chain.value());
    made.value()->active_areas = 1;
    above.children++;
    child.anon_vma.store(made.value(), std::memory_order_relaxed);
    return {};
}

void unlink_anon_vmas(VmArea& area) {
    if (area.anon_vma_chain.empty()) return;
    AnonVma& root = *area.anon_vma_chain.front()->anon_vma->root;
    root.get();  // its lock must outlive our letting go of it
    AreaChain last_ones;
    {
        AnonVmaGuard guard(&root);
        while (AnonVmaChain* chain = area.anon_vma_chain.pop_front()) {
            AnonVma& anon_vma = *chain->anon_vma;
            anon_vma.areas.erase(*chain);
            if (anon_vma.areas.empty()) {
                anon_vma.parent->children--;
                last_ones.push_back(*chain);
            } else {
                free_chain(*chain);
            }
        }
        AnonVma* own = area.anon_vma.load(std::memory_order_relaxed);
        if (own) own->active_areas--;
        area.anon_vma.store(nullptr, std::memory_order_relaxed);
    }
    while (AnonVmaChain* chain = last_ones.pop_front()) {
        chain->anon_vma->put();
        free_chain(*chain);
    }
    root.put();
}

}  // namespace vm
