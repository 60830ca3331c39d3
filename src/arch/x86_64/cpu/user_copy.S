// Copying from and to user memory. A user address may fault at any instruction here; the table
// .extable says for each such instruction where to go on instead. These functions are the only
// kernel code that may touch user addresses: SMAP stops all other.
//
// copy_user(void* to /* rdi */, const void* from /* rsi */, u64 bytes /* rdx */)
// clear_user_memory(void* to /* rdi */, u64 bytes /* rsi */)
// Both return in rax the number of bytes *not* done.
//
// Whole words move by rep movsq: byte string moves are seven times slower under emulation.

        .macro MAY_FAULT at, resume
        .pushsection .extable, "a"
        .quad \at, \resume
        .popsection
        .endm

        // Three-byte nops that cpu_init() turns into stac and clac where the processor has SMAP.
        .macro STAC
        .pushsection .smap_sites, "a"
        .quad 771f
        .popsection
771:    .byte 0x0f, 0x1f, 0x03
        .endm
        .macro CLAC
        .pushsection .smap_sites, "a"
        .quad 772f
        .popsection
772:    .byte 0x0f, 0x1f, 0x00
        .endm

        .section .user_copy.text, "ax"
        .globl copy_user
        .type  copy_user, @function
copy_user:
        STAC
        mov %rdx, %rcx
        shr $3, %rcx
1:      rep movsq
        mov %edx, %ecx
        and $7, %ecx
2:      rep movsb
        xor %eax, %eax
        CLAC
        ret
3:      and $7, %edx                            // faulted in the words: rcx of them are left;
        lea (%rdx, %rcx, 8), %rcx               // go on byte by byte up to the exact place
4:      rep movsb
5:      mov %rcx, %rax
        CLAC
        ret
        MAY_FAULT 1b, 3b
        MAY_FAULT 2b, 5b
        MAY_FAULT 4b, 5b
        .size copy_user, . - copy_user

        .globl clear_user_memory
        .type  clear_user_memory, @function
clear_user_memory:
        STAC
        xor %eax, %eax
        mov %rsi, %rcx
        shr $3, %rcx
1:      rep stosq
        mov %esi, %ecx
        and $7, %ecx
2:      rep stosb
        CLAC
        ret
3:      and $7, %esi
        lea (%rsi, %rcx, 8), %rcx
4:      rep stosb
5:      mov %rcx, %rax
        CLAC
        ret
        MAY_FAULT 1b, 3b
        MAY_FAULT 2b, 5b
        MAY_FAULT 4b, 5b
        .size clear_user_memory, . - clear_user_memory

// load_user_u32(const u32* from /* rdi */, u32* value /* rsi */): 0, or 1 if it faulted.
// compare_exchange_user_u32(u32* at /* rdi */, u32 expected /* esi */, u32 wanted /* edx */,
//                           u32* found /* rcx */): 0, or 1 if it faulted.
        .globl load_user_u32
        .type  load_user_u32, @function
load_user_u32:
        STAC
1:      mov (%rdi), %eax
        CLAC
        mov %eax, (%rsi)
        xor %eax, %eax
        ret
2:      CLAC
        mov $1, %eax
        ret
        MAY_FAULT 1b, 2b
        .size load_user_u32, . - load_user_u32

        .globl compare_exchange_user_u32
        .type  compare_exchange_user_u32, @function
compare_exchange_user_u32:
        STAC
        mov %esi, %eax
1:      lock cmpxchg %edx, (%rdi)
        CLAC
        mov %eax, (%rcx)
        xor %eax, %eax
        ret
2:      CLAC
        mov $1, %eax
        ret
        MAY_FAULT 1b, 2b
        .size compare_exchange_user_u32, . - compare_exchange_user_u32
