// LAB FILE (03-scheduling): switching between tasks, as far as the processor is concerned. See
// arch/task.h.

#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "arch/task.h"
#include "arch/x86_64/cpu/cpu_setup.h"
#include "arch/x86_64/cpu/fpu.h"
#include "arch/x86_64/cpu/segments.h"
#include "lib/lab.h"

namespace arch {

extern "C" {
/// LAB scheduling, task 1 "Switch" (handouts/03-scheduling.md). Write the body: an asm statement,
/// and nothing else, since a naked function gets no code from the compiler. rdi and rsi hold the
/// arguments.
///   Before  a task runs on its stack; `load_rsp` is what this function has stored for another task
///           when that one called it, or what prepare_stack() has made up. Interrupts are off.
///   After   the registers that a C++ function preserves are as the other task left them, its stack
///           is the stack, and it returns from *its* call of this function. What the first one
///           needs in order to go on some day lies on its stack; where, is in `*save_rsp`.
///   Check   `make grade LAB=scheduling T=switch`
///   Think   why need rax, rcx, rdx, rsi, rdi and r8-r11 not be saved? And rip?
[[gnu::naked, gnu::noinline]] void switch_stacks(u64* save_rsp, u64 load_rsp) {
#ifdef SOLVED_SCHEDULING
    asm("push %rbx\n"
        "push %rbp\n"
        "push %r12\n"
        "push %r13\n"
        "push %r14\n"
        "push %r15\n"
        "mov %rsp, (%rdi)\n"
        "mov %rsi, %rsp\n"  // from here on we are the other task
        "pop %r15\n"
        "pop %r14\n"
        "pop %r13\n"
        "pop %r12\n"
        "pop %rbp\n"
        "pop %rbx\n"
        "ret");
#else
    asm("jmp switch_stacks_todo");
#endif
}
void new_task_start();  // new_task.S
}

/// LAB scheduling, task 1 "Switch" (handouts/03-scheduling.md). Write the body.
///   Before  a stack that nobody uses; at its top lies the TrapFrame of a program, or room for one.
///   After   the first switch_stacks() to it arrives at new_task_start with rsp at the TrapFrame,
///           `entry` in rbx, and 0 in rbp (where a backtrace ends).
///   Use     what your switch_stacks() pops, in that order; TrapFrame; state.rsp.
///   Check   `make grade LAB=scheduling T=switch`
///   Think   draw the stack of a task that has just called switch_stacks(). What stands above the
///           registers?
void prepare_stack(TaskState& state, void* stack_top, void (*entry)()) {
#ifdef SOLVED_SCHEDULING
    u64* sp = reinterpret_cast<u64*>(static_cast<TrapFrame*>(stack_top) - 1);
    *--sp = reinterpret_cast<u64>(&new_task_start);
    *--sp = reinterpret_cast<u64>(entry);   // rbx
    for (int i = 0; i < 5; i++) *--sp = 0;  // rbp r12 r13 r14 r15
    state.rsp = reinterpret_cast<u64>(sp);
#else
    lab_todo("scheduling", "prepare_stack");
#endif
}

/// LAB scheduling, task 1 "Switch" (handouts/03-scheduling.md). Write the body.
///   Before  `from` runs; `to` is to run on this processor, its stack ends at `to_stack_top`.
///           Interrupts are off.
///   After   somebody has switched back. Before the stacks were switched: FPU state, segments and
///           debug registers were handed over (the latter only if one of the two has any), and
///           whoever enters the kernel from `to`'s program finds to_stack_top: by a system call in
///           the per-CPU word kernel_stack_top, by an interrupt in rsp[0] of the TSS.
///   Use     fpu_switch(), switch_segments(), debug.armed(), load_debug_registers(to.debug),
///           this_cpu_write(), this_cpu_tables().tss, switch_stacks().
///   Check   `make grade LAB=scheduling T=switch`
///   Think   why must nothing that `to` needs come after switch_stacks()?
void switch_to(TaskState& from, TaskState& to, void* to_stack_top) {
#ifdef SOLVED_SCHEDULING
    fpu_switch(from, to);
    switch_segments(from, to);
    if (from.debug.armed() || to.debug.armed()) [[unlikely]] {
        load_debug_registers(to.debug);
    }
    const u64 top = reinterpret_cast<u64>(to_stack_top);
    this_cpu_write(kernel_stack_top, top);
    this_cpu_tables().tss.rsp[0] = top;
    switch_stacks(&from.rsp, to.rsp);
#else
    lab_todo("scheduling", "switch_to");
#endif
}

}  // namespace arch
