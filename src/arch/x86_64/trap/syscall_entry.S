// SYSCALL enters here: rcx = user rip, r11 = user rflags, rsp still the user's, interrupts off
// (SFMASK clears IF, DF, TF, NT, AC). A complete arch::TrapFrame is built, so that fork, signals
// and ptrace find every register where they find it for a trap.
//
// Leaving by SYSRET is quicker than IRET, but only right if the frame is what SYSRET produces:
// rip = rcx, rflags = r11, plain user segments. And rip must be canonical: on Intel's processors
// SYSRET with a bad rip faults in ring 0, on the user's stack.
// See: Intel SDM vol. 2, SYSCALL and SYSRET; Linux' entry_64.S has the same tests.

        .set USER_DS, 0x2b
        .set USER_CS, 0x33
        .set RFLAGS_RF_TF, 0x10100

        .text
        .globl syscall_entry
syscall_entry:
        swapgs
        mov %rsp, %gs:user_rsp_scratch
        mov %gs:kernel_stack_top, %rsp
        push $USER_DS
        push %gs:user_rsp_scratch
        push %r11
        push $USER_CS
        push %rcx
        push %rax                               // orig_rax: the number
        push %rdi
        push %rsi
        push %rdx
        push %rcx
        push $-38                               // rax: ENOSYS until somebody knows better
        push %r8
        push %r9
        push %r10
        push %r11
        push %rbx
        push %rbp
        push %r12
        push %r13
        push %r14
        push %r15
        mov %rsp, %rdi
        xor %ebp, %ebp                          // a kernel backtrace ends here
        call handle_syscall                     // returns with interrupts off, all work done

        mov 16*8(%rsp), %rcx                    // rip
        cmp %rcx, 11*8(%rsp)                    // the saved rcx
        jne leave_by_iret
        mov 18*8(%rsp), %r11                    // rflags
        cmp %r11, 6*8(%rsp)                     // the saved r11
        jne leave_by_iret
        test $RFLAGS_RF_TF, %r11d
        jnz leave_by_iret
        cmpl $USER_CS, 17*8(%rsp)
        jne leave_by_iret
        cmpl $USER_DS, 20*8(%rsp)
        jne leave_by_iret
        mov %rcx, %rax                          // canonical and in the user half: bits 47-63
        shr $47, %rax
        jnz leave_by_iret

        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        add $8, %rsp                            // r11
        pop %r10
        pop %r9
        pop %r8
        pop %rax
        add $8, %rsp                            // rcx
        pop %rdx
        pop %rsi
        pop %rdi
        mov 4*8(%rsp), %rsp                     // past orig_rax, rip, cs, rflags: the user's rsp
        swapgs
        sysretq

leave_by_iret:
        incq %gs:syscall_iret_exits
        jmp return_to_user_iret

// SYSCALL of 32-bit code enters here, on AMD's processors only: ecx = user eip, r11 = user rflags,
// stack and GS are the user's. There is a door that all processors have, int $0x80, so this one says
// ENOSYS and touches nothing.
        .globl syscall_entry_32
syscall_entry_32:
        mov $-38, %eax
        sysretl

// A new user task's first return to user mode: sched switched to its stack, on which
// copy_thread() laid a TrapFrame.
        .globl first_return_to_user
first_return_to_user:
        mov %rsp, %rdi
        call finish_first_return                // interrupts off, signals looked at
        jmp return_to_user_iret
