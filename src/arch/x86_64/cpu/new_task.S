// The first instructions of a new task, and reloading segments. switch_stacks() is in switch_to.cc.

        .text
// Where a new task's first switch_stacks() returns to: rbx = what to run then. See prepare_stack().
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
