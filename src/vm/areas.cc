// The set of areas of an address space.

#include "vm/areas.h"

#include "arch/layout.h"
#include "mm/slab.h"
#include "sched/signal_struct.h"
#include "sched/task.h"

namespace vm {

namespace {

constinit mm::KmemCache area_cache("vm_area_struct", sizeof(VmArea), alignof(VmArea));

/// True if `right`, which begins where `left` ends, continues it in every respect.
bool continues(const VmArea& left, const VmArea& right) {
    if (left.end != right.start || left.flags != right.flags) return false;
    if (left.file != right.file) return false;
    if (left.flags & (kVmPfnMap | kVmGrowsDown)) return false;
    return !left.file || left.page_offset + left.pages() == right.page_offset;
}

/// Lets `left` swallow `right`. Truncation may walk the file's list at this moment and must find
/// the pages of `right` in one of the two.
void absorb(VmArea& left, VmArea& right) {
    MmStruct& mm = *left.mm;
    if (right.has_anon.load(std::memory_order_relaxed)) left.has_anon.store(true);
    mm.areas.erase(right);
    mm.area_count--;
    if (AddressSpace* mapping = mapping_of(left)) {
        MappingGuard guard(mapping);
        AreaList::remove(right.mapping_link);
        left.end = right.end;
    } else {
        left.end = right.end;
    }
    free_area(right);  // `left` holds the file, so this is not its last reference
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
    area->mm = &mm;
    area->mapping_link.area = area;
    if (area->file) area->file->get();
    return area;
}

void free_area(VmArea& area) {
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

void insert_area(VmArea& area) NO_LOCK_ANALYSIS {  // MappingGuard is conditional
    AddressSpace* mapping = mapping_of(area);
    area.mm->areas.insert(area);
    area.mm->area_count++;
    account_area(area, static_cast<i64>(area.pages()));
    if (!mapping) return;
    MappingGuard guard(mapping);
    mapping->i_mmap.push_back(area.mapping_link);
}

void insert_area_behind(VmArea& area, VmArea& before) NO_LOCK_ANALYSIS {
    area.mm->areas.insert(area);
    area.mm->area_count++;
    account_area(area, static_cast<i64>(area.pages()));
    if (AddressSpace* mapping = mapping_of(area)) {
        mapping->i_mmap.insert_after(before.mapping_link, area.mapping_link);
    }
}

void remove_area(VmArea& area) {
    MmStruct& mm = *area.mm;
    if (AddressSpace* mapping = mapping_of(area)) {
        MappingGuard guard(mapping);
        AreaList::remove(area.mapping_link);
    }
    mm.areas.erase(area);
    mm.area_count--;
    account_area(area, -static_cast<i64>(area.pages()));
}

void resize_area(VmArea& area, VirtAddr start, VirtAddr end) {
    MappingGuard guard(mapping_of(area));
    const i64 before = static_cast<i64>(area.pages());
    // Moving the start keeps the tree in order: nothing stands between the old and the new one.
    area.page_offset = start >= area.start
                           ? area.page_offset + ((start - area.start) >> kPageShift)
                           : area.page_offset - ((area.start - start) >> kPageShift);
    area.start = start;
    area.end = end;
    account_area(area, static_cast<i64>(area.pages()) - before);
}

Result<VmArea*> split_area(VmArea& area, VirtAddr at) {
    ASSERT(area.start < at && at < area.end);
    MmStruct& mm = *area.mm;
    if (mm.area_count >= kMaxMapCount) return ENOMEM;
    VmArea* rest = TRY(alloc_area(mm, {at, area.end, area.flags, area.index_of(at), area.file}));
    rest->has_anon.store(area.has_anon.load(std::memory_order_relaxed));

    // Truncation may walk the file's list at this moment: it must see the pages in one of the two.
    MappingGuard guard(mapping_of(area));
    account_area(area, -static_cast<i64>(rest->pages()));
    insert_area_behind(*rest, area);
    area.end = at;
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
    absorb(*previous, area);
    return *previous;
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
    if ((flags & (kVmWrite | kVmShared | kVmGrowsDown)) != kVmWrite) return {};

    const u64 data = mm.data_vm.load(std::memory_order_relaxed);
    if (data + pages > rlimit(abi::RLIMIT_DATA) >> kPageShift) return ENOMEM;
    // The obvious overcommit only, as Linux' vm.overcommit_memory = 0: a promise that is not kept
    // ends in the OOM killer, but this one could never be.
    if (!(flags & kVmNoReserve) && pages > mm::total_pages()) return ENOMEM;
    return {};
}

}  // namespace vm
