// Switching between tasks, as far as the processor is concerned. See arch/task.h.

#include "arch/task.h"

#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "arch/upcalls.h"
#include "arch/x86_64/cpu/cpu_setup.h"
#include "arch/x86_64/cpu/fpu.h"
#include "arch/x86_64/cpu/segments.h"

namespace arch {

extern "C" {
void switch_stacks(u64* save_rsp, u64 load_rsp);
void new_task_start();
void new_task_started() { upcall::thread_started(); }
}

void switch_to(TaskState& from, TaskState& to, void* to_stack_top) {
    fpu_switch(from, to);
    switch_segments(from, to);
    if (from.debug.armed() || to.debug.armed()) [[unlikely]] {
        load_debug_registers(to.debug);
    }
    const u64 top = reinterpret_cast<u64>(to_stack_top);
    this_cpu_write(kernel_stack_top, top);
    this_cpu_tables().tss.rsp[0] = top;
    switch_stacks(&from.rsp, to.rsp);
}

void prepare_stack(TaskState& state, void* stack_top, void (*entry)()) {
    // Below the user's frame: what switch_stacks() pops (r15 … rbx), and where it returns to.
    u64* sp = reinterpret_cast<u64*>(static_cast<TrapFrame*>(stack_top) - 1);
    *--sp = reinterpret_cast<u64>(&new_task_start);
    *--sp = reinterpret_cast<u64>(entry);   // rbx
    for (int i = 0; i < 5; i++) *--sp = 0;  // rbp r12 r13 r14 r15
    state.rsp = reinterpret_cast<u64>(sp);
}

}  // namespace arch
