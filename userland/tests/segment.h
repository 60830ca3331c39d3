/* Segments of a program's own: how they are described, loaded, and how code runs in them. */
#ifndef VITRINE_SEGMENT_H
#define VITRINE_SEGMENT_H

#include "tests/catch.h"

enum { USER_CS32 = 0x23, USER_DS = 0x2b, USER_CS = 0x33 };

struct user_desc32 { /* struct user_desc */
    uint32_t entry_number, base, limit, flags;
};
enum {
    SEG_32BIT = 1,
    EXPAND_DOWN = 1 << 1,
    CODE = 2 << 1,
    CONFORMING = 3 << 1,
    READ_EXEC_ONLY = 8,
    IN_PAGES = 16,
    NOT_PRESENT = 32,
    USEABLE = 64,
};

#define SELECTOR(name)                                  \
    ({                                                  \
        unsigned s_;                                    \
        asm volatile("mov %%" #name ", %0" : "=r"(s_)); \
        s_ & 0xffff;                                    \
    })
#define LOAD(name, selector) asm volatile("mov %0, %%" #name ::"r"(selector) : "memory")

/* The access rights of what a selector names; -1 if the program may not use it. */
static inline long rights_of(unsigned selector) {
    unsigned rights;
    unsigned char found;
    asm volatile("lar %2, %0; setz %1" : "=&r"(rights), "=q"(found) : "r"(selector));
    return found ? (long)rights : -1;
}
static inline long limit_of(unsigned selector) {
    unsigned limit;
    unsigned char found;
    asm volatile("lsl %2, %0; setz %1" : "=&r"(limit), "=q"(found) : "r"(selector));
    return found ? (long)limit : -1;
}

/* int $0x80, whose results have 32 bits. */
static inline int call32(long number, long a, long b, long c, long d, long e) {
    long result;
    asm volatile("int $0x80"
                 : "=a"(result)
                 : "0"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                 : "memory", "r8", "r9", "r10", "r11");
    return (int)result;
}

/* Memory that 32-bit code can reach. */
static inline void* low_memory(size_t size) {
    void* memory = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    NEED(memory != MAP_FAILED && (uintptr_t)memory >> 32 == 0);
    return memory;
}
#define LOW(pointer) ((uint32_t)(uintptr_t)(pointer))

static inline uint32_t at_gs(void) {
    uint32_t value;
    asm volatile("movl %%gs:0, %0" : "=r"(value));
    return value;
}

#endif
