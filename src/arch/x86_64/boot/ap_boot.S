// How the other processors come up. The STARTUP interrupt makes one begin in real mode at the
// start of a page below 1 MiB; smp.cc copies ap_trampoline there. Only position-independent
// code can run in that copy, so it goes to the linked kernel as soon as it can: real mode ->
// protected mode -> (enter_long_mode) -> 64 bits -> secondary_entry() in smp.cc.
// See: Intel SDM vol. 3, 8.4.4 (MP initialisation example).

        .set KERNEL_BASE, 0xffffffff80000000

        .section .rodata
        .globl ap_trampoline, ap_trampoline_end
        .code16
ap_trampoline:
        cli
        cld
        mov %cs, %ax                            // cs:0 is where the copy stands
        mov %ax, %ds
        lgdtl ap_gdt_pointer - ap_trampoline
        mov $0x11, %eax                         // protected mode
        mov %eax, %cr0
        ljmpl $0x18, $(ap_protected - KERNEL_BASE)
        .balign 4
ap_gdt_pointer:
        .short 4 * 8 - 1
        .long ap_gdt - KERNEL_BASE
ap_trampoline_end:

        .balign 8
ap_gdt:
        .quad 0
        .quad 0x00af9a000000ffff                // 0x08: 64-bit code
        .quad 0x00cf92000000ffff                // 0x10: data
        .quad 0x00cf9a000000ffff                // 0x18: 32-bit code

        .section .boot.text, "ax"
        .code32
ap_protected:
        mov $0x10, %ax
        mov %ax, %ds
        mov %ax, %es
        mov %ax, %ss
        mov ap_stack_phys - KERNEL_BASE, %esp   // the early tables are not on yet
        call enter_long_mode
        ljmp $8, $(ap_long - KERNEL_BASE)

        .code64
ap_long:
        xor %eax, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov %eax, %fs
        mov %eax, %gs
        mov $ap_high, %rax
        jmp *%rax
ap_high:
        mov kernel_cr3, %rax                    // from the early tables to the kernel's own,
        mov %rax, %cr3                          // where the real stack is mapped
        mov ap_stack, %rsp
        xor %ebp, %ebp
        call secondary_entry
1:      hlt
        jmp 1b

        .section .data
        .globl ap_stack, ap_stack_phys
        .balign 8
ap_stack:                                       // top of the new processor's idle stack
        .quad 0
ap_stack_phys:                                  // a few bytes for the first calls
        .long boot_stack_top - KERNEL_BASE
