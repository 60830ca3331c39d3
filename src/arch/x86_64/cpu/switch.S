// switch_stacks(u64* save_rsp /* rdi */, u64 load_rsp /* rsi */)
//
// Suspends this task and resumes another: the only place where the kernel changes stacks. To
// C++ it is a function call that returns later, when somebody switches back. So only what a call
// must preserve needs saving: rbx, rbp, r12-r15 and the stack pointer. The return address is on
// the stack already. A new task's stack is built to look as if it had once called this function;
// see prepare_stack() in task.cc.
//
// Interrupts are off. Task state and locks are the business of sched/core.cc.
        .text
        .globl switch_stacks
        .type  switch_stacks, @function
switch_stacks:
        push %rbx
        push %rbp
        push %r12
        push %r13
        push %r14
        push %r15

        mov %rsp, (%rdi)
        mov %rsi, %rsp                          // from here on we are the other task

        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        ret
        .size switch_stacks, . - switch_stacks

// Where a new task's first switch_stacks() returns to: rbx = what to run then.
        .globl new_task_start
new_task_start:
        call new_task_started                   // upcall::thread_started(), interrupts on again
        call *%rbx                              // a kernel thread does not come back from this;
        jmp first_return_to_user                // a user task's entry does nothing and returns

// load_segments(u16 code /* di */, u16 data /* si */): after lgdt, makes the processor read the
// new descriptors. CS can only be loaded by a far return.
        .globl load_segments
load_segments:
        mov %si, %ss
        xor %eax, %eax
        mov %ax, %ds                            // these four are the programs' (segments.h)
        mov %ax, %es
        mov %ax, %fs
        mov %ax, %gs
        pop %rax
        movzwl %di, %edi
        push %rdi
        push %rax
        lretq
