// What a debug exception leaves behind for a tracer.

#include "arch/cpu.h"
#include "arch/upcalls.h"
#include "arch/vectors.h"
#include "process/ptrace/ptrace.h"

namespace process {

bool ptrace_drops_fault(const arch::UserFault& fault) {
    if (fault.vector != arch::kDebug) return false;
    Task& task = sched::current();
    if (fault.code == abi::TRAP_TRACE) {
        if (!task.has(sched::kForcedTf) || task.has(sched::kSingleStep)) return false;
        disable_single_step(task);
        return true;
    }
    if (fault.code != abi::TRAP_HWBKPT || is_traced(task)) return false;
    const bool irqs = arch::irq_save();
    task.arch.debug = {};
    arch::load_debug_registers(task.arch.debug);
    arch::irq_restore(irqs);
    return true;
}

}  // namespace process

void upcall::debug_status(u64 status) {
    sched::Task& task = sched::current();
    task.arch.debug.status = status;
    if (!(status & arch::kDr6Breakpoints)) return;
    constexpr u64 kResumeFlag = 1 << 16;
    if (arch::hit_instruction(task.arch.debug, status)) {
        sched::user_frame(task).rflags |= kResumeFlag;
    }
}
