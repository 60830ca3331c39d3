// The set of areas of an address space.

#include "vm/areas.h"

#include "abi/prctl.h"
#include "arch/layout.h"
#include "mm/slab.h"
#include "sched/signal_struct.h"
#include "sched/task.h"
#include "vm/huge/huge.h"
#include "vm/overcommit.h"

namespace vm {

namespace {

constinit mm::KmemCache area_cache("vm_area_struct", sizeof(VmArea), alignof(VmArea));

/// True if `right`, which begins where `left` ends, continues it in every respect.
bool continues(const VmArea& left, const VmArea& right) {
    if (left.end != right.start || left.flags != right.flags) return false;
    if (left.file != right.file) return false;
    if (left.flags & (kVmPfnMap | kVmGrowsDown)) return false;
    if (left.page_offset + left.pages() != right.page_offset) return false;
    if (!mm::same_policy(left.policy.get(), right.policy.get())) return false;
    // Pages of both must be found from the one that remains.
    AnonVma* const left_anon = left.anon_vma.load(std::memory_order_relaxed);
    AnonVma* const right_anon = right.anon_vma.load(std::memory_order_relaxed);
    return !left_anon || !right_anon || left_anon == right_anon;
}

/// Moves the ends of an area within the trees it stands in. Their locks are held.
void set_extent_locked(VmArea& area, VirtAddr start, VirtAddr end) NO_LOCK_ANALYSIS {
    AddressSpace* const mapping = mapping_of(area);
    const bool in_file = mapping && area.mapping_link.node.is_linked();
    if (area.start == start) {
        area.end = end;
        if (in_file) mapping->i_mmap.last_changed(area.mapping_link);
        for (AnonVmaChain& chain : area.anon_vma_chain) chain.anon_vma->areas.last_changed(chain);
        return;
    }
    if (in_file) mapping->i_mmap.erase(area.mapping_link);
    for (AnonVmaChain& chain : area.anon_vma_chain) chain.anon_vma->areas.erase(chain);
    // Moving the start keeps mm.areas in order: nothing stands between the old and the new one.
    area.page_offset = start >= area.start
                           ? area.page_offset + ((start - area.start) >> kPageShift)
                           : area.page_offset - ((area.start - start) >> kPageShift);
    area.start = start;
    area.end = end;
    if (in_file) mapping->i_mmap.insert(area.mapping_link);
    for (AnonVmaChain& chain : area.anon_vma_chain) chain.anon_vma->areas.insert(chain);
}

/// Lets `left` swallow `right`. Truncation and reclaim may walk the trees at this moment and must
/// find the pages of `right` in one of the two. False if there is no memory for that.
bool absorb(VmArea& left, VmArea& right) NO_LOCK_ANALYSIS {  // MappingGuard is conditional
    MmStruct& mm = *left.mm;
    AnonVma* const right_anon = right.anon_vma.load(std::memory_order_relaxed);
    if (right_anon && !left.has_anon()) {
        left.anon_vma.store(right_anon, std::memory_order_relaxed);
        if (!anon_vma_clone(left, right).ok()) return false;
    }
    if (right.soft_dirty.load(std::memory_order_relaxed)) left.soft_dirty.store(true);
    mm.areas.erase(right);
    mm.area_count--;
    {
        AddressSpace* const mapping = mapping_of(left);
        MappingGuard guard(mapping);
        AnonVmaGuard anon_guard(left.anon_vma.load(std::memory_order_relaxed));
        set_extent_locked(left, left.start, right.end);
        if (mapping) mapping->i_mmap.erase(right.mapping_link);
    }
    unlink_anon_vmas(right);
    free_area(right);  // `left` holds the file, so this is not its last reference
    return true;
}

}  // namespace

Result<VmArea*> alloc_area(MmStruct& mm, const AreaShape& shape) {
    void* memory = TRY(area_cache.alloc(mm::Gfp::Kernel));
    VmArea* area = new (memory) VmArea;
    area->start = shape.start;
    area->end = shape.end;
    area->flags = shape.flags;
    area->page_offset = shape.file ? shape.page_offset : shape.start.raw() >> kPageShift;
    area->file = shape.file;
    area->policy = shape.policy;
    area->mm = &mm;
    area->mapping_link.area = area;
    if (area->file) area->file->get();
    return area;
}

void free_area(VmArea& area) {
    ASSERT(area.anon_vma_chain.empty());
    if (area.file) area.file->put();
    area.~VmArea();
    area_cache.free(&area);
}

void free_dead_areas(AreaList& dead) {
    while (MappingLink* link = dead.pop_front()) free_area(*link->area);
}

void account_area(const VmArea& area, i64 pages) {
    MmStruct& mm = *area.mm;
    const u64 by = static_cast<u64>(pages);
    if (is_committed(area.flags)) commit(pages);
    if (pages < 0) mm.hiwater_vm.store(mm.peak_vm(), std::memory_order_relaxed);
    mm.total_vm.fetch_add(by, std::memory_order_relaxed);
    if (area.flags & kVmLocked) mm.locked_vm.fetch_add(by, std::memory_order_relaxed);
    if (area.flags & kVmGrowsDown) {
        mm.stack_vm.fetch_add(by, std::memory_order_relaxed);
    } else if ((area.flags & (kVmExec | kVmWrite)) == kVmExec) {
        mm.exec_vm.fetch_add(by, std::memory_order_relaxed);
    } else if ((area.flags & (kVmWrite | kVmShared)) == kVmWrite) {
        mm.data_vm.fetch_add(by, std::memory_order_relaxed);
    }
}

void set_area_flags(VmArea& area, u32 flags) {
    account_area(area, -static_cast<i64>(area.pages()));
    area.flags = flags;
    account_area(area, static_cast<i64>(area.pages()));
}

void insert_area(VmArea& area) NO_LOCK_ANALYSIS {  // MappingGuard is conditional
    AddressSpace* mapping = mapping_of(area);
    area.mm->areas.insert(area);
    area.mm->area_count++;
    account_area(area, static_cast<i64>(area.pages()));
    if (!mapping) return;
    MappingGuard guard(mapping);
    mapping->i_mmap.insert(area.mapping_link);
}

void insert_area_locked(VmArea& area) NO_LOCK_ANALYSIS {
    area.mm->areas.insert(area);
    area.mm->area_count++;
    account_area(area, static_cast<i64>(area.pages()));
    if (AddressSpace* mapping = mapping_of(area)) mapping->i_mmap.insert(area.mapping_link);
}

void remove_area(VmArea& area) NO_LOCK_ANALYSIS {  // MappingGuard is conditional
    MmStruct& mm = *area.mm;
    if (AddressSpace* mapping = mapping_of(area)) {
        MappingGuard guard(mapping);
        mapping->i_mmap.erase(area.mapping_link);
    }
    unlink_anon_vmas(area);
    mm.areas.erase(area);
    mm.area_count--;
    account_area(area, -static_cast<i64>(area.pages()));
}

void resize_area(VmArea& area, VirtAddr start, VirtAddr end) {
    MappingGuard guard(mapping_of(area));
    AnonVmaGuard anon_guard(area.anon_vma.load(std::memory_order_relaxed));
    const i64 before = static_cast<i64>(area.pages());
    set_extent_locked(area, start, end);
    account_area(area, static_cast<i64>(area.pages()) - before);
}

Result<VmArea*> split_area(VmArea& area, VirtAddr at) {
    ASSERT(area.start < at && at < area.end);
    MmStruct& mm = *area.mm;
    if (mm.area_count >= kMaxMapCount) return ENOMEM;
    if (area.has_anon() && at != huge_down(at)) split_huge(mm, at);
    VmArea* rest =
        TRY(alloc_area(mm, {at, area.end, area.flags, area.index_of(at), area.file, area.policy}));
    rest->page_offset = area.index_of(at);
    rest->soft_dirty.store(area.soft_dirty.load(std::memory_order_relaxed));
    rest->anon_vma.store(area.anon_vma.load(std::memory_order_relaxed));
    const Result<void> cloned = anon_vma_clone(*rest, area);
    if (!cloned.ok()) {
        free_area(*rest);  // not the file's last reference
        return cloned.error();
    }
    // Truncation and reclaim may walk the trees at this moment: they must see the pages in one of
    // the two.
    MappingGuard guard(mapping_of(area));
    AnonVmaGuard anon_guard(area.anon_vma.load(std::memory_order_relaxed));
    account_area(area, -static_cast<i64>(rest->pages()));
    insert_area_locked(*rest);
    set_extent_locked(area, area.start, at);
    return rest;
}

Result<void> split_at_ends(MmStruct& mm, VirtAddr start, VirtAddr end) {
    VmArea* first = mm.find_vma(start);
    if (first && first->start < start) TRY(split_area(*first, start));
    VmArea* last = mm.find_vma(end - 1);
    if (last && last->start < end && end < last->end) TRY(split_area(*last, end));
    return {};
}

VmArea& merge_area(VmArea& area) {
    MmStruct& mm = *area.mm;
    VmArea* next = mm.areas.next(area);
    if (next && continues(area, *next)) absorb(area, *next);
    VmArea* previous = mm.areas.prev(area);
    if (!previous || !continues(*previous, area)) return area;
    return absorb(*previous, area) ? *previous : area;
}

VmArea* MmStruct::find_vma(VirtAddr at) {
    return areas.first_where([at](const VmArea& area) { return at < area.end; });
}

bool is_range_free(MmStruct& mm, VirtAddr start, VirtAddr end) {
    const VmArea* next = mm.find_vma(start);
    return !next || end <= next->start;
}

bool is_range_covered(MmStruct& mm, VirtAddr start, VirtAddr end) {
    const VmArea* area = mm.find_vma(start);
    for (VirtAddr at = start; at < end; at = area->end, area = mm.areas.next(*area)) {
        if (!area || at < area->start) return false;
        if (end <= area->end) return true;
    }
    return true;
}

u64 rlimit(unsigned which) {
    const sched::SignalStruct* signal = sched::current().signal;
    return signal ? signal->rlimits[which].current : abi::RLIM_INFINITY;
}

Result<void> may_expand(MmStruct& mm, u64 pages, u32 flags) {
    const u64 total = mm.total_vm.load(std::memory_order_relaxed);
    if (total + pages > rlimit(abi::RLIMIT_AS) >> kPageShift) return ENOMEM;
    const bool is_data = (flags & (kVmWrite | kVmShared | kVmGrowsDown)) == kVmWrite;
    const u64 data = mm.data_vm.load(std::memory_order_relaxed);
    if (is_data && data + pages > rlimit(abi::RLIMIT_DATA) >> kPageShift) return ENOMEM;
    if (is_committed(flags) && !has_enough_memory(pages)) return ENOMEM;
    return {};
}

}  // namespace vm
