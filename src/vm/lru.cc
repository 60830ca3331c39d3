// Lists of pages by age. See lru.h.

#include "vm/lru.h"

#include "core/irq/ipi.h"
#include "core/percpu/percpu.h"
#include "core/percpu/preempt.h"
#include "mm/page_alloc.h"

namespace vm {

namespace {

using enum mm::VmItem;

/// Room for the lists, built by init_lru(): a global array may not hold what points to itself.
struct alignas(LruVec) LruVecRoom {
    std::byte bytes[sizeof(LruVec)];
};
constinit LruVecRoom lruvecs[mm::kMaxNodes] = {};
LruVec& lruvec_at(unsigned node) { return *reinterpret_cast<LruVec*>(lruvecs[node].bytes); }

struct LruBatch {
    static constexpr u32 kPages = 15;
    mm::Page* pages[kPages];
    u32 count;
    u64 dead;  // pages that died while they waited here or elsewhere; modulo 2^64
};
PER_CPU LruBatch lru_batch{};

constexpr mm::VmItem kItemOfList[kLruLists] = {InactiveAnon, ActiveAnon, InactiveFile, ActiveFile,
                                               Unevictable};

/// Frees pages that are on `pages` with a reference count of 0.
void free_unused(PageQueue& pages) {
    while (mm::Page* page = pages.pop_front()) {
        page->ref_count.store(1, std::memory_order_relaxed);
        page->flags.store(0, std::memory_order_relaxed);
        mm::free_pages(*page, 0);
    }
}

/// Off its list for good: nobody has a reference.
void remove_dead(LruVec& lruvec, mm::Page& page) REQUIRES(lruvec.lock) {
    lruvec.remove(page);
    page.flags.fetch_and(~u32{mm::kPageLru | mm::kPageUnevictable}, std::memory_order_relaxed);
}

/// The page's last reference is gone. True if the caller is to free it now; false: a batch will.
bool leave_batch(mm::Page& page) {
    if (!(page.flags.load(std::memory_order_acquire) & mm::kPageLruPending)) return true;
    const u32 old = page.flags.fetch_or(mm::kPageLruDead, std::memory_order_acq_rel);
    if (!(old & mm::kPageLruPending)) {  // it has just come onto a list
        page.flags.fetch_and(~u32{mm::kPageLruDead}, std::memory_order_relaxed);
        return true;
    }
    return false;
}

/// Holds the lock of one LruVec after another. Interrupts are off meanwhile.
class LruVecHolder {
public:
    LruVecHolder() = default;
    ~LruVecHolder() { hold(nullptr); }
    LruVecHolder(const LruVecHolder&) = delete;
    void hold(LruVec* lruvec) NO_LOCK_ANALYSIS {
        if (lruvec == held_) return;
        if (held_) held_->lock.unlock();
        held_ = lruvec;
        if (held_) held_->lock.lock();
    }

private:
    IrqOffGuard irqs_off_;
    LruVec* held_ = nullptr;
};

/// Interrupts are off.
void flush_batch(LruBatch& batch) NO_LOCK_ANALYSIS {
    PageQueue dead;
    {
        LruVecHolder holder;
        for (u32 i = 0; i < batch.count; i++) {
            mm::Page& page = *batch.pages[i];
            LruVec& lruvec = lruvec_of(page);
            holder.hold(&lruvec);
            // In one step: whoever drops the last reference sees it either here or on a list.
            const u32 old = page.flags.fetch_xor(mm::kPageLruPending | mm::kPageLru);
            if (old & mm::kPageLruDead) {
                dead.push_back(page);
                batch.dead--;
            } else {
                lruvec.add(page);
            }
        }
        batch.count = 0;
    }
    free_unused(dead);
}

void drain_here(void*) { lru_add_drain(); }

}  // namespace

void init_lru() {
    for (LruVecRoom& room : lruvecs) new (room.bytes) LruVec();
}

LruVec& lruvec_of(const mm::Page& page) { return lruvec_at(mm::node_of(page).id); }
LruVec& lruvec_of(const mm::Node& node) { return lruvec_at(node.id); }

LruList lru_list_of(const mm::Page& page) {
    const u32 flags = page.flags.load(std::memory_order_relaxed);
    if (flags & mm::kPageUnevictable) return kUnevictableList;
    const bool active = flags & mm::kPageActive;
    if (flags & mm::kPageSwapBacked) return active ? kActiveAnon : kInactiveAnon;
    return active ? kActiveFile : kInactiveFile;
}

void LruVec::add(mm::Page& page) {
    if (page.has(mm::kPageMlocked)) page.set(mm::kPageUnevictable);
    const LruList list = lru_list_of(page);
    lists[list].push_front(page);
    const u64 pages = mm::compound_pages(page);
    size[list] += pages;
    mm::count_vm(kItemOfList[list], static_cast<i64>(pages));
}

void LruVec::remove(mm::Page& page) {
    const LruList list = lru_list_of(page);
    PageQueue::remove(page);
    const u64 pages = mm::compound_pages(page);
    size[list] -= pages;
    mm::count_vm(kItemOfList[list], -static_cast<i64>(pages));
}

void lru_cache_add_irqoff(mm::Page& page) {
    LruBatch& batch = this_cpu(lru_batch);
    page.flags.fetch_or(mm::kPageLruPending, std::memory_order_relaxed);
    batch.pages[batch.count++] = &page;
    if (batch.count == LruBatch::kPages) [[unlikely]] {
        flush_batch(batch);
    }
}

void lru_cache_add(mm::Page& page) {
    IrqOffGuard guard;
    lru_cache_add_irqoff(page);
}

void lru_add_at_once(mm::Page& page) {
    LruVec& lruvec = lruvec_of(page);
    IrqGuard guard(lruvec.lock);
    page.set(mm::kPageLru);
    lruvec.add(page);
}

void lru_add_drain() {
    IrqOffGuard guard;
    LruBatch& batch = this_cpu(lru_batch);
    if (batch.count > 0) flush_batch(batch);
}

void lru_add_drain_all() { irq::on_each_cpu(drain_here, nullptr); }

void activate_page(mm::Page& page) {
    LruVec& lruvec = lruvec_of(page);
    IrqGuard guard(lruvec.lock);
    if (page.has(mm::kPageActive) || page.has(mm::kPageUnevictable)) return;
    const bool listed = page.has(mm::kPageLru);
    if (listed) lruvec.remove(page);
    page.set(mm::kPageActive);  // if it is not listed, it will be on the active list
    if (listed) lruvec.add(page);
    mm::count_vm(PageActivate);
}

void mark_page_accessed_slowly(mm::Page& page) {
    if (!page.has(mm::kPageReferenced)) {
        page.set(mm::kPageReferenced);
    } else if (!page.has(mm::kPageActive) && !page.has(mm::kPageUnevictable)) {
        activate_page(page);
        page.clear(mm::kPageReferenced);
    }
}

bool isolate_lru_page(mm::Page& page) {
    LruVec& lruvec = lruvec_of(page);
    IrqGuard guard(lruvec.lock);
    if (!page.has(mm::kPageLru)) return false;
    lruvec.remove(page);
    page.clear(mm::kPageLru);
    mm::get_page(page);
    return true;
}

void putback_lru_page(mm::Page& page) {
    LruVec& lruvec = lruvec_of(page);
    {
        IrqGuard guard(lruvec.lock);
        page.clear(mm::kPageUnevictable);  // add() sets it if it must be so
        page.set(mm::kPageLru);
        lruvec.add(page);
    }
    mm::put_page(page);
}

void mlock_page(mm::Page& page) {
    if (page.has(mm::kPageHead) || page.has(mm::kPageTail)) return;  // reclaim sees the area
    if (page.flags.fetch_or(mm::kPageMlocked) & mm::kPageMlocked) return;
    mm::count_vm(Mlocked);
    mm::count_vm(UnevictableMlocked);
    lru_add_drain();
    if (!isolate_lru_page(page)) return;
    page.clear(mm::kPageActive);
    putback_lru_page(page);
}

void munlock_page(mm::Page& page) {
    if (!(page.flags.fetch_and(~u32{mm::kPageMlocked}) & mm::kPageMlocked)) return;
    mm::count_vm(Mlocked, -1);
    mm::count_vm(UnevictableMunlocked);
    LruVec& lruvec = lruvec_of(page);
    IrqGuard guard(lruvec.lock);
    if (!page.has(mm::kPageLru) || !page.has(mm::kPageUnevictable)) return;
    lruvec.remove(page);
    page.clear(mm::kPageUnevictable);
    lruvec.add(page);
}

void release_pages(std::span<mm::Page*> pages) NO_LOCK_ANALYSIS {
    PageQueue unused;
    {
        LruVecHolder holder;
        for (mm::Page* each : pages) {
            mm::Page& page = mm::compound_head(*each);
            if (page.has(mm::kPageHead)) {
                holder.hold(nullptr);
                mm::put_page(page);
                continue;
            }
            if (page.ref_count.fetch_sub(1, std::memory_order_acq_rel) != 1) continue;
            if (!leave_batch(page)) {
                this_cpu(lru_batch).dead++;
                continue;
            }
            if (page.has(mm::kPageLru)) {
                LruVec& lruvec = lruvec_of(page);
                holder.hold(&lruvec);
                remove_dead(lruvec, page);
            }
            unused.push_back(page);
        }
    }
    free_unused(unused);
}

}  // namespace vm

bool mm::leave_lru(Page& page) {
    if (!vm::leave_batch(page)) {
        arch::this_cpu_add(vm::lru_batch.dead, u64{1});
        return false;
    }
    vm::LruVec& lruvec = vm::lruvec_of(page);
    IrqGuard guard(lruvec.lock);
    if (page.has(kPageLru)) vm::remove_dead(lruvec, page);
    return true;
}

u64 mm::dead_lru_pages() {
    u64 sum = 0;
    for_each_cpu(possible_cpus, [&](unsigned cpu) { sum += per_cpu(vm::lru_batch, cpu).dead; });
    return static_cast<i64>(sum) < 0 ? 0 : sum;
}
