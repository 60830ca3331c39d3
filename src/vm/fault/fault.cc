// The door for page faults of user addresses.

#include "vm/fault/fault.h"
#include "arch/cpu.h"
#include "arch/upcalls.h"
#include "core/trace/trace.h"
#include "sched/task.h"

namespace vm {

namespace {

/// As Linux' exceptions:page_fault_user.
struct PageFaultUser {
    static constexpr const char* kSystem = "exceptions";
    static constexpr const char* kName = "page_fault_user";
    u64 address, ip, error_code;
    static const trace::Field kFields[3];
    static trace::Event event;
};
const trace::Field PageFaultUser::kFields[] = {
    TRACE_FIELD_HEX(PageFaultUser, address),
    TRACE_FIELD_HEX(PageFaultUser, ip),
    TRACE_FIELD_HEX(PageFaultUser, error_code),
};
TRACE_POINT(PageFaultUser);

/// Write implies read here, as on the processor: there are no write-only pages.
bool is_allowed(u32 flags, upcall::Access access) {
    switch (access) {
    case upcall::Access::Write: return flags & kVmWrite;
    case upcall::Access::Execute: return flags & kVmExec;
    default: return flags & kVmAccess;
    }
}

}  // namespace

Result<FaultKind> fault_in_area(MmStruct& mm, VmArea& area, VirtAddr at, upcall::Access access,
                                Rights rights) {
    const u32 flags = rights == Rights::Possible ? area.flags >> 4 : area.flags;
    if (!is_allowed(flags, access)) return EACCES;
    const VirtAddr page = page_down(at);
    Pte* entry = TRY(alloc_pte(mm, page));
    const Fault fault{mm, area, page, access == upcall::Access::Write, entry, read_pte(entry)};

    if (fault.seen.is_none()) return area.file ? do_file_page(fault) : do_anonymous_page(fault);
    if (is_busy(fault.seen)) {
        arch::cpu_relax();
        return FaultKind::Minor;  // the access comes again, until the other thread is done
    }
    if (fault.write && !fault.seen.writable()) return do_wp_page(fault);
    return FaultKind::Minor;
}

Result<FaultKind> MmStruct::handle_mm_fault(VirtAddr at, upcall::Access access) {
    for (;;) {
        {
            sched::ReadGuard guard(mmap_lock);
            VmArea* area = find_vma(at);
            if (!area) return EFAULT;
            if (area->start <= at) return fault_in_area(*this, *area, at, access, Rights::Present);
            if (!(area->flags & kVmGrowsDown)) return EFAULT;
        }
        TRY(expand_stack(at));  // takes mmap_lock for writing; then look again
    }
}

}  // namespace vm

Result<void> upcall::page_fault(arch::TrapFrame& frame, VirtAddr at, Access access) {
    if (trace::is_enabled<vm::PageFaultUser>() && frame.from_user()) [[unlikely]] {
        trace::point(vm::PageFaultUser{at.raw(), frame.rip, frame.orig_rax});
    }
    sched::Task& task = sched::current();
    if (!task.mm) return EFAULT;
    const vm::FaultKind kind = TRY(task.mm->handle_mm_fault(at, access));
    (kind == vm::FaultKind::Major ? task.maj_faults : task.min_faults)++;
    mm::count_vm(mm::VmItem::PageFaults);
    if (kind == vm::FaultKind::Major) mm::count_vm(mm::VmItem::MajorFaults);
    return {};
}
