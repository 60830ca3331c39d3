// Stand-in kernel: from 32-bit mode, as GRUB (multiboot2) or QEMU (PVH) leave it, to C++ in the
// higher half. 1 GiB of memory is mapped twice, at 0 and at the kernel base, by 2 MiB pages.
#define PA(symbol) (symbol - 0xffffffff80000000)
        .section .multiboot, "a"
        .balign 8
header: .long 0xe85250d6, 0, header_end - header, -(0xe85250d6 + (header_end - header))
        .word 3, 0                      // tag: entry address
        .long 12, PA(_start)
        .balign 8
        .word 0, 0                      // tag: end
        .long 8
header_end:

        .section .note.Xen, "a"
        .long 4, 4, 18                  // XEN_ELFNOTE_PHYS32_ENTRY
        .asciz "Xen"
        .long PA(_start)

        .section .boot32, "ax"
        .code32
        .globl _start
_start:
        // Page tables: one table serves both halves of the address space.
        movl $PA(pdpt) + 3, PA(pml4)
        movl $PA(pdpt) + 3, PA(pml4) + 511 * 8
        movl $PA(pd) + 3, PA(pdpt)
        movl $PA(pd) + 3, PA(pdpt) + 510 * 8
        mov $PA(pd), %edi
        mov $0x83, %eax                 // present, writable, 2 MiB
        mov $512, %ecx
1:      mov %eax, (%edi)
        add $0x200000, %eax
        add $8, %edi
        loop 1b

        // Long mode: CR3, PAE, EFER.LME, paging.
        mov $PA(pml4), %eax
        mov %eax, %cr3
        mov %cr4, %eax
        or $0x20, %eax
        mov %eax, %cr4
        mov $0xc0000080, %ecx
        rdmsr
        or $0x100, %eax
        wrmsr
        mov %cr0, %eax
        or $0x80000000, %eax
        mov %eax, %cr0
        lgdt PA(gdt_register)
        ljmp $8, $PA(long_mode)

        .code64
long_mode:
        xor %eax, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $stack_top, %rsp
        movabs $kernel_main, %rax
        call *%rax

        .section .rodata
        .balign 8
gdt:    .quad 0, 0x00af9a000000ffff
gdt_register:
        .word 15
        .long PA(gdt)

        .bss
        .balign 4096
pml4:   .skip 4096
pdpt:   .skip 4096
pd:     .skip 4096
        .skip 8192
stack_top:
