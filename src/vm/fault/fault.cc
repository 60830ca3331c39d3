// The door for page faults of user addresses.

#include "vm/fault/fault.h"

#include <optional>

#include "arch/cpu.h"
#include "arch/upcalls.h"
#include "core/trace/trace.h"
#include "sched/task.h"
#include "vm/huge/huge.h"
#include "vm/policy/policy.h"

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
    std::optional<mm::PolicyScope> scope;
    if (has_policy(area)) [[unlikely]] {
        scope.emplace(sched::current().mempolicy, *area.policy, area.index_of(at));
    }
    const VirtAddr page = page_down(at);
    const bool lost = is_lost(mm, area);
    Pte* entry = find_pte(*mm.page_table, page);
    if (!entry) {
        const bool write = access == upcall::Access::Write;
        if (find_huge(mm, page)) {
            do_huge_fault(mm, area, page, write);
            return FaultKind::Minor;
        }
        if (lost) return EFAULT;
        if (write && wants_huge_page(area, page) && do_huge_anonymous_page(mm, area, page)) {
            return FaultKind::Minor;
        }
        Result<Pte*> made = alloc_pte(mm, page);
        if (!made.ok() && made.error() == ENOENT) return FaultKind::Minor;  // huge by now
        entry = TRY(std::move(made));
    }
    const Fault fault{mm, area, page, access == upcall::Access::Write, entry, read_pte(entry)};

    if (fault.seen.is_none() && lost) return EFAULT;
    if (fault.seen.is_none()) return area.file ? do_file_page(fault) : do_anonymous_page(fault);
    if (is_swap(fault.seen)) return do_swap_page(fault);
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
