/* modify_ldt: writing entries of the table of segments. */
#ifndef VITRINE_LDT_H
#define VITRINE_LDT_H

#include "tests/segment.h"

enum { READ, WRITE_OLD, READ_DEFAULT, WRITE = 0x11 };
enum { NP = 11, SS = 12, GP = 13 };
#define IN_LDT(entry) ((entry)*8u | 7u)
#define UD2 0x0f, 0x0b
#define STORE_EAX 0x89, 0x03                /* mov %eax, (%ebx) */
#define STORE_EAX_16 0x66, 0x67, 0x89, 0x03 /* the same, in 16-bit code */

/* The kernel's result is an int in a long. */
static inline int modify_ldt(int function, void* at, unsigned long bytes) {
    long result;
    asm volatile("syscall"
                 : "=a"(result)
                 : "0"(SYS_modify_ldt), "D"(function), "S"(at), "d"(bytes)
                 : "rcx", "r11", "memory");
    CHECK_EQ(result >> 32, 0);
    return (int)result;
}
static inline int put_as(int function, uint32_t entry, const void* base, uint32_t limit,
                         uint32_t flags) {
    struct user_desc32 info = {entry, LOW(base), limit, flags};
    return modify_ldt(function, &info, sizeof info);
}
static inline int put(uint32_t entry, const void* base, uint32_t limit, uint32_t flags) {
    return put_as(WRITE, entry, base, limit, flags);
}
static inline int take_away(uint32_t entry) {
    return put(entry, NULL, 0, READ_EXEC_ONLY | NOT_PRESENT);
}

/* A kernel may be built without; ours is not. */
static inline void need_ldt(void) {
    uint64_t entry = 0;
    if (modify_ldt(READ, &entry, 8) == -ENOSYS) skip_case("this Linux has no modify_ldt");
}

#endif
