// Every exception and interrupt enters here. Each vector has a stub of its own, since the
// processor does not tell which one it took; the stub completes the frame up to rdi and leaves
// the vector in edi. Then all run the same code: complete arch::TrapFrame, make sure that GS is
// the kernel's, call handle_trap(), and undo it all.
//
// The stubs stand 16 bytes apart, so that trap.cc can compute their addresses.
// See: Intel SDM vol. 3, 6.12-6.14.

        .set KERNEL_CS, 0x10
        .text

        .macro STUB vector
        .balign 16
        .if (\vector == 8) || ((\vector >= 10) && (\vector <= 14)) || (\vector == 17) || (\vector == 21)
        nop                                     // the processor has pushed an error code
        .else
        push $-1
        .endif
        push %rdi
        mov $\vector, %edi
        .if (\vector == 2) || (\vector == 8) || (\vector == 18)
        jmp paranoid_entry
        .elseif \vector == 1
        jmp debug_entry
        .else
        jmp trap_common
        .endif
        .endm

        .balign 16
        .globl trap_stubs
trap_stubs:
        .altmacro
        .set i, 0
        .rept 256
        STUB %i
        .set i, i + 1
        .endr
        .noaltmacro

        .macro SAVE_REGISTERS                   // all but rdi, which the stub has saved
        push %rsi
        push %rdx
        push %rcx
        push %rax
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
        .endm

        .macro RESTORE_REGISTERS
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        pop %r11
        pop %r10
        pop %r9
        pop %r8
        pop %rax
        pop %rcx
        pop %rdx
        pop %rsi
        pop %rdi
        .endm

        .macro CLAC                             // becomes clac where the processor has SMAP
        .pushsection .smap_sites, "a"
        .quad 771f
        .popsection
771:    .byte 0x0f, 0x1f, 0x00                  // 3-byte nop
        .endm

trap_common:
        SAVE_REGISTERS
        cld
        CLAC
        mov %edi, %esi
        mov %rsp, %rdi
        testb $3, 17*8(%rsp)                    // TrapFrame::cs: from user mode?
        jz 1f
        swapgs                                  // GS is the user's: take the kernel's
        xor %ebp, %ebp                          // a kernel backtrace ends here
        call handle_trap
        .globl return_to_user_iret
return_to_user_iret:                            // interrupts are off, the work is done
        testb $4, 20*8(%rsp)                    // TrapFrame::ss: a segment of the LDT?
        jnz leave_by_espfix
        swapgs
        RESTORE_REGISTERS
        add $8, %rsp                            // orig_rax
user_iret:
        iretq                                   // may fault on what a signal frame contained

1:      cmpq $user_iret, 16*8(%rsp)             // TrapFrame::rip
        je bad_iret
        call handle_trap                        // rbp is still that of the interrupted code
        RESTORE_REGISTERS
        add $8, %rsp
        iretq

// The stack segment may be one of 16 bits: see espfix.h. The frame of the IRET goes to this
// processor's tiny stack; rax becomes that one's address whose bits 16 to 31 are the user's, and is
// loaded from there at last.
leave_by_espfix:
        mov %gs:espfix_writable, %rdi
        mov 10*8(%rsp), %rax
        mov %rax, 0*8(%rdi)
        mov 16*8(%rsp), %rax                    // rip
        mov %rax, 1*8(%rdi)
        mov 17*8(%rsp), %rax                    // cs
        mov %rax, 2*8(%rdi)
        mov 18*8(%rsp), %rax                    // rflags
        mov %rax, 3*8(%rdi)
        mov 20*8(%rsp), %rax                    // ss
        mov %rax, 5*8(%rdi)
        mov 19*8(%rsp), %rax                    // rsp
        mov %rax, 4*8(%rdi)
        and $0xffff0000, %eax
        or %gs:espfix_address, %rax
        mov %rax, 10*8(%rsp)
        swapgs
        RESTORE_REGISTERS
        mov %rax, %rsp
        pop %rax
        .globl espfix_iret
espfix_iret:
        iretq                                   // if it faults: recover_from_espfix()

// It was user_iret that faulted: a segment or rip of the user's is not acceptable. The
// registers and GS are the user's again, so this becomes an exception of user mode. rdi: the frame;
// esi: the vector.
bad_iret:
        swapgs
        mov %esi, %ebx                          // the user's is in the frame
        call fix_bad_iret
        mov %rax, %rsp
        mov %rax, %rdi
        mov %ebx, %esi
        xor %ebp, %ebp
        call handle_trap
        jmp return_to_user_iret

// A debug exception has a stack of its own, as those below. One of user mode may sleep and be
// delivered as a signal, so its frame moves to the task's stack and goes the usual way.
debug_entry:
        testb $3, 3*8(%rsp)                     // rdi, -1, rip, cs: from user mode?
        jz paranoid_entry
        swapgs
        mov %rsp, %rdi
        mov %gs:kernel_stack_top, %rsp
        push 6*8(%rdi)                          // ss
        push 5*8(%rdi)                          // rsp
        push 4*8(%rdi)                          // rflags
        push 3*8(%rdi)                          // cs
        push 2*8(%rdi)                          // rip
        push 1*8(%rdi)                          // orig_rax
        push 0*8(%rdi)                          // rdi
        swapgs
        mov $1, %edi
        jmp trap_common

// NMI, double fault and machine check may strike between an entry and its swapgs, so the
// interrupted cs says nothing about GS. The kernel's GS base is a kernel address, i.e. negative;
// a user cannot make his so. They run on stacks of their own (IST) and never reschedule.
paranoid_entry:
        SAVE_REGISTERS
        cld
        CLAC
        mov %edi, %esi
        mov %rsp, %rdi
        xor %ebx, %ebx                          // ebx: 1 if we swap
        mov $0xc0000101, %ecx
        rdmsr
        test %edx, %edx
        js 1f
        swapgs
        inc %ebx
1:      call handle_on_own_stack
        test %ebx, %ebx
        jz 2f
        swapgs
2:      RESTORE_REGISTERS
        add $8, %rsp
        iretq
