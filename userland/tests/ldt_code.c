/* Code of 16 and 32 bits in segments of a process's own, and what goes wrong there. */
#include "tests/ldt.h"

#include <pthread.h>
#include <sched.h>
#include <sys/time.h>

/* --- code --------------------------------------------------------------------------------
 */

struct low { /* a page that such code can reach */
    uint8_t code[256];
    volatile uint32_t result, go_on;
    uint8_t stack[1024];
};
static struct low* low;

static void prepare(const uint8_t* code, unsigned size) {
    need_ldt();
    low = low_memory(4096);
    memcpy(low->code, code, size);
}

/* Jumps to offset 0 of `selector`, until a signal; ebx points to `result`. */
static struct caught run_far(unsigned selector) {
    struct {
        uint32_t offset;
        uint16_t selector;
    } __attribute__((packed)) target = {0, (uint16_t)selector};
    LOAD(ds, USER_DS);
    struct caught c = CATCH(asm volatile("ljmpl *(%0)" ::"r"(&target), "b"(&low->result), "a"(20)
                                         : "memory"));
    LOAD(ds, 0);
    return c;
}

static void code_of_32_bits(void) {
    const uint8_t code[] = {0xb8, 0x78, 0x56, 0x34, 0x12, STORE_EAX, 0x40, UD2};
    prepare(code, sizeof code);
    NEED(put(3, low, 0xfff, SEG_32BIT | CODE) == 0);
    struct caught c = run_far(IN_LDT(3));
    CHECK_EQ(c.signal, SIGILL);
    CHECK_EQ(c.rip, 8); /* within the segment */
    CHECK_EQ(c.cs, IN_LDT(3));
    CHECK_EQ(low->result, 0x12345678);
    CHECK_EQ(SELECTOR(cs), USER_CS);
}

static void code_of_16_bits(void) {
    const uint8_t code[] = {0xb8, 0x34, 0x12, STORE_EAX_16, UD2}; /* mov $0x1234, %ax */
    prepare(code, sizeof code);
    NEED(put(3, low, 0xfff, CODE) == 0);
    struct caught c = run_far(IN_LDT(3));
    CHECK_EQ(c.signal, SIGILL);
    CHECK_EQ(c.rip, 7);
    CHECK_EQ(low->result, 0x1234);
}

static void calls(void) {
    const uint8_t code32[] = {0xcd, 0x80, STORE_EAX, UD2};
    const uint8_t code16[] = {0xcd, 0x80, STORE_EAX_16, UD2};
    for (unsigned i = 0; i < 2; i++) {
        prepare(i ? code16 : code32, i ? sizeof code16 : sizeof code32);
        NEED(put(3, low, 0xfff, CODE | (i ? 0 : SEG_32BIT)) == 0);
        struct caught c = run_far(IN_LDT(3));
        CHECK_EQ(c.signal, SIGILL);
        CHECK_EQ(c.cs, IN_LDT(3));
        CHECK_EQ(low->result, getpid());
    }
}

/* AMD's processors have SYSCALL here. It goes on in the plain 32-bit segment, so somewhere else. */
static void syscall_in_it(void) {
    const uint8_t code[] = {0xb8, 20, 0, 0, 0, 0x31, 0xed, 0x0f, 0x05, UD2};
    for (unsigned i = 0; i < 50; i++) {
        prepare(code, sizeof code);
        NEED(put(3, low, 0xfff, SEG_32BIT | CODE) == 0);
        struct caught c = run_far(IN_LDT(3));
        CHECK(c.signal == SIGILL || c.signal == SIGSEGV);
        CHECK(c.cs == IN_LDT(3) || c.cs == USER_CS32);
    }
    CHECK_EQ(syscall(SYS_getpid), getpid());
}

/* Two exceptions that 64-bit code cannot raise: an index out of bounds, and an overflow noticed. */
static void bounds_and_overflow(void) {
    const uint8_t bound[] = {0x62, 0x03, 0xb8, 0x06, 0, 0, 0, 0x62, 0x03, UD2};
    prepare(bound, sizeof bound);
    low->result = 3; /* from here to there */
    low->go_on = 20;
    NEED(put(3, low, 0xfff, SEG_32BIT | CODE) == 0);
    struct caught c = run_far(IN_LDT(3)); /* 20 and 6 are within */
    CHECK(c.signal == SIGILL && c.rip == 9);
    low->go_on = 19;
    CHECK_TRAP(c = run_far(IN_LDT(3)), SIGSEGV, SI_KERNEL, 0, 5, 0);
    CHECK_EQ(caught_now.rip, 0);
    low->go_on = 20;
    low->result = 7;
    CHECK_TRAP(c = run_far(IN_LDT(3)), SIGSEGV, SI_KERNEL, 0, 5, 0);
    CHECK_EQ(caught_now.rip, 7);

    /* mov $0x7fffffff, %eax; into; inc %eax; into */
    const uint8_t into[] = {0xb8, 0xff, 0xff, 0xff, 0x7f, 0x31, 0xd2, 0xce, 0x40, 0xce, UD2};
    prepare(into, sizeof into);
    NEED(put(3, low, 0xfff, SEG_32BIT | CODE) == 0);
    CHECK_TRAP(c = run_far(IN_LDT(3)), SIGSEGV, SI_KERNEL, 0, 4, 0);
    CHECK_EQ(caught_now.rip, 10); /* a trap: behind it */
}

/* Limits hold: the last byte of code is there, the next is not. */
static void limits(void) {
    const uint8_t code[] = {0x90, 0x90, 0x90, UD2};
    prepare(code, sizeof code);
    NEED(put(3, low, 4, SEG_32BIT | CODE) == 0);
    CHECK_EQ(run_far(IN_LDT(3)).signal, SIGILL);
    NEED(put(3, low, 1, SEG_32BIT | CODE) == 0);
    struct caught c = run_far(IN_LDT(3));
    if (c.signal == SIGILL) return; /* QEMU's translator knows no limits */
    CHECK_EQ(c.signal, SIGSEGV);
    CHECK(c.rip == 2 || c.rip == 3); /* but its IRET does, after an interrupt beyond them */
}

static volatile int interrupted;
static void note_mode(int signal, siginfo_t* info, void* context) {
    (void)signal, (void)info;
    const greg_t* registers = ((ucontext_t*)context)->uc_mcontext.gregs;
    if ((registers[REG_CSGSFS] & 0xffff) != IN_LDT(3)) return; /* before it got there */
    CHECK((uint64_t)registers[REG_RIP] <= 6);
    if (++interrupted == 5) low->go_on = 1;
}
static void handlers_come_back_to_it(void) {
    const uint8_t code[] = {0x83, 0x7b, 0x04, 0x00, /* 1: cmpl $0, 4(%ebx) */
                            0x74, 0xfa,             /*    je 1b */
                            UD2};
    prepare(code, sizeof code);
    NEED(put(3, low, 0xfff, SEG_32BIT | CODE) == 0);
    struct sigaction action = {.sa_sigaction = note_mode, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct itimerval often = {{0, 5000}, {0, 5000}};
    NEED(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
    struct caught c = run_far(IN_LDT(3));
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    CHECK_EQ(c.signal, SIGILL);
    CHECK_EQ(c.rip, 6);
    CHECK(interrupted >= 5);
}

/* --- by way of sigreturn -----------------------------------------------------------------------
 */

static struct {
    unsigned cs, ss;
    uint64_t rip, rsp;
} going;
static void send_there(int signal, siginfo_t* info, void* context) {
    (void)signal, (void)info;
    greg_t* registers = ((ucontext_t*)context)->uc_mcontext.gregs;
    registers[REG_CSGSFS] = (greg_t)((uint64_t)going.ss << 48 | going.cs);
    registers[REG_RIP] = (greg_t)going.rip;
    registers[REG_RSP] = (greg_t)going.rsp;
    registers[REG_RBX] = LOW(&low->result);
    registers[REG_RAX] = 20;
}
static struct caught go(unsigned cs, unsigned ss, uint64_t rip, uint64_t rsp) {
    struct sigaction action = {.sa_sigaction = send_there, .sa_flags = SA_SIGINFO};
    NEED(sigaction(SIGUSR1, &action, NULL) == 0);
    going.cs = cs;
    going.ss = ss;
    going.rip = rip;
    going.rsp = rsp;
    LOAD(ds, USER_DS);
    struct caught c = CATCH(raise(SIGUSR1));
    LOAD(ds, 0);
    return c;
}

/* A stack of 16 bits with a base: only sp counts. A handler sees which stack it was. */
static void stack_of_16_bits(void) {
    const uint8_t code[] = {0x68,         0x34, 0x12,       /* push $0x1234 */
                            0x66,         0x31, 0xc0, 0x58, /* xor %eax, %eax; pop %ax */
                            STORE_EAX_16, 0x6a, 0x07, UD2}; /* push $7 */
    prepare(code, sizeof code);
    NEED(put(3, low, 0xfff, CODE) == 0);
    NEED(put(4, low->stack, 0x3ff, 0) == 0);
    struct caught c = go(IN_LDT(3), IN_LDT(4), 0, 0x200);
    CHECK_EQ(c.signal, SIGILL);
    CHECK_EQ(c.cs, IN_LDT(3));
    CHECK_EQ(c.ss, IN_LDT(4));
    CHECK_EQ(c.rsp & 0xffff, 0x1fe);
    CHECK_EQ(low->result, 0x1234);
    CHECK_EQ(low->stack[0x1fe], 7);
    c = go(IN_LDT(3), IN_LDT(4), 0, 0x402); /* beyond its limit, which QEMU does not know */
    if (c.signal == SIGILL) return;
    CHECK_EQ(c.signal, SIGBUS);
    CHECK_EQ(c.trapno, SS);
}

/* To such a stack IRET brings 16 bits of rsp only. What is above must be the program's own, too,
 * and not what the kernel had in its register. */
static void upper_half_of_esp(void) {
    const uint8_t code16[] = {0x66, 0x67, 0x89, 0x23, UD2}; /* mov %esp, (%ebx) */
    const uint8_t code32[] = {0x89, 0x23, UD2};
    const uint32_t kStacks[] = {0x200, 0x12340200, 0x7fff0200, 0x80000200, 0xffff0200, 0x5a5a8200};
    for (volatile unsigned i = 0; i < 2 * sizeof kStacks / sizeof *kStacks; i++) {
        const uint32_t sp = kStacks[i / 2];
        prepare(i % 2 ? code32 : code16, i % 2 ? sizeof code32 : sizeof code16);
        NEED(put(3, low, 0xfff, CODE | (i % 2 ? SEG_32BIT : 0)) == 0);
        NEED(put(4, low->stack, 0xffff, 0) == 0);
        struct caught c = go(IN_LDT(3), IN_LDT(4), 0, 0x11110000000000 | sp);
        CHECK_EQ(c.signal, SIGILL);
        CHECK_EQ(c.ss, IN_LDT(4));
        CHECK_EQ(low->result, sp);
        CHECK_EQ((uint32_t)c.rsp, sp); /* as the processor pushed it for the signal */
    }
}

/* 64-bit code sees more of it; the part above bit 31 is nobody's secret. */
static void upper_half_for_64_bit_code(void) {
    const uint8_t code[] = {STORE_EAX, UD2};
    prepare(code, sizeof code);
    NEED(put(4, low->stack, 0xffff, 0) == 0);
    for (volatile uint64_t sp = 0x1230200; sp < 0x100000000; sp += 0x23450000) {
        struct caught c = go(USER_CS, IN_LDT(4), LOW(low->code), sp);
        CHECK_EQ(c.signal, SIGILL);
        CHECK_EQ(low->result, 20);
        CHECK_EQ((uint32_t)c.rsp, sp);
    }
}

/* Every interrupt returns there, too, and not only a signal. */
static volatile sig_atomic_t alarms;
static void count_alarms(int signal) {
    (void)signal;
    if (++alarms == 5) low->go_on = 1;
}
static void upper_half_after_interrupts(void) {
    const uint8_t code[] = {0x66, 0x81, 0xfc, 0,    0x02, 0xcd, 0xab, /* 1: cmp $0xabcd0200, %esp */
                            0x75, 0x07,                               /*    jne 2f */
                            0x67, 0x83, 0x7b, 0x04, 0x00,             /*    cmpw $0, 4(%ebx) */
                            0x74, 0xf0,                               /*    je 1b */
                            0x66, 0x67, 0x89, 0x23,                   /* 2: mov %esp, (%ebx) */
                            UD2};
    prepare(code, sizeof code);
    NEED(put(3, low, 0xfff, CODE) == 0 && put(4, low->stack, 0x3ff, 0) == 0);
    struct sigaction action = {.sa_handler = count_alarms, .sa_flags = SA_ONSTACK};
    struct itimerval often = {{0, 5000}, {0, 5000}};
    NEED(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
    struct caught c = go(IN_LDT(3), IN_LDT(4), 0, 0xabcd0200);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    CHECK_EQ(c.signal, SIGILL);
    CHECK_EQ(low->result, 0xabcd0200);
    CHECK(alarms >= 5);
}

/* The way there fails, again and again, on any processor, and in threads at once. */
static void* refused_all_the_time(void* argument) {
    struct sigaction* const action = argument;
    for (unsigned i = 0; i < 200; i++) sigaction(SIGUSR2, action, NULL);
    return NULL;
}
static void bad_code_with_such_a_stack(void) {
    prepare((const uint8_t[]){UD2}, 2);
    NEED(put(1, low, 0xfff, SEG_32BIT | CODE | NOT_PRESENT) == 0);
    NEED(put(4, low->stack, 0x3ff, 0) == 0);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, refused_all_the_time, &ignore) == 0);
    for (volatile unsigned i = 0; i < 100; i++) {
        struct caught c = go(i % 2 ? IN_LDT(1) : IN_LDT(7), IN_LDT(4), 0x77, 0x56780200);
        CHECK(c.signal == SIGSEGV || c.signal == SIGBUS);
        CHECK_EQ(c.code, SI_KERNEL);
        CHECK_EQ(c.cs, i % 2 ? IN_LDT(1) : IN_LDT(7));
        CHECK_EQ(c.ss, IN_LDT(4));
        CHECK_EQ(c.rip, 0x77);
        CHECK_EQ(c.rsp, 0x56780200);
        CHECK_EQ(c.rax, 20);
    }
    NEED(pthread_join(thread, NULL) == 0);
}

/* What IRET refuses becomes the program's, with the selector in the frame. */
static void bad_selectors(void) {
    const uint8_t code[] = {UD2};
    prepare(code, sizeof code);
    NEED(put(1, low, 0xfff, SEG_32BIT | CODE | NOT_PRESENT) == 0);
    NEED(put(2, low, 0xfff, SEG_32BIT | NOT_PRESENT) == 0);
    NEED(put(3, low, 0xfff, SEG_32BIT | CODE) == 0);
    NEED(put(4, low, 0xfff, SEG_32BIT) == 0);
    NEED(put(5, low, 0xfff, SEG_32BIT | READ_EXEC_ONLY) == 0);
    NEED(put(6, low, 0xfff, SEG_32BIT | CONFORMING | NOT_PRESENT) == 0);
    const struct {
        unsigned cs, ss, signal, trap, error;
    } kTries[] = {
        {IN_LDT(1), USER_DS, SIGBUS, NP, IN_LDT(1)},
        {IN_LDT(6), USER_DS, SIGBUS, NP, IN_LDT(6)},
        {IN_LDT(4), USER_DS, SIGSEGV, GP, IN_LDT(4)},
        {IN_LDT(0), USER_DS, SIGSEGV, GP, IN_LDT(0)},
        {IN_LDT(7), USER_DS, SIGSEGV, GP, IN_LDT(7)},
        {IN_LDT(8191), USER_DS, SIGSEGV, GP, IN_LDT(8191)},
        {IN_LDT(3), IN_LDT(2), SIGBUS, SS, IN_LDT(2)},
        {IN_LDT(3), IN_LDT(5), SIGSEGV, GP, IN_LDT(5)},
        {IN_LDT(3), IN_LDT(3), SIGSEGV, GP, IN_LDT(3)},
        {IN_LDT(3), IN_LDT(7), SIGSEGV, GP, IN_LDT(7)},
        {IN_LDT(3), 0, SIGSEGV, GP, 0},
        {USER_CS, IN_LDT(2), SIGBUS, SS, IN_LDT(2)},
        {USER_CS, IN_LDT(5), SIGSEGV, GP, IN_LDT(5)},
    };
    for (volatile unsigned i = 0; i < sizeof kTries / sizeof *kTries; i++) {
        struct caught c = go(kTries[i].cs, kTries[i].ss, 0, 0x800);
        CHECK_EQ(c.code, SI_KERNEL);
        /* Linux leaves for such a stack by a detour, and all that fails there is #GP(0). */
        if ((kTries[i].ss & 4) && c.signal == SIGSEGV && c.trapno == GP && c.error == 0) continue;
        CHECK_EQ(c.signal, kTries[i].signal);
        /* Emulators call a stack segment that is not present a segment that is not present. */
        if (c.trapno != NP || kTries[i].trap != SS) CHECK_EQ(c.trapno, kTries[i].trap);
        CHECK_EQ(c.error, kTries[i].error & ~3u);
    }
    CHECK_EQ(go(IN_LDT(3), IN_LDT(4), 0, 0x800).signal, SIGILL); /* and the good one works */
}

static void go_to_bad_selector(void) {
    prepare((const uint8_t[]){UD2}, 2);
    NEED(put(1, low, 0xfff, SEG_32BIT | CODE | NOT_PRESENT) == 0);
    struct sigaction action = {.sa_sigaction = send_there, .sa_flags = SA_SIGINFO};
    NEED(sigaction(SIGUSR1, &action, NULL) == 0);
    going.cs = IN_LDT(1);
    going.ss = USER_DS;
    raise(SIGUSR1);
}
static void dies_of_it(void) {
    need_ldt();
    CHECK_KILLED(in_child(go_to_bad_selector), SIGBUS);
}

static struct caught of_thread;
static sigjmp_buf thread_home;
static void catch_thread(int signal, siginfo_t* info, void* context) {
    const greg_t* registers = ((ucontext_t*)context)->uc_mcontext.gregs;
    of_thread.signal = signal;
    of_thread.code = info->si_code;
    of_thread.cs = registers[REG_CSGSFS] & 0xffff;
    siglongjmp(thread_home, 1);
}
static void* spin_in_it(void* argument) {
    (void)argument;
    struct {
        uint32_t offset;
        uint16_t selector;
    } __attribute__((packed)) target = {0, IN_LDT(3)};
    static char stack[64 * 1024];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, NULL);
    LOAD(ds, USER_DS);
    if (sigsetjmp(thread_home, 1) == 0) {
        asm volatile("ljmpl *(%0)" ::"r"(&target), "b"(&low->result) : "memory");
    }
    LOAD(ds, 0);
    return NULL;
}
/* The segment goes away under the code that runs in it: at its next interrupt there is no way back.
 */
static void removed_under_a_thread(void) {
    const uint8_t code[] = {0xff, 0x03, 0xeb, 0xfc}; /* 1: incl (%ebx); jmp 1b */
    for (unsigned i = 0; i < 20; i++) {
        prepare(code, sizeof code);
        NEED(put(3, low, 0xfff, SEG_32BIT | CODE) == 0);
        of_thread.signal = 0;
        struct sigaction action = {.sa_sigaction = catch_thread,
                                   .sa_flags = SA_SIGINFO | SA_ONSTACK};
        NEED(sigaction(SIGSEGV, &action, NULL) == 0 && sigaction(SIGBUS, &action, NULL) == 0);
        pthread_t thread;
        NEED(pthread_create(&thread, NULL, spin_in_it, NULL) == 0);
        while (low->result == 0) sched_yield();
        NEED((i % 2 ? take_away(3) : put(3, low, 0xfff, SEG_32BIT | CODE | NOT_PRESENT)) == 0);
        NEED(pthread_join(thread, NULL) == 0);
        CHECK_EQ(of_thread.signal, i % 2 ? SIGSEGV : SIGBUS);
        CHECK_EQ(of_thread.code, SI_KERNEL);
        CHECK_EQ(of_thread.cs, IN_LDT(3));
    }
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(code_of_32_bits), CASE(code_of_16_bits), CASE(calls), CASE(syscall_in_it),
        CASE(bounds_and_overflow), CASE(limits), CASE(handlers_come_back_to_it),
        CASE(stack_of_16_bits), CASE(upper_half_of_esp), CASE(upper_half_for_64_bit_code),
        CASE(upper_half_after_interrupts), CASE(bad_code_with_such_a_stack), CASE(bad_selectors),
        CASE(dies_of_it), CASE(removed_under_a_thread), END});
}
