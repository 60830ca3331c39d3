/* Calls through int $0x80, and memory that such calls can name. */
#ifndef VITRINE_INT80_H
#define VITRINE_INT80_H

#include "tests/check.h"

static inline long call(long number, long a, long b, long c, long d, long e) {
    long result;
    asm volatile("int $0x80"
                 : "=a"(result)
                 : "0"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                 : "memory");
    return result;
}
static inline int number_of(long result) { return (int)result; }

/* Memory whose address fits into a register of i386. */
static inline char* low_page(void) {
    char* page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    NEED(page != MAP_FAILED && (uintptr_t)page < 1ul << 32);
    return page;
}
#define LOW(pointer) ((long)(uintptr_t)(pointer))

#endif
