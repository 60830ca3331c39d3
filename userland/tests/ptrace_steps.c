/* ptrace: single steps, breakpoints, watchpoints. */
#include "tests/tracee.h"

#define DEBUG_REGISTER(n) (offsetof(struct user, u_debugreg) + 8 * (n))

extern const char step_start[], step_middle[], step_end[];
extern long step_target;
__asm__(
    ".pushsection .text\n"
    ".globl step_start, step_middle, step_end\n"
    "step_code: int3\n"
    "step_start: mov $5, %eax\n"
    "add $6, %eax\n"
    "step_middle: mov %rax, step_target(%rip)\n"
    "step_end: ret\n"
    ".popsection\n"
    ".pushsection .data\n"
    ".globl step_target\n"
    ".balign 8\n"
    "step_target: .quad 0\n"
    ".popsection\n");
extern long step_code(void);

static void run_steps(void) { _exit((int)step_code()); }
static pid_t at_steps(void) {
    pid_t pid = tracee(run_steps);
    resume(pid, 0);
    NEED(STOPPED(next_status(pid), SIGTRAP));
    siginfo_t info;
    CHECK(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info) == 0);
    CHECK_EQ(info.si_code, SI_KERNEL);
    CHECK_EQ(regs_of(pid).rip, (unsigned long)step_start);
    return pid;
}
static int trap_code(pid_t pid) {
    siginfo_t info = {0};
    CHECK(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info) == 0);
    CHECK_EQ(info.si_signo, SIGTRAP);
    return info.si_code;
}

static void single_steps(void) {
    pid_t pid = at_steps();
    for (int i = 0; i < 2; i++) {
        NEED(trace(PTRACE_SINGLESTEP, pid, 0, 0) == 0);
        CHECK(STOPPED(next_status(pid), SIGTRAP));
        CHECK_EQ(trap_code(pid), 2 /* TRAP_TRACE */);
        CHECK_EQ(regs_of(pid).eflags & 0x100, 0); /* not the program's flag */
    }
    struct user_regs_struct regs = regs_of(pid);
    CHECK_EQ(regs.rip, (unsigned long)step_middle);
    CHECK_EQ(regs.rax, 11);
    regs.rax = 12;
    CHECK(set_regs(pid, regs) == 0);
    resume(pid, 0);
    exits(pid, 12);
}

static void software_breakpoint(void) {
    pid_t pid = at_steps();
    unsigned long word = peek(pid, step_middle);
    CHECK(trace(PTRACE_POKETEXT, pid, (unsigned long)step_middle, (word & ~0xfful) | 0xcc) == 0);
    resume(pid, 0);
    CHECK(STOPPED(next_status(pid), SIGTRAP));
    struct user_regs_struct regs = regs_of(pid);
    CHECK_EQ(regs.rip, (unsigned long)step_middle + 1);
    CHECK(trace(PTRACE_POKETEXT, pid, (unsigned long)step_middle, word) == 0);
    CHECK_EQ(*(const unsigned char*)step_middle, word & 0xff); /* ours never changed */
    regs.rip--;
    CHECK(set_regs(pid, regs) == 0);
    resume(pid, 0);
    exits(pid, 11);
}

static int arm(pid_t pid, int number, const void* at, unsigned long control) {
    if (trace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(number), (unsigned long)at) != 0) return -1;
    return trace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(7), control);
}
static unsigned long debug_status(pid_t pid) {
    unsigned long status = -1;
    CHECK(trace(PTRACE_PEEKUSER, pid, DEBUG_REGISTER(6), (unsigned long)&status) == 0);
    return status;
}

static void hardware_breakpoint(void) {
    pid_t pid = at_steps();
    CHECK(arm(pid, 0, step_middle, 1) == 0);
    resume(pid, 0);
    CHECK(STOPPED(next_status(pid), SIGTRAP));
    CHECK_EQ(trap_code(pid), 4 /* TRAP_HWBKPT */);
    CHECK_EQ(regs_of(pid).rip, (unsigned long)step_middle); /* before it */
    CHECK_EQ(debug_status(pid) & 15, 1);
    resume(pid, 0); /* does not strike again */
    exits(pid, 11);
}

static void hardware_watchpoint(void) {
    pid_t pid = at_steps();
    /* DR1: 8 bytes, writes. */
    CHECK(arm(pid, 1, &step_target, 1ul << 2 | 9ul << 20) == 0);
    resume(pid, 0);
    CHECK(STOPPED(next_status(pid), SIGTRAP));
    CHECK_EQ(trap_code(pid), 4);
    CHECK_EQ(regs_of(pid).rip, (unsigned long)step_end); /* behind it */
    CHECK_EQ(debug_status(pid) & 15, 2);
    CHECK_EQ(peek(pid, &step_target), 11);
    unsigned long control = 0;
    CHECK(trace(PTRACE_PEEKUSER, pid, DEBUG_REGISTER(7), (unsigned long)&control) == 0);
    CHECK_EQ(control & 0xff, 4);
    CHECK(trace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(7), 0) == 0);
    resume(pid, 0);
    exits(pid, 11);
}

/* Breakpoints are of one task: neither its neighbour nor its child has them. */
static void run_steps_in_child(void) {
    pid_t pid = fork();
    if (pid == 0) run_steps();
    _exit(WEXITSTATUS(status_of(pid)));
}
static void breakpoints_are_private(void) {
    pid_t pid = tracee(run_steps_in_child);
    pid_t other = at_steps();
    CHECK(arm(pid, 0, step_middle, 1) == 0);
    NEED(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK) == 0);
    resume(pid, 0);
    CHECK(EVENT(next_status(pid), PTRACE_EVENT_FORK));
    unsigned long child = 0;
    CHECK(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&child) == 0);
    resume(pid, 0);
    CHECK(STOPPED(next_status(child), SIGSTOP));
    resume(child, 0);
    CHECK(STOPPED(next_status(child), SIGTRAP)); /* its int3 */
    resume(child, 0);
    exits(child, 11);
    CHECK(STOPPED(next_status(pid), SIGCHLD));
    resume(pid, SIGCHLD);
    exits(pid, 11);
    resume(other, 0);
    exits(other, 11);
}

static void bad_breakpoints(void) {
    pid_t pid = at_steps();
    CHECK_ERRNO(arm(pid, 0, (void*)0xffffffff81000000, 1), EINVAL);
    CHECK_ERRNO(arm(pid, 0, (void*)0xffff888000000000, 0xd0001), EINVAL);
    CHECK(trace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(0), 0x1001) == 0);
    CHECK_ERRNO(trace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(7), 0xd0001), EINVAL); /* not aligned */
    CHECK_ERRNO(trace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(7), 0x20001), EINVAL); /* I/O */
    CHECK_ERRNO(trace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(7), 0x40001), EINVAL); /* long code */
    CHECK_ERRNO(trace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(4), 1), EIO);
    CHECK_ERRNO(trace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(5), 1), EIO);
    CHECK(trace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(7), 0x2000) == 0); /* GD: no effect */
    resume(pid, 0);
    exits(pid, 11);
}

/* The kernel writes to watched memory on the program's behalf; and the tricks with SS that let a
 * watchpoint strike in the kernel's first instruction. */
static long watched[8] __attribute__((aligned(64)));
static void kernel_touches(void) {
    int fds[2];
    NEED(pipe(fds) == 0);
    for (int i = 0; i < 20; i++) {
        NEED(write(fds[1], watched, sizeof watched) == sizeof watched);
        NEED(read(fds[0], watched, sizeof watched) == sizeof watched);
    }
    unsigned short* selector = (unsigned short*)watched;
    __asm__ volatile("mov %%ss, %0" : "=m"(*selector));
    for (int i = 0; i < 20; i++) {
        long result = SYS_getpid;
        __asm__ volatile("mov %1, %%ss\n syscall"
                         : "+a"(result)
                         : "m"(*selector)
                         : "rcx", "r11", "memory");
        NEED(result == getpid());
        __asm__ volatile("mov %0, %%ss\n int3" : : "m"(*selector) : "memory");
        result = 20; /* getpid of the old door */
        __asm__ volatile("mov %1, %%ss\n int $0x80"
                         : "+a"(result)
                         : "m"(*selector)
                         : "memory", "r8", "r9", "r10", "r11");
    }
    _exit(3);
}
static void watched_by_the_kernel(void) {
    pid_t pid = tracee(kernel_touches);
    CHECK(arm(pid, 0, watched, 1 | 11ul << 16) == 0); /* 8 bytes, reads and writes */
    int status;
    do {
        resume(pid, 0);
        status = next_status(pid);
    } while (STOPPED(status, SIGTRAP));
    CHECK_EXITED(status, 3);
}

/* A tracee that is let go does not die of what the tracer left behind. */
static void left_behind(void) {
    pid_t pid = at_steps();
    CHECK(arm(pid, 0, step_middle, 1) == 0);
    NEED(trace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(7), 0) == 0);
    NEED(trace(PTRACE_SINGLESTEP, pid, 0, 0) == 0);
    CHECK(STOPPED(next_status(pid), SIGTRAP));
    NEED(trace(PTRACE_DETACH, pid, 0, 0) == 0);
    CHECK_EXITED(status_of(pid), 11);
}

/* Steps over a system call and into a handler end where they should. */
static void step_body(void) {
    signal(SIGUSR1, note);
    __asm__ volatile("int3");
    long result = SYS_getppid;
    __asm__ volatile("syscall\n nop" : "+a"(result) : : "rcx", "r11", "memory");
    raise(SIGUSR1);
    _exit(handled);
}
static void steps_into_the_kernel(void) {
    pid_t pid = tracee(step_body);
    resume(pid, 0);
    NEED(STOPPED(next_status(pid), SIGTRAP));
    int over_call = 0, status = 0;
    for (int i = 0; i < 10000; i++) {
        struct user_regs_struct before = regs_of(pid);
        unsigned short code = (unsigned short)peek(pid, (void*)before.rip);
        NEED(trace(PTRACE_SINGLESTEP, pid, 0, 0) == 0);
        status = next_status(pid);
        if (!STOPPED(status, SIGTRAP)) break;
        if (code == 0x050f) {
            CHECK_EQ(regs_of(pid).rip, before.rip + 2); /* not one further */
            over_call++;
        }
    }
    CHECK(over_call >= 1);
    CHECK(STOPPED(status, SIGUSR1));
    NEED(trace(PTRACE_SINGLESTEP, pid, 0, SIGUSR1) == 0);
    CHECK(STOPPED(next_status(pid), SIGTRAP));
    CHECK_EQ(regs_of(pid).rip, (unsigned long)note);
    resume(pid, 0);
    exits(pid, SIGUSR1);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(single_steps), CASE(software_breakpoint), CASE(hardware_breakpoint),
        CASE(hardware_watchpoint), CASE(breakpoints_are_private), CASE(bad_breakpoints),
        CASE(watched_by_the_kernel), CASE(left_behind), CASE(steps_into_the_kernel), END});
}
