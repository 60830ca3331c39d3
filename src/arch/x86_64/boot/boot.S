// The first instructions: from the loader's 32-bit protected mode to C++ in the higher half.
//
// Two doors lead in: GRUB jumps to multiboot2_start (eax = magic, ebx = information), QEMU's
// -kernel to pvh_start (ebx = start information). Both give us flat 32-bit segments, paging off,
// interrupts off, and no usable stack. See: Multiboot2 specification 3.3; Xen's PVH ABI.
//
// The early page tables built here map the first 4 GiB three times with 2 MiB pages: at 0 (so
// that the next instruction is still there when paging goes on), at the direct map, and the
// first GiB at the kernel's base. The boot steps replace them (early_map.cc); the other
// processors start on them.

        .set KERNEL_BASE, 0xffffffff80000000
        .set PRESENT_WRITABLE, 0x3
        .set LARGE, 0x80

        .section .multiboot2, "a"
        .balign 8
header:
        .long 0xe85250d6                        // magic
        .long 0                                 // i386 protected mode
        .long header_end - header
        .long -(0xe85250d6 + 0 + (header_end - header))
        .balign 8
        .short 6, 0                             // modules are to be page aligned
        .long 8
        .balign 8
        .short 0, 0                             // end of tags
        .long 8
header_end:

        .section .note.pvh, "a", @note
        .balign 4
        .long 4, 4, 18                          // sizes of name and value; PHYS32_ENTRY
        .asciz "Xen"
        .long pvh_start - KERNEL_BASE

        .section .boot.text, "ax"
        .code32
        .globl multiboot2_start
multiboot2_start:
        mov %eax, %ebp                          // ebp: magic, says whose information ebx is
        jmp boot32

        .globl pvh_start
pvh_start:
        mov (%ebx), %ebp                        // the structure begins with its magic

boot32:
        cld
        cli
        mov %ebx, %esi                          // esi: the information; cpuid overwrites ebx
        // The C++ world expects zeros here. GRUB and QEMU have cleared it; other loaders may not.
        mov $(__bss_start - KERNEL_BASE), %edi
        mov $(__bss_end - KERNEL_BASE), %ecx
        sub %edi, %ecx
        shr $2, %ecx
        xor %eax, %eax
        rep stosl
        mov $(boot_stack_top - KERNEL_BASE), %esp

        mov $0x80000000, %eax                   // can this processor do what we need?
        cpuid
        cmp $0x80000001, %eax
        jb no_long_mode
        mov $0x80000001, %eax
        cpuid
        mov %edx, %eax
        and $((1 << 29) | (1 << 20)), %eax      // 64-bit mode (SYSCALL comes with it), NX
        cmp $((1 << 29) | (1 << 20)), %eax
        jne no_long_mode

        // 2048 entries of 2 MiB each, in four tables that lie one behind the other.
        mov $(early_pd - KERNEL_BASE), %edi
        mov $(PRESENT_WRITABLE | LARGE), %eax
        xor %edx, %edx
        mov $2048, %ecx
1:      mov %eax, (%edi)
        mov %edx, 4(%edi)
        add $8, %edi
        add $0x200000, %eax
        loop 1b

        mov $(early_pd - KERNEL_BASE + PRESENT_WRITABLE), %eax
        mov %eax, early_pdpt_low - KERNEL_BASE
        mov %eax, early_pdpt_high - KERNEL_BASE + 510 * 8
        add $0x1000, %eax
        mov %eax, early_pdpt_low - KERNEL_BASE + 8
        add $0x1000, %eax
        mov %eax, early_pdpt_low - KERNEL_BASE + 16
        add $0x1000, %eax
        mov %eax, early_pdpt_low - KERNEL_BASE + 24
        mov $(early_pdpt_low - KERNEL_BASE + PRESENT_WRITABLE), %eax
        mov %eax, early_pml4 - KERNEL_BASE
        mov %eax, early_pml4 - KERNEL_BASE + 273 * 8    // 0xffff_8880_0000_0000
        mov $(early_pdpt_high - KERNEL_BASE + PRESENT_WRITABLE), %eax
        mov %eax, early_pml4 - KERNEL_BASE + 511 * 8

        call enter_long_mode
        lgdt boot_gdt_pointer - KERNEL_BASE
        ljmp $8, $(boot64 - KERNEL_BASE)

// Turns on PAE, long mode with no-execute, and paging with write protection. Also used by
// ap_boot.S, so it touches eax, ecx, edx only.
        .globl enter_long_mode
enter_long_mode:
        mov %cr4, %eax
        or $(1 << 5), %eax                      // PAE
        mov %eax, %cr4
        mov $(early_pml4 - KERNEL_BASE), %eax
        mov %eax, %cr3
        mov $0xc0000080, %ecx                   // EFER
        rdmsr
        or $((1 << 0) | (1 << 8) | (1 << 11)), %eax     // SYSCALL, long mode, no-execute
        wrmsr
        mov %cr0, %eax
        // no FPU emulation, no task switched; caches on (reset leaves CD and NW set)
        and $~((1 << 2) | (1 << 3) | (1 << 29) | (1 << 30)), %eax
        or $((1 << 31) | (1 << 16) | (1 << 5) | (1 << 1) | 1), %eax  // PG WP NE MP PE
        mov %eax, %cr0
        ret

no_long_mode:
        mov $(no_long_mode_text - KERNEL_BASE), %esi
        mov $0x3fb, %dx                         // COM1: 8 bits, no parity
        mov $3, %al
        out %al, %dx
2:      mov $0x3fd, %dx                         // wait for the transmitter
        in %dx, %al
        test $0x20, %al
        jz 2b
        lodsb
        test %al, %al
        jz 3f
        mov $0x3f8, %dx
        out %al, %dx
        jmp 2b
3:      hlt
        jmp 3b

        .code64
boot64:
        xor %eax, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov %eax, %fs
        mov %eax, %gs
        mov $boot64_high, %rax                  // from the identity map to the higher half
        jmp *%rax
boot64_high:
        mov $boot_stack_top, %rsp
        // The per-CPU template serves as this processor's copy until there are copies: GS base 0.
        xor %eax, %eax
        xor %edx, %edx
        mov $0xc0000101, %ecx
        wrmsr
        mov $0xc0000102, %ecx
        wrmsr
        mov %ebp, %edi                          // magic; esi is the information already
        xor %ebp, %ebp                          // backtraces end here
        call kernel_entry
4:      hlt
        jmp 4b

        .section .rodata
no_long_mode_text:
        .asciz "vitrine: this processor lacks 64-bit mode or no-execute; cannot run.\r\n"
        .balign 8
        .globl boot_gdt
boot_gdt:
        .quad 0
        .quad 0x00af9a000000ffff                // 64-bit kernel code
        .quad 0x00cf92000000ffff                // data
boot_gdt_end:
boot_gdt_pointer:
        .short boot_gdt_end - boot_gdt - 1
        .long boot_gdt - KERNEL_BASE

        .section .bss
        .balign 4096
        .globl early_pml4
early_pml4:
        .skip 4096
early_pdpt_low:
        .skip 4096
early_pdpt_high:
        .skip 4096
early_pd:
        .skip 4 * 4096
        .globl boot_stack, boot_stack_top
boot_stack:
        .skip 16384
boot_stack_top:
