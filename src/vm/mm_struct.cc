// Birth and death of address spaces, and whose is whose.

#include "vm/mm_struct.h"

#include "mm/slab.h"
#include "sched/sched.h"
#include "vm/ldt.h"
#include "vm/reclaim/reclaim.h"
#include "vm/swap/swap.h"
#include "vm/tables/loaded.h"
#include "vm/zap.h"

namespace vm {

namespace {

constinit mm::KmemCache mm_cache("mm_struct", sizeof(MmStruct), alignof(MmStruct));

/// Guards Task::mm against readers in other tasks.
constinit SpinLock task_mm_lock("task_mm", LockRank::MmList);

MmStruct* replace_task_mm(sched::Task& task, MmStruct* mm) {
    IrqGuard guard(task_mm_lock);
    MmStruct* old = task.mm;
    task.mm = mm;
    return old;
}

}  // namespace

MmStruct::MmStruct() : context_id(new_context_id()) {}

Result<MmStruct*> MmStruct::create() {
    void* memory = TRY(mm_cache.alloc(mm::Gfp::Kernel));
    MmStruct* mm = new (memory) MmStruct;
    Result<mm::PageTable*> table = mm::new_page_table();
    if (!table.ok()) {
        mm->~MmStruct();
        mm_cache.free(mm);
        return table.error();
    }
    mm->page_table = table.value();
    return mm;
}

bool MmStruct::try_get() {
    u32 seen = users_.load(std::memory_order_relaxed);
    while (seen != 0) {
        if (users_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) return true;
    }
    return false;
}

void MmStruct::put() {
    if (users_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    exit_mmap();
    drop();
}

/// Nobody lives here any more, so entries need no flush: nobody can use a stale translation. But
/// processors may still have the tables loaded, and walk them ahead of need; they have to leave
/// before the tables go.
void MmStruct::exit_mmap() {
    leave_mm_everywhere(*this);
    free_ldt(*this);
    TlbGather gather(*this);
    while (VmArea* area = areas.first()) {
        const VmArea* next = areas.next(*area);
        const AddrRange range{area->start, area->end};
        const AddrRange free{VirtAddr(0), next ? next->start : kUserTablesEnd};
        zap_range(gather, *this, range.start, range.end);
        remove_area(*area);  // truncation and reclaim no longer come here: the tables may go
        free_area(*area);
        IrqGuard guard(page_table_lock);
        unlink_tables(*this, range, free, gather.tables());
    }
    gather.flush();
    forget_mm_has_swap(*this);
    if (exe_file) exe_file->put();
    exe_file = nullptr;
    ASSERT(swap_pages.load() == 0);
    ASSERT(rss() == 0 && page_table_pages.load() == 0 && area_count == 0);
}

/// May run with interrupts off, in a task switch.
void MmStruct::drop() {
    if (pins_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    mm::free_page_table(*page_table);
    this->~MmStruct();
    mm_cache.free(this);
}

MmStruct* exec_mmap(MmStruct* mm) {
    IrqOffGuard irqs_off;  // no task switch between the two
    MmStruct* old = replace_task_mm(sched::current(), mm);
    load_mm(*mm);
    return old;
}

void exit_mm() {
    MmStruct* old = replace_task_mm(sched::current(), nullptr);
    if (old) old->put();
}

void init() {
    sched::switch_mm_hook = switch_mm;
    init_reclaim();
}

MmStruct* get_task_mm(sched::Task& task) {
    IrqGuard guard(task_mm_lock);
    return task.mm && task.mm->try_get() ? task.mm : nullptr;
}

MmStruct* grab_task_mm(sched::Task& task) {
    IrqGuard guard(task_mm_lock);
    if (task.mm) task.mm->grab();  // as long as the task has it, it has a user
    return task.mm;
}

}  // namespace vm
