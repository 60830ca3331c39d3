/* Exceptions of a program: which signal, which code, which address, which fields of its frame. */
#include "tests/catch.h"

enum { DE = 0, DB = 1, BP = 3, UD = 6, SS = 12, GP = 13, PF = 14, MF = 16, AC = 17, XF = 19 };

static void divide(void) {
    struct caught c = CATCH(asm volatile("xor %%ecx, %%ecx; xor %%edx, %%edx; div %%ecx" ::
                                             : "eax", "ecx", "edx"));
    CHECK_TRAP(c, SIGFPE, FPE_INTDIV, c.rip, DE, 0);
    c = CATCH(asm volatile("mov $0x80000000, %%eax; cltd; mov $-1, %%ecx; idiv %%ecx" ::
                               : "eax", "ecx", "edx"));
    CHECK_TRAP(c, SIGFPE, FPE_INTDIV, c.rip, DE, 0);
}

static void breakpoints(void) {
    struct caught c = CATCH(asm volatile("int3"));
    CHECK_TRAP(c, SIGTRAP, SI_KERNEL, 0, BP, 0);
    c = CATCH(asm volatile(".byte 0xf1")); /* int1 */
    if (c.signal == SIGILL) return;        /* QEMU's translator does not know it */
    CHECK_TRAP(c, SIGTRAP, TRAP_BRKPT, c.rip, DB, 0);
}

#define SET_TF "pushfq; orq $0x100, (%%rsp); popfq;"

static void single_step(void) {
    struct caught c = CATCH(asm volatile(SET_TF "nop; nop" ::: "cc", "memory"));
    CHECK_TRAP(c, SIGTRAP, TRAP_TRACE, c.rip, DB, 0);
}

/* The step is over when the call has returned, and no handler of the kernel's saw the flag. */
static void single_step_over_a_call(void) {
    struct caught c = CATCH(asm volatile(SET_TF "syscall; nop; nop" ::"a"(SYS_getpid)
                                         : "rcx", "r11", "cc", "memory"));
    CHECK_TRAP(c, SIGTRAP, TRAP_TRACE, c.rip, DB, 0);
    c = CATCH(asm volatile(SET_TF "int $0x80; nop; nop" ::"a"(20) : "cc", "memory"));
    CHECK_TRAP(c, SIGTRAP, TRAP_TRACE, c.rip, DB, 0);
    /* Every step of a longer way, until the flag is taken away. */
    CHECK_EQ(syscall(SYS_getpid), getpid());
}

static void illegal(void) {
    struct caught c = CATCH(asm volatile("ud2"));
    CHECK_TRAP(c, SIGILL, ILL_ILLOPN, c.rip, UD, 0);
    c = CATCH(asm volatile(".byte 0x06")); /* push es: not in 64-bit mode */
    CHECK_TRAP(c, SIGILL, ILL_ILLOPN, c.rip, UD, 0);
}

/* The error code tells the gate for int $n; QEMU's translator tells a wrong one. */
static void check_forbidden(int line, struct caught c) {
    if (c.signal != SIGSEGV || c.code != SI_KERNEL || c.address != 0 || c.trapno != GP) {
        failed_check(__FILE__, line, "a privileged instruction", c.signal, SIGSEGV);
    }
}
#define CHECK_FORBIDDEN(code) \
    check_forbidden(__LINE__, CATCH(asm volatile(code ::: "eax", "ecx", "edx", "memory")))

static void privileged(void) {
    CHECK_FORBIDDEN("hlt");
    CHECK_FORBIDDEN("cli");
    CHECK_FORBIDDEN("sti");
    CHECK_FORBIDDEN("mov $0x80, %%edx; out %%al, %%dx");
    CHECK_FORBIDDEN("mov $0x61, %%edx; in %%dx, %%al");
    CHECK_FORBIDDEN("mov $0x1b, %%ecx; rdmsr");
    CHECK_FORBIDDEN("mov %%cr3, %%rax");
    CHECK_FORBIDDEN("clts");
    CHECK_FORBIDDEN("mov %%dr7, %%rax");
    CHECK_FORBIDDEN("int $0x20");
    CHECK_FORBIDDEN("int $2");
    CHECK_FORBIDDEN("int $14");
    CHECK_FORBIDDEN("int $0xec");
    CHECK_FORBIDDEN("int $0xff");
}

/* into does not exist in 64-bit mode, but its gate may be called. */
static void overflow(void) {
    CHECK_TRAP(CATCH(asm volatile("int $4")), SIGSEGV, SI_KERNEL, 0, 4, 0);
}

static void noncanonical(void) {
    struct caught c = CATCH(*(volatile char*)0x8000000000000000 = 1);
    CHECK_TRAP(c, SIGSEGV, SI_KERNEL, 0, GP, 0);
    c = CATCH(asm volatile("jmp *%0" ::"r"(0x800000000000)));
    CHECK_TRAP(c, SIGSEGV, SI_KERNEL, 0, GP, 0);
    c = CATCH(asm volatile(
        "mov %%rsp, %%rbx; mov %0, %%rsp; pop %%rax; mov %%rbx, %%rsp" ::"r"(0x900000000000)
        : "rax", "rbx"));
    /* By way of the stack segment; QEMU's translator makes no difference. */
    CHECK_TRAP(c, c.trapno == GP ? SIGSEGV : SIGBUS, SI_KERNEL, 0, c.trapno == GP ? GP : SS, 0);
}

static void page_faults(void) {
    char* fixed = page_with(PROT_READ);
    char* none = page_with(PROT_NONE);
    char* hole = unmapped_page();
    struct caught c = CATCH(*(volatile char*)(hole + 7));
    CHECK_TRAP(c, SIGSEGV, SEGV_MAPERR, (uintptr_t)hole + 7, PF, 4);
    CHECK_EQ(c.cr2, (uintptr_t)hole + 7);
    c = CATCH(*(volatile char*)(hole + 8) = 1);
    CHECK_TRAP(c, SIGSEGV, SEGV_MAPERR, (uintptr_t)hole + 8, PF, 6);
    CHECK(*(volatile char*)fixed == 0);
    c = CATCH(*(volatile char*)(fixed + 9) = 1);
    CHECK_TRAP(c, SIGSEGV, SEGV_ACCERR, (uintptr_t)fixed + 9, PF, 7);
    c = CATCH(*(volatile char*)(none + 1));
    CHECK_EQ(c.code, SEGV_ACCERR);
    c = CATCH(((void (*)(void))fixed)());
    CHECK_EQ(c.signal, SIGSEGV);
    CHECK_EQ(c.code, SEGV_ACCERR);
    CHECK_EQ(c.address, (uintptr_t)fixed);
    CHECK_EQ(c.error & 0x15, 0x15); /* a fetch, by a user, of a page that is there */
}

/* Where the kernel is, and what is mapped there, shows in nothing. */
static void kernel_addresses(void) {
    const uintptr_t addresses[] = {0xffff888000000000, 0xffffffff80000000, 0xffffffff80100000,
                                   0xfffffffffffff000, 0xffffc90000000000};
    for (unsigned i = 0; i < 5; i++) {
        struct caught c = CATCH(*(volatile char*)addresses[i]);
        CHECK_TRAP(c, SIGSEGV, SEGV_MAPERR, addresses[i], PF, 5);
        c = CATCH(*(volatile char*)addresses[i] = 1);
        CHECK_TRAP(c, SIGSEGV, SEGV_MAPERR, addresses[i], PF, 7);
    }
}

static void beyond_the_end_of_a_file(void) {
    write_file("short", "abc", 3, 0600);
    int fd = open("short", O_RDWR);
    char* map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    NEED(map != MAP_FAILED);
    CHECK(map[0] == 'a' && map[4095] == 0);
    CHECK_TRAP(CATCH(*(volatile char*)(map + 4096)), SIGBUS, BUS_ADRERR, (uintptr_t)map + 4096, PF,
               4);
    CHECK_TRAP(CATCH(map[5000] = 1), SIGBUS, BUS_ADRERR, (uintptr_t)map + 5000, PF, 6);
}

static void alignment(void) {
    struct caught c = CATCH(
        asm volatile("pushfq; orq $0x40000, (%%rsp); popfq; mov 1(%0), %%eax" ::"r"(&caught_where)
                     : "eax", "cc", "memory"));
    asm volatile("pushfq; andq $~0x40000, (%%rsp); popfq" ::: "cc", "memory");
    if (c.signal == 0) skip_case("the machine does not check alignment");
    CHECK_TRAP(c, SIGBUS, BUS_ADRALN, 0, AC, 0);
}

static double zero = 0, one = 1, huge = 1e300, tiny = 1e-300;

static void simd(void) {
    const struct {
        unsigned mask, code;
        double *a, *b;
        int multiply;
    } cases[] = {{0x200, FPE_FLTDIV, &one, &zero, 0},
                 {0x080, FPE_FLTINV, &zero, &zero, 0},
                 {0x400, FPE_FLTOVF, &huge, &huge, 1},
                 {0x800, FPE_FLTUND, &tiny, &tiny, 1}};
    for (unsigned i = 0; i < 4; i++) {
        unsigned mxcsr = 0x1f80 & ~cases[i].mask;
        double a = *cases[i].a, b = *cases[i].b;
        struct caught c;
        if (cases[i].multiply) {
            c = CATCH(asm volatile("ldmxcsr %2; mulsd %1, %0" : "+x"(a) : "x"(b), "m"(mxcsr)));
        } else {
            c = CATCH(asm volatile("ldmxcsr %2; divsd %1, %0" : "+x"(a) : "x"(b), "m"(mxcsr)));
        }
        if (c.signal == 0) skip_case("the emulator raises no SIMD exceptions");
        CHECK_TRAP(c, SIGFPE, (int)cases[i].code, c.rip, XF, 0);
    }
}

static void x87(void) {
    const struct {
        unsigned short control;
        int code;
        double *a, *b;
    } cases[] = {{0x37b, FPE_FLTDIV, &one, &zero}, {0x37e, FPE_FLTINV, &zero, &zero}};
    for (unsigned i = 0; i < 2; i++) {
        struct caught c = CATCH(
            asm volatile("fninit; fldcw %2; fldl %0; fdivl %1; fwait; fstp %%st" ::"m"(*cases[i].a),
                         "m"(*cases[i].b), "m"(cases[i].control)));
        asm volatile("fninit");
        CHECK_TRAP(c, SIGFPE, cases[i].code, c.rip, MF, 0);
    }
}

/* The vsyscall page: not there; Linux may have it for execution, never for reading. */
static void vsyscall(void) {
    struct caught c = CATCH(*(volatile char*)0xffffffffff600000 = 1);
    CHECK_EQ(c.signal, SIGSEGV);
}

/* Whatever handler state there was before, a fault cannot be ignored. */
static void divide_ignored(void) {
    signal(SIGFPE, SIG_IGN);
    asm volatile("xor %%ecx, %%ecx; xor %%edx, %%edx; div %%ecx" ::: "eax", "ecx", "edx");
}
static void trap_blocked(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    asm volatile("int3");
}
static void unheard(void) {
    CHECK_KILLED(in_child(divide_ignored), SIGFPE);
    CHECK_KILLED(in_child(trap_blocked), SIGTRAP);
}

static void unknown_numbers(void) {
    const long numbers[] = {-1, 400, 1023, 0x40000000 + SYS_getpid, 512, 547, 0x7fffffff, -4096};
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        CHECK_ERRNO(syscall(numbers[i]), ENOSYS);
    }
    /* Only the lower half of rax counts. */
    CHECK_EQ(syscall(0x100000000 + SYS_getpid), getpid());
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(divide), CASE(breakpoints), CASE(single_step), CASE(single_step_over_a_call),
        CASE(illegal), CASE(privileged), CASE(overflow), CASE(noncanonical), CASE(page_faults),
        CASE(kernel_addresses), CASE(beyond_the_end_of_a_file), CASE(alignment), CASE(simd),
        CASE(x87), CASE(vsyscall), CASE(unheard), CASE(unknown_numbers), END});
}
