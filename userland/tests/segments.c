/* Segment games: selectors, 32-bit code of a 64-bit program, bases. A program may hurt itself only.
 */
#include "tests/catch.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/time.h>

enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS };
enum { USER_CS32 = 0x23, USER_DS = 0x2b, USER_CS = 0x33, KERNEL_CS = 0x10, GP = 13 };

#define SELECTOR(name)                                  \
    ({                                                  \
        unsigned s_;                                    \
        asm volatile("mov %%" #name ", %0" : "=r"(s_)); \
        s_ & 0xffff;                                    \
    })
#define LOAD(name, selector) asm volatile("mov %0, %%" #name ::"r"(selector) : "memory")

static long raw(long number, long a, long b) { /* errno lies behind FS */
    long result;
    asm volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b) : "rcx", "r11", "memory");
    return result;
}

/* --- code of 32 bits ------------------------------------------------------------------------- */

struct low { /* one page that 32-bit code can reach */
    uint8_t code[256];
    volatile uint32_t result, go_on;
};

static struct low* low_page(const uint8_t* code, unsigned size) {
    struct low* low = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    NEED(low != MAP_FAILED);
    memcpy(low->code, code, size);
    return low;
}

/* Runs the page's code with this CS until it raises a signal; rbx points to `result`. */
static struct caught run_far(struct low* low, unsigned selector) {
    struct {
        uint32_t offset;
        uint16_t selector;
    } __attribute__((packed)) target = {(uint32_t)(uintptr_t)low->code, (uint16_t)selector};
    LOAD(ds, USER_DS); /* 32-bit code has no use for an empty one */
    struct caught c = CATCH(asm volatile("ljmpl *(%0)" ::"r"(&target), "b"(&low->result), "a"(20)
                                         : "memory"));
    LOAD(ds, 0);
    return c;
}

#define UD2 0x0f, 0x0b
#define STORE_EAX 0x89, 0x03 /* mov %eax, (%ebx) */

static void code_of_32_bits(void) {
    const uint8_t code[] = {0xb8, 0x78,      0x56, 0x34,
                            0x12, STORE_EAX, 0x40, UD2}; /* 0x40: inc, no REX */
    struct low* low = low_page(code, sizeof code);
    struct caught c = run_far(low, USER_CS32);
    CHECK_EQ(c.signal, SIGILL);
    CHECK_EQ(c.rip, (uintptr_t)low->code + 8);
    CHECK_EQ(low->result, 0x12345678);
    CHECK_EQ(SELECTOR(cs), USER_CS); /* the handler ran in 64-bit mode */
}

/* The number is in eax; ebx, the first argument, is of no interest to getpid. */
static void int80_of_32_bits(void) {
    const uint8_t code[] = {0xcd, 0x80, STORE_EAX, UD2};
    struct low* low = low_page(code, sizeof code);
    struct caught c = run_far(low, USER_CS32);
    CHECK_EQ(c.signal, SIGILL);
    CHECK_EQ(low->result, getpid());
}

/* SYSCALL in compatibility mode: a door of AMD's alone, through a register of its own. It does a
 * call of i386's, refuses, or does not exist; in no case may it end the kernel. (Linux returns from
 * it into the vDSO of 32-bit programs, which is not there: SIGSEGV.) */
static void syscall_of_32_bits(void) {
    const uint8_t code[] = {0xb8, 20, 0, 0, 0, 0x31, 0xed, 0x0f, 0x05, UD2}; /* ebp = 0 */
    for (unsigned i = 0; i < 100; i++) {
        struct low* low = low_page(code, sizeof code);
        struct caught c = run_far(low, USER_CS32);
        const uintptr_t at = c.rip - (uintptr_t)low->code;
        CHECK((c.signal == SIGILL && (at == 7 || at == 9)) || c.signal == SIGSEGV);
        CHECK_EQ(SELECTOR(ss), USER_DS);
    }
}

/* Intel's other door, in both modes: what becomes of the program is its own affair. */
static void sysenter(void) {
    for (unsigned i = 0; i < 2; i++) {
        pid_t child = fork();
        if (child == 0) {
            const uint8_t code[] = {0x0f, 0x34, UD2};
            const struct rlimit no_core = {0, 0};
            setrlimit(RLIMIT_CORE, &no_core);
            alarm(5);
            if (i == 0) asm volatile("sysenter; ud2" ::"a"(39) : "memory");
            run_far(low_page(code, sizeof code), USER_CS32);
            _exit(0);
        }
        int status;
        CHECK_EQ(waitpid(child, &status, 0), child);
    }
    CHECK_EQ(syscall(SYS_getpid), getpid());
}

static struct low* spinning;
static volatile int interrupted;
static void note_mode(int signal, siginfo_t* info, void* context) {
    (void)signal, (void)info;
    const greg_t* registers = ((ucontext_t*)context)->uc_mcontext.gregs;
    if ((registers[REG_CSGSFS] & 0xffff) != USER_CS32) return; /* before it got there */
    if (++interrupted == 5) spinning->go_on = 1;
}

/* Interrupts and handlers find 32-bit code, and it goes on afterwards. */
static void interrupted_code_of_32_bits(void) {
    const uint8_t code[] = {0x83, 0x7b, 0x04, 0x00, /* 1: cmpl $0, 4(%ebx) */
                            0x74, 0xfa,             /*    je 1b */
                            UD2};
    spinning = low_page(code, sizeof code);
    struct sigaction action = {.sa_sigaction = note_mode, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct itimerval often = {{0, 5000}, {0, 5000}};
    NEED(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
    struct caught c = run_far(spinning, USER_CS32);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    CHECK_EQ(c.signal, SIGILL);
    CHECK_EQ(c.rip, (uintptr_t)spinning->code + 6);
    CHECK(interrupted >= 5);
}

static void far_jumps_to_nowhere(void) {
    struct low* low = low_page((const uint8_t[]){UD2}, 2);
    /* The kernel's code and data, the user's data, TSS, LDT, beyond the table, nothing. */
    const unsigned selectors[] = {KERNEL_CS, KERNEL_CS | 3, 0x18,   USER_DS, 0x40,
                                  0x43,      0x07,          0xfffb, 0};
    for (unsigned i = 0; i < sizeof selectors / sizeof *selectors; i++) {
        struct caught c = run_far(low, selectors[i]);
        CHECK_EQ(c.signal, SIGSEGV);
        CHECK_EQ(c.code, SI_KERNEL);
    }
}

/* --- data selectors --------------------------------------------------------------------------- */

static void selectors_refused(void) {
    const unsigned selectors[] = {0x10, 0x18, 0x13, 0x1b, 0x40, 0x43, 0x07, 0x0f, 0xfffb};
    for (volatile unsigned i = 0; i < sizeof selectors / sizeof *selectors; i++) {
        struct caught c = CATCH(LOAD(ds, selectors[i]));
        CHECK_TRAP(c, SIGSEGV, SI_KERNEL, 0, GP, selectors[i] & ~3u);
        c = CATCH(LOAD(es, selectors[i]));
        CHECK_EQ(c.signal, SIGSEGV);
        c = CATCH(LOAD(gs, selectors[i]));
        CHECK_EQ(c.signal, SIGSEGV);
        c = CATCH(LOAD(fs, selectors[i]));
        CHECK_EQ(c.signal, SIGSEGV);
    }
    CHECK_EQ(CATCH(LOAD(ss, 0)).signal, SIGSEGV);
    CHECK_EQ(SELECTOR(ds), 0);
    CHECK_EQ(SELECTOR(fs), 0);
}

static void check_kept(unsigned selector) {
    CHECK_EQ(SELECTOR(ds), selector);
    CHECK_EQ(SELECTOR(es), selector);
    CHECK_EQ(SELECTOR(gs), selector);
}

/* Two on one processor, with different selectors, take turns. A child inherits its parent's. */
static void selectors_survive_switches(void) {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    sched_setaffinity(0, sizeof first, &first);
    LOAD(ds, USER_DS);
    LOAD(es, USER_DS);
    LOAD(gs, USER_DS);
    pid_t child = fork();
    check_kept(USER_DS);
    if (child == 0) {
        LOAD(ds, 0);
        LOAD(es, USER_CS32);
        LOAD(gs, 0);
    }
    for (unsigned i = 0; i < 500; i++) {
        sched_yield();
        if (child != 0) {
            check_kept(USER_DS);
        } else {
            CHECK(SELECTOR(ds) == 0 && SELECTOR(es) == USER_CS32 && SELECTOR(gs) == 0);
        }
    }
    if (child == 0) _exit(failed_checks != 0);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

/* FS is how the library finds a thread's variables, so nothing of it is called meanwhile. */
static void fs_survives_switches(void) {
    unsigned long base = 0;
    NEED(raw(SYS_arch_prctl, ARCH_GET_FS, (long)&base) == 0);
    pid_t child = fork(); /* somebody to switch to, who has a base and no selector */
    if (child == 0) {
        for (unsigned i = 0; i < 200; i++) sched_yield();
        _exit(0);
    }
    LOAD(fs, USER_DS);
    unsigned long there = ~0ul, wrong = 0;
    for (unsigned i = 0; i < 200; i++) {
        raw(SYS_sched_yield, 0, 0);
        wrong += SELECTOR(fs) != USER_DS;
    }
    raw(SYS_arch_prctl, ARCH_GET_FS, (long)&there);
    const long set = raw(SYS_arch_prctl, ARCH_SET_FS, (long)base);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(there, 0); /* the descriptor's base */
    CHECK_EQ(set, 0);
    CHECK_EQ(SELECTOR(fs), 0); /* a base of one's own comes without a selector */
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

/* --- bases -------------------------------------------------------------------------------------
 */

static unsigned long at_gs(void) {
    unsigned long value;
    asm volatile("mov %%gs:0, %0" : "=r"(value));
    return value;
}

static void bases_survive_switches(void) {
    static unsigned long words[2] = {111, 222};
    LOAD(gs, USER_DS);
    NEED(syscall(SYS_arch_prctl, ARCH_SET_GS, &words[0]) == 0);
    CHECK_EQ(SELECTOR(gs), 0);
    pid_t child = fork();
    if (child == 0) {
        CHECK_EQ(at_gs(), 111);
        NEED(syscall(SYS_arch_prctl, ARCH_SET_GS, &words[1]) == 0);
    }
    for (unsigned i = 0; i < 300; i++) {
        CHECK_EQ(at_gs(), child == 0 ? 222 : 111);
        sched_yield();
    }
    if (child == 0) {
        LOAD(gs, USER_DS); /* takes the base away, its own only */
        for (unsigned i = 0; i < 100; i++) sched_yield();
        _exit(failed_checks != 0);
    }
    for (unsigned i = 0; i < 100; i++) {
        CHECK_EQ(at_gs(), 111);
        sched_yield();
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

static void bases_refused(void) {
    const unsigned long addresses[] = {0x7ffffffff000,     0x800000000000,     0x8000000000000000,
                                       0xffff800000000000, 0xffffffff80000000, ~0ul};
    for (unsigned i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        CHECK_EQ(raw(SYS_arch_prctl, ARCH_SET_FS, (long)addresses[i]), -EPERM);
        CHECK_EQ(raw(SYS_arch_prctl, ARCH_SET_GS, (long)addresses[i]), -EPERM);
        CHECK_EQ(raw(SYS_arch_prctl, ARCH_GET_FS, (long)addresses[i]), -EFAULT);
    }
    CHECK_EQ(raw(SYS_arch_prctl, 0x1005, 0), -EINVAL);
    CHECK_EQ(raw(SYS_arch_prctl, -1, 0), -EINVAL);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(code_of_32_bits), CASE(int80_of_32_bits), CASE(syscall_of_32_bits), CASE(sysenter),
        CASE(interrupted_code_of_32_bits), CASE(far_jumps_to_nowhere), CASE(selectors_refused),
        CASE(selectors_survive_switches), CASE(fs_survives_switches), CASE(bases_survive_switches),
        CASE(bases_refused), END});
}
