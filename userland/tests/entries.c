/* The doors of the kernel: what a program has in its registers and flags there neither disturbs the
 * kernel nor gets lost. */
#include "tests/catch.h"

enum { AC = 1 << 18, DF = 1 << 10, ID = 1 << 21, NT = 1 << 14, CF = 1 };

struct outcome {
    long result;
    uint64_t flags; /* right after the call */
};

/* `door` with flags set, and the caller's own put back. Nothing else runs with them: C code wants
 * DF clear, and may access memory at any address. */
#define UNDER_FLAGS(door)                       \
    "lea -128(%%rsp), %%rsp\n\t" /* red zone */ \
    "pushfq\n\t"                                \
    "mov (%%rsp), %[old]\n\t"                   \
    "or %[flags], (%%rsp)\n\t"                  \
    "popfq\n\t" door                            \
    "\n\t"                                      \
    "pushfq\n\t"                                \
    "pop %[after]\n\t"                          \
    "push %[old]\n\t"                           \
    "popfq\n\t"                                 \
    "lea 128(%%rsp), %%rsp"

static struct outcome by_syscall(long number, uint64_t flags, long a, long b, long c) {
    struct outcome o;
    uint64_t old;
    asm volatile(UNDER_FLAGS("syscall")
                 : "=a"(o.result), [after] "=&r"(o.flags), [old] "=&r"(old)
                 : "0"(number), "D"(a), "S"(b), "d"(c), [flags] "r"(flags)
                 : "rcx", "r11", "memory", "cc");
    return o;
}

/* With i386's number. */
static struct outcome by_int80(long number, uint64_t flags, long a, long b, long c) {
    struct outcome o;
    uint64_t old;
    asm volatile(UNDER_FLAGS("int $0x80")
                 : "=a"(o.result), [after] "=&r"(o.flags), [old] "=&r"(old)
                 : "0"(number), "b"(a), "c"(b), "d"(c), [flags] "r"(flags)
                 : "memory", "cc");
    return o;
}

/* rax has the result, rcx and r11 what SYSCALL leaves there: where it goes on, and the flags. All
 * others come back in full width. */
static void registers_of_syscall(void) {
    static uint64_t after[14];
    asm volatile(
        "push %%rbp; lea %0, %%rax; push %%rax; mov $39, %%eax;"
        "mov $0x1111111111111111, %%rbx; mov $0x2222222222222222, %%rdx;"
        "mov $0x3333333333333333, %%rsi; mov $0x4444444444444444, %%rdi;"
        "mov $0x5555555555555555, %%r8; mov $0x6666666666666666, %%r9;"
        "mov $0x7777777777777777, %%r10; mov $0x8888888888888888, %%r12;"
        "mov $0x9999999999999999, %%r13; mov $0xaaaaaaaaaaaaaaaa, %%r14;"
        "mov $0xbbbbbbbbbbbbbbbb, %%r15; mov $0xcccccccccccccccc, %%rbp;"
        "syscall; 1: xchg %%rax, (%%rsp);"
        "mov %%rbx, (%%rax); mov %%rdx, 8(%%rax); mov %%rsi, 16(%%rax); mov %%rdi, 24(%%rax);"
        "mov %%r8, 32(%%rax); mov %%r9, 40(%%rax); mov %%r10, 48(%%rax); mov %%r12, 56(%%rax);"
        "mov %%r13, 64(%%rax); mov %%r14, 72(%%rax); mov %%r15, 80(%%rax); mov %%rbp, 88(%%rax);"
        "lea 1b(%%rip), %%rbx; sub %%rbx, %%rcx; mov %%rcx, 96(%%rax);"
        "pushfq; pop %%rbx; xor %%rbx, %%r11; mov %%r11, 104(%%rax);"
        "pop %%rax; pop %%rbp"
        : "+m"(after)
        :
        : "memory", "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
          "r13", "r14", "r15", "cc");
    for (unsigned i = 0; i < 12; i++) CHECK_EQ(after[i], 0x1111111111111111u * (i + 1));
    CHECK_EQ(after[12], 0);
    CHECK_EQ(after[13] & ~0x8d5ul, 0); /* but for the flags of arithmetic */
}

/* The kernel copies upwards, whatever the direction flag says out here. */
static void direction(void) {
    char here[512], there[512];
    const long length = by_syscall(SYS_getcwd, 0, (long)here, sizeof here, 0).result;
    struct outcome o = by_syscall(SYS_getcwd, DF, (long)there, sizeof there, 0);
    CHECK(length > 0 && o.result == length && memcmp(here, there, (size_t)length) == 0);
    CHECK(o.flags & DF);
    int ends[2];
    NEED(pipe(ends) == 0);
    memset(here, 0xa5, sizeof here);
    for (int i = 0; i < 200; i++) here[i] = (char)i;
    CHECK_EQ(by_syscall(SYS_write, DF, ends[1], (long)here, 200).result, 200);
    memset(there, 0, sizeof there);
    o = by_syscall(SYS_read, DF, ends[0], (long)(there + 100), 300);
    CHECK(o.result == 200 && memcmp(there + 100, here, 200) == 0);
    CHECK(there[99] == 0 && there[300] == 0);
    o = by_int80(20, DF, 0, 0, 0);
    CHECK(o.result == getpid() && (o.flags & DF));
    /* By a fault: the page is made while the flag is set. */
    char* const page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(page != MAP_FAILED);
    unsigned char byte;
    uint64_t flags;
    asm volatile("std; movb (%2), %0; pushfq; pop %1; cld"
                 : "=&q"(byte), "=&r"(flags)
                 : "r"(page)
                 : "memory", "cc");
    CHECK(byte == 0 && (flags & DF));
    for (int i = 0; i < 4096; i++) NEED(page[i] == 0);
}

/* With AC set the kernel's guard against user pointers (SMAP) would be off, and user mode traps at
 * odd addresses: the kernel does neither. */
static void alignment(void) {
    char text[64] = "";
    struct outcome o = by_syscall(SYS_getcwd, AC, (long)(text + 1), sizeof text - 1, 0);
    CHECK(o.result > 0 && text[1] == '/');
    CHECK(o.flags & AC);
    int ends[2];
    NEED(pipe(ends) == 0);
    CHECK_EQ(by_syscall(SYS_write, AC, ends[1], (long)(text + 1), 9).result, 9);
    o = by_syscall(SYS_read, AC, ends[0], (long)(text + 33), 9);
    CHECK(o.result == 9 && (o.flags & AC) && memcmp(text + 1, text + 33, 9) == 0);
    o = by_int80(20, AC, 0, 0, 0);
    CHECK(o.result == getpid() && (o.flags & AC));
    CHECK_EQ(by_syscall(SYS_write, AC, ends[1], (long)0xffffffff81000001, 9).result, -EFAULT);
}

/* IRET from a "nested task" would be a task switch. */
static void nested_task(void) {
    for (unsigned i = 0; i < 100; i++) {
        struct outcome o = by_syscall(SYS_getpid, NT, 0, 0, 0);
        CHECK(o.result == getpid() && (o.flags & NT));
        o = by_int80(20, NT, 0, 0, 0);
        CHECK(o.result == getpid() && (o.flags & NT));
        o = by_syscall(SYS_sched_yield, NT, 0, 0, 0);
        CHECK(o.result == 0 && (o.flags & NT));
    }
    const struct timespec while_asleep = {0, 1000000};
    struct outcome o = by_syscall(SYS_nanosleep, NT | DF | AC, (long)&while_asleep, 0, 0);
    CHECK(o.result == 0 && (o.flags & (NT | DF | AC)) == (NT | DF | AC));
    char* const page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(page != MAP_FAILED);
    uint64_t flags;
    asm volatile(
        "lea -128(%%rsp), %%rsp; pushfq; orq $0x4000, (%%rsp); popfq; movb $1, (%1);"
        "pushfq; pop %0; push %0; andq $~0x4000, (%%rsp); popfq; lea 128(%%rsp), %%rsp"
        : "=&r"(flags)
        : "r"(page)
        : "memory", "cc");
    CHECK(page[0] == 1 && (flags & NT));
}

static void other_flags(void) {
    struct outcome o = by_syscall(SYS_getpid, ID | CF, 0, 0, 0);
    CHECK(o.result == getpid() && (o.flags & ID) && (o.flags & CF));
    o = by_syscall(SYS_getpid, 0, 0, 0, 0);
    CHECK(!(o.flags & (DF | AC | NT)));
    CHECK(o.flags & 0x200); /* interrupts are on */
    CHECK_EQ(o.flags >> 12 & 3, 0);
}

static long with_stack_at(uint64_t stack) {
    long result;
    asm volatile("mov %%rsp, %%r12; mov %2, %%rsp; syscall; mov %%r12, %%rsp"
                 : "=a"(result)
                 : "0"((long)SYS_getpid), "r"(stack)
                 : "rcx", "r11", "r12", "memory");
    return result;
}
/* The stack pointer may be anything: SYSCALL does not look at it, and the kernel must not either.
 */
static void stack_pointers(void) {
    const uint64_t places[] = {0,
                               8,
                               1,
                               0x7ffffffff000,
                               0x800000000000,
                               0xffff800000000000,
                               0xffffffff81000000,
                               0xffffffffffffffff,
                               0xdeadbeefdeadbeef};
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        for (unsigned j = 0; j < 50; j++) CHECK_EQ(with_stack_at(places[i]), getpid());
    }
}

static void never_called(int signal) { _exit(signal); }

/* A signal that finds no stack ends the program, and nothing else. */
static void signal_without_stack(void) {
    const uint64_t places[] = {8, 0x800000000000, 0xffffffff81000000, 0xdeadbeefdeadbeef};
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        const pid_t child = fork_or_die();
        if (child == 0) {
            NEED(signal(SIGUSR1, never_called) != SIG_ERR);
            asm volatile("mov %1, %%rsp; syscall; ud2" ::"a"((long)SYS_kill), "r"(places[i]),
                         "D"((long)getpid()), "S"((long)SIGUSR1)
                         : "rcx", "r11", "memory");
        }
        CHECK_KILLED(status_of(child), SIGSEGV);
    }
}

/* What the caller had in its vector registers is still there, and the kernel leaves nothing of its
 * own. */
static void vector_registers(void) {
    uint64_t in[4] = {0x0123456789abcdef, 0xfedcba9876543210, 0x1111222233334444,
                      0x5555666677778888};
    uint64_t out[4];
    long result;
    asm volatile(
        "movdqu (%2), %%xmm0; movdqu 16(%2), %%xmm15; syscall; movdqu %%xmm0, (%3); movdqu "
        "%%xmm15, 16(%3)"
        : "=a"(result)
        : "0"((long)SYS_sched_yield), "r"(in), "r"(out)
        : "rcx", "r11", "memory", "xmm0", "xmm15");
    CHECK(result == 0 && memcmp(in, out, sizeof in) == 0);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(registers_of_syscall), CASE(direction),
                                          CASE(alignment), CASE(nested_task), CASE(other_flags),
                                          CASE(stack_pointers), CASE(signal_without_stack),
                                          CASE(vector_registers), END});
}
