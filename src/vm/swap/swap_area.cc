// Swap devices come and go. Linux: mm/swapfile.c (swapon, swapoff).

#include "core/log/printk.h"
#include "core/time/clock.h"
#include "lib/scope_guard.h"
#include "lib/string.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"
#include "sched/sched.h"
#include "vm/page_lock.h"
#include "vm/rmap.h"
#include "vm/swap/swap_info.h"

namespace vm {

namespace {

constinit sched::Mutex areas_mutex{"swap_areas"};  // devices come and go one at a time

u16* make_words(u64 count) {
    Result<void*> memory = mm::vmalloc(count * sizeof(u16));
    if (!memory.ok()) return nullptr;
    memset(memory.value(), 0, count * sizeof(u16));
    return static_cast<u16*>(memory.value());
}

int lowest_priority() {
    int lowest = -2;
    for (SwapInfo& info : swap_infos) {
        IrqGuard guard(info.lock);
        if (info.backend && info.priority <= lowest) lowest = info.priority - 1;
    }
    return lowest;
}

SwapInfo* unused_info() {
    for (SwapInfo& info : swap_infos) {
        IrqGuard guard(info.lock);
        if (!info.backend) return &info;
    }
    return nullptr;
}

/// Marks what cannot be used; returns how many slots can.
u64 mark_bad(u16* map, u16* in_cluster, const SwapArea& area) {
    u64 good = area.pages;
    const auto mark = [&](u64 slot) {
        if (slot >= area.pages || map[slot] == SwapInfo::kBad) return;
        map[slot] = SwapInfo::kBad;
        in_cluster[slot / SwapInfo::kCluster]++;
        good--;
    };
    mark(0);  // the header
    for (u32 slot : area.bad) mark(slot);
    return good;
}

void set_usable(SwapInfo& info, bool usable) {
    IrqGuard guard(info.lock);
    if (info.is_usable == usable) return;
    info.is_usable = usable;
    const u64 free = info.good - info.used;
    if (usable) {
        swap_total.fetch_add(info.good, std::memory_order_relaxed);
        swap_free_count.fetch_add(free, std::memory_order_relaxed);
    } else {
        swap_total.fetch_sub(info.good, std::memory_order_relaxed);
        swap_free_count.fetch_sub(free, std::memory_order_relaxed);
    }
}

u64 used_slots(SwapInfo& info) {
    IrqGuard guard(info.lock);
    return info.used;
}

/// Pages that nothing names any more, but that are still cached.
void drop_unnamed(SwapInfo& info) {
    u64 at = 0;
    for (;;) {
        mm::Page* page;
        {
            IrqGuard guard(info.lock);
            page = static_cast<mm::Page*>(info.cache.find(at));
            if (!page) return;
            mm::get_page(*page);
        }
        lock_page(*page);
        wait_on_page_writeback(*page);
        if (!is_page_mapped(*page) || page->has(mm::kPageAnon)) try_to_free_swap(*page);
        unlock_page(*page);
        mm::put_page(*page);
        if (at++ == ~u64{0}) return;
    }
}

/// Until nothing is left. EINTR.
Result<void> unuse(SwapInfo& info) {
    const auto device = static_cast<unsigned>(&info - swap_infos);
    while (used_slots(info) > 0) {
        unuse_spaces(device);
        unuse_mms(device);
        drop_unnamed(info);
        if (sched::fatal_signal_pending(sched::current())) return EINTR;
        if (used_slots(info) > 0) (void)sched::sleep_until(time::now_ns() + time::kNsPerMs).ok();
    }
    return {};
}

}  // namespace

Result<void> add_swap_area(const SwapArea& area) {
    sched::MutexGuard guard(areas_mutex);
    SwapInfo* info = unused_info();
    if (!info) return EPERM;
    u16* map = make_words(area.pages);
    u16* in_cluster = make_words(area.pages / SwapInfo::kCluster + 1);
    u64 good = 0;
    if (map && in_cluster) good = mark_bad(map, in_cluster, area);
    if (good == 0) {
        const bool no_memory = !map || !in_cluster;
        if (map) mm::vfree(map);
        if (in_cluster) mm::vfree(in_cluster);
        return no_memory ? ENOMEM : EINVAL;
    }
    const int priority = area.priority >= 0 ? area.priority : lowest_priority();
    {
        IrqGuard info_guard(info->lock);
        info->priority = priority;
        info->pages = area.pages;
        info->good = good;
        info->used = 0;
        info->next = 1;
        info->map = map;
        info->in_cluster = in_cluster;
        info->backend = area.backend;
    }
    set_usable(*info, true);
    char path[64] = {};
    const usize length = area.backend->describe(std::span(path, sizeof path - 1));
    path[std::min(length, sizeof path - 1)] = '\0';
    printk("Adding %luk swap on %s.  Priority:%d", good * (kPageSize / 1024), path, priority);
    return {};
}

Result<void> remove_swap_area(bool (*matches)(SwapBackend&, void*), void* context) {
    sched::MutexGuard guard(areas_mutex);
    SwapInfo* found = nullptr;
    for (SwapInfo& info : swap_infos) {
        SwapBackend* backend;
        {
            IrqGuard info_guard(info.lock);
            backend = info.backend;
        }
        if (backend && matches(*backend, context)) found = &info;
    }
    if (!found) return EINVAL;

    set_usable(*found, false);
    const u64 elsewhere = free_swap_pages() + mm::free_page_count() + cached_pages() / 2;
    Result<void> done = used_slots(*found) > elsewhere ? Result<void>(ENOMEM) : unuse(*found);
    if (!done.ok()) {
        set_usable(*found, true);
        return done;
    }
    SwapBackend* backend;
    u16 *map, *in_cluster;
    {
        IrqGuard info_guard(found->lock);
        backend = std::exchange(found->backend, nullptr);
        map = std::exchange(found->map, nullptr);
        in_cluster = std::exchange(found->in_cluster, nullptr);
        found->pages = 0;
    }
    mm::vfree(map);
    mm::vfree(in_cluster);
    backend->release();
    return {};
}

void for_each_swap_area(void (*body)(const SwapReport&, void*), void* context) {
    sched::MutexGuard guard(areas_mutex);
    for (SwapInfo& info : swap_infos) {
        SwapBackend* backend;
        u64 pages, used;
        int priority;
        {
            IrqGuard info_guard(info.lock);
            backend = info.backend;
            pages = info.good;
            used = info.used;
            priority = info.priority;
        }
        if (backend) body({*backend, pages, used, priority}, context);
    }
}

}  // namespace vm
