// The smallest kernel that the emulator drivers can be tested with: entered by GRUB
// (multiboot2) or by QEMU (PVH note), it goes to 64-bit mode with the first GiB mapped at 0
// and at -2 GiB, and calls kernel_main(boot information, which door).
        .section .multiboot, "a"
        .balign 8
header: .long 0xe85250d6, 0, header_end - header
        .long -(0xe85250d6 + 0 + (header_end - header))
        .word 0, 0
        .long 8
header_end:

        .section .note.pvh, "a", @note
        .long 4, 4, 18
        .asciz "Xen"
        .long pvh_entry

        .section .boot, "ax"
        .code32
        .globl multiboot_entry
pvh_entry:
        mov $2, %esi
        jmp common
multiboot_entry:
        mov $1, %esi
common: cli
        mov $stack_top, %esp
        mov %ebx, %edi
        // pml4[0] = pml4[511] = pdpt; pdpt[0] = pdpt[510] = pd; pd = 512 pages of 2 MiB
        mov $pdpt + 3, %eax
        mov %eax, pml4
        mov %eax, pml4 + 511 * 8
        mov $pd + 3, %eax
        mov %eax, pdpt
        mov %eax, pdpt + 510 * 8
        xor %ecx, %ecx
        mov $0x83, %eax
1:      mov %eax, pd(, %ecx, 8)
        add $0x200000, %eax
        inc %ecx
        cmp $512, %ecx
        jb 1b
        mov $pml4, %eax
        mov %eax, %cr3
        mov %cr4, %eax
        or $0x20, %eax
        mov %eax, %cr4
        mov $0xc0000080, %ecx
        rdmsr
        or $0x100, %eax
        wrmsr
        mov %cr0, %eax
        or $0x80000001, %eax
        mov %eax, %cr0
        lgdt gdt_pointer
        ljmp $8, $long_mode
        .code64
long_mode:
        mov $16, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $0x5eed, %r15d
        call kernel_main
2:      cli
        hlt
        jmp 2b

        .balign 8
gdt:    .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
gdt_pointer:
        .word gdt_pointer - gdt - 1
        .long gdt

        .bss
        .balign 4096
pml4:   .skip 4096
pdpt:   .skip 4096
pd:     .skip 4096
        .skip 8192
stack_top:
