// Single steps by the trap flag. Linux: arch/x86/kernel/step.c.

#include "process/ptrace/ptrace.h"

namespace process {

namespace {
constexpr u64 kTrapFlag = 1 << 8;
}

void enable_single_step(Task& task) {
    arch::TrapFrame& frame = sched::user_frame(task);
    task.set(sched::kSingleStep);
    if (frame.rflags & kTrapFlag) return;  // the program's own: it stays
    frame.rflags |= kTrapFlag;
    task.set(sched::kForcedTf);
}

void disable_single_step(Task& task) {
    task.clear(sched::kSingleStep);
    if (!task.has(sched::kForcedTf)) return;
    task.clear(sched::kForcedTf);
    sched::user_frame(task).rflags &= ~kTrapFlag;
}

}  // namespace process
