#include "process/rseq.h"

#include <cstddef>

#include "arch/layout.h"
#include "core/percpu/percpu.h"
#include "core/user/user_ptr.h"
#include "process/signal_internal.h"

namespace process {

namespace {

UserPtr<u64> section_of(const Task& task) {
    return UserPtr<u64>(task.rseq_area + offsetof(abi::Rseq, critical_section));
}

Result<void> write_cpu(const Task& task, u32 start, u32 id) {
    const u32 both[2] = {start, id};
    return copy_to_user(task.rseq_area, both, sizeof both);
}

/// The section is the program's claim. EINVAL, EFAULT.
Result<abi::RseqCs> read_section(const Task& task, u64 at) {
    if (!arch::is_user_range(VirtAddr(at), sizeof(abi::RseqCs))) return EINVAL;
    const abi::RseqCs section = TRY(UserPtr<const abi::RseqCs>(at).copy_in());
    const bool in_user_half = arch::is_user_address(VirtAddr(section.start)) &&
                              arch::is_user_range(VirtAddr(section.start), section.length) &&
                              arch::is_user_address(VirtAddr(section.abort));
    if (!in_user_half || section.version != 0 || section.flags != 0) return EINVAL;
    if (section.abort - section.start < section.length) return EINVAL;  // it would never end
    // The word before the abort address proves that the program meant to be sent there.
    const u32 signature = TRY(UserPtr<const u32>(section.abort - sizeof(u32)).copy_in());
    if (signature != task.rseq_signature) return EINVAL;
    return section;
}

Result<void> leave_section(const Task& task, arch::TrapFrame& frame) {
    const u64 at = TRY(section_of(task).copy_in());
    if (at == 0) return {};
    const abi::RseqCs section = TRY(read_section(task, at));
    TRY(section_of(task).copy_out(0));
    const bool inside = frame.rip - section.start < section.length;
    if (inside) frame.rip = section.abort;
    return {};
}

Result<void> check_area(VirtAddr area, u32 size) {
    if (size != sizeof(abi::Rseq) || area.raw() % sizeof(abi::Rseq) != 0) return EINVAL;
    if (!arch::is_user_range(area, size)) return EFAULT;
    return {};
}

}  // namespace

Result<void> rseq_register(VirtAddr area, u32 size, u32 signature) {
    Task& task = sched::current();
    if (task.rseq_area.raw() != 0) {
        if (task.rseq_area != area || size != sizeof(abi::Rseq)) return EINVAL;
        return task.rseq_signature != signature ? EPERM : EBUSY;
    }
    TRY(check_area(area, size));
    task.rseq_area = area;
    task.rseq_signature = signature;
    task.set(sched::kRseqWork);  // the way out fills it in
    return {};
}

Result<void> rseq_unregister(VirtAddr area, u32 size, u32 signature) {
    Task& task = sched::current();
    if (area.raw() == 0 || task.rseq_area != area || size != sizeof(abi::Rseq)) return EINVAL;
    if (task.rseq_signature != signature) return EPERM;
    TRY(write_cpu(task, 0, abi::RSEQ_CPU_ID_UNINITIALIZED));
    rseq_forget(task);
    return {};
}

void rseq_resume(arch::TrapFrame& frame) {
    Task& task = sched::current();
    task.clear(sched::kRseqWork);  // first: losing the processor from here on sets it again
    if (task.rseq_area.raw() == 0) return;
    Result<void> done = leave_section(task, frame);
    const u32 cpu = cpu_id();
    if (done.ok()) done = write_cpu(task, cpu, cpu);
    if (!done.ok()) force_sigsegv(0);
}

void rseq_forget(Task& task) {
    task.rseq_area = VirtAddr(0);
    task.rseq_signature = 0;
    task.clear(sched::kRseqWork);
}

void rseq_fork(Task& child, const Task& parent, bool shares_memory) {
    if (shares_memory || parent.rseq_area.raw() == 0) return;
    child.rseq_area = parent.rseq_area;
    child.rseq_signature = parent.rseq_signature;
    child.set(sched::kRseqWork);
}

}  // namespace process
