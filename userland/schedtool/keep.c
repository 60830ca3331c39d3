/* Registers that must be there when a worker has the processor again: general ones, SSE, and the
 * base of FS, which leads to a variable of its own. */
#define _GNU_SOURCE
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schedtool/schedtool.h"

struct kept {
    uint64_t looks, lost;
};

static _Thread_local volatile uint64_t own;

static uint64_t mix(uint64_t x) {
    x ^= x >> 31;
    x *= 0x9e3779b97f4a7c15u;
    return x ^ x >> 29;
}

/* Fills the registers with what `value` makes, gives the processor away (or not: then the tick
 * takes it), and counts those that came back as something else. */
static uint64_t hold(uint64_t value, uint64_t yields) {
    uint64_t wrong = yields; /* one register: read before it is written */
    __asm__ volatile(
        "mov %1, %%rbx\n lea 1(%%rbx), %%r12\n lea 2(%%rbx), %%r13\n lea 3(%%rbx), %%r14\n"
        "lea 4(%%rbx), %%r15\n lea 5(%%rbx), %%r8\n lea 6(%%rbx), %%r9\n lea 7(%%rbx), %%r10\n"
        "movq %%rbx, %%xmm0\n movq %%r12, %%xmm7\n movq %%r13, %%xmm15\n"
        "test %0, %0\n jz 1f\n"
        "mov $24, %%eax\n syscall\n jmp 2f\n" /* sched_yield */
        "1: mov $400, %%ecx\n 3: dec %%ecx\n jnz 3b\n"
        "2: xor %0, %0\n"
        "cmp %1, %%rbx\n setne %%al\n movzx %%al, %%eax\n add %%rax, %0\n"
        "lea 1(%%rbx), %%rdx\n cmp %%rdx, %%r12\n setne %%al\n movzx %%al, %%eax\n add %%rax, %0\n"
        "lea 2(%%rbx), %%rdx\n cmp %%rdx, %%r13\n setne %%al\n movzx %%al, %%eax\n add %%rax, %0\n"
        "lea 3(%%rbx), %%rdx\n cmp %%rdx, %%r14\n setne %%al\n movzx %%al, %%eax\n add %%rax, %0\n"
        "lea 4(%%rbx), %%rdx\n cmp %%rdx, %%r15\n setne %%al\n movzx %%al, %%eax\n add %%rax, %0\n"
        "lea 5(%%rbx), %%rdx\n cmp %%rdx, %%r8\n setne %%al\n movzx %%al, %%eax\n add %%rax, %0\n"
        "lea 6(%%rbx), %%rdx\n cmp %%rdx, %%r9\n setne %%al\n movzx %%al, %%eax\n add %%rax, %0\n"
        "lea 7(%%rbx), %%rdx\n cmp %%rdx, %%r10\n setne %%al\n movzx %%al, %%eax\n add %%rax, %0\n"
        "movq %%xmm0, %%rdx\n cmp %%rbx, %%rdx\n setne %%al\n movzx %%al, %%eax\n add %%rax, %0\n"
        "movq %%xmm7, %%rdx\n cmp %%r12, %%rdx\n setne %%al\n movzx %%al, %%eax\n add %%rax, %0\n"
        "movq %%xmm15, %%rdx\n cmp %%r13, %%rdx\n setne %%al\n movzx %%al, %%eax\n add %%rax, %0\n"
        : "+D"(wrong)
        : "S"(value)
        : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0",
          "xmm7", "xmm15", "memory", "cc");
    return wrong;
}

static void keep(struct kept* kept, uint64_t start, uint64_t end, uint64_t seed) {
    own = seed;
    sleep_until_ns(start);
    for (uint64_t value = mix(seed); now_ns() < end; value = mix(value)) {
        kept->lost += hold(value, value >> 7 & 1) + (own != seed);
        kept->looks++;
    }
    _exit(0);
}

int run_keep(unsigned workers, uint64_t length_ms, uint64_t seed) {
    if (workers == 0 || workers > MAX_WORKERS) return 64;
    struct kept* const kept = shared_memory(workers * sizeof *kept);
    const uint64_t here = 1;
    syscall(SYS_sched_setaffinity, 0, sizeof here, &here);
    const uint64_t start = now_ns() + 30 * 1000000ull, end = start + length_ms * 1000000ull;
    for (unsigned i = 0; i < workers; i++) {
        const pid_t pid = fork();
        if (pid < 0) return 2;
        if (pid == 0) keep(&kept[i], start, end, mix(seed + i));
    }
    int status, died = 0;
    while (wait(&status) > 0) died |= status;
    return write_all(kept, workers * sizeof *kept) | (died != 0) * 3;
}
