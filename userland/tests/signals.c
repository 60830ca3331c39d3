/* Signals: handlers, masks, queues, restart rules, stacks, faults. */
#include "tests/check.h"

#include <setjmp.h>
#include <ucontext.h>

static volatile sig_atomic_t count, last_code, last_pid, order[8];
static void* volatile last_address;

static void plain(int signal) {
    (void)signal;
    count++;
}
static void detailed(int signal, siginfo_t* info, void* context) {
    (void)signal;
    (void)context;
    count++;
    last_code = info->si_code;
    last_pid = info->si_pid;
}
static void set(int signal, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    NEED(sigaction(signal, &action, NULL) == 0);
}
static sigset_t only(int signal) {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, signal);
    return mask;
}

static void handlers(void) {
    struct sigaction action = {.sa_sigaction = detailed, .sa_flags = SA_SIGINFO}, old;
    NEED(sigaction(SIGUSR1, &action, &old) == 0);
    CHECK(old.sa_handler == SIG_DFL);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(count == 1 && last_code == SI_USER && last_pid == getpid());
    CHECK(raise(SIGUSR1) == 0);
    CHECK(count == 2 && last_code == SI_TKILL);
    set(SIGUSR1, plain, SA_RESETHAND);
    raise(SIGUSR1);
    sigaction(SIGUSR1, NULL, &old);
    CHECK(count == 3 && old.sa_handler == SIG_DFL);
    CHECK_ERRNO(sigaction(SIGKILL, &action, NULL), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_sigaction, 0, &action, NULL, 8), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_sigaction, 10, NULL, NULL, 4), EINVAL);
}

static void blocking(void) {
    sigset_t mask = only(SIGUSR1), pending, old;
    set(SIGUSR1, plain, 0);
    CHECK(sigprocmask(SIG_BLOCK, &mask, NULL) == 0);
    raise(SIGUSR1);
    raise(SIGUSR1); /* a standard signal is pending once */
    CHECK(count == 0);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
    CHECK(sigprocmask(SIG_UNBLOCK, &mask, &old) == 0);
    CHECK(count == 1 && sigismember(&old, SIGUSR1));
    sigfillset(&mask);
    CHECK(sigprocmask(SIG_SETMASK, &mask, NULL) == 0);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &old) == 0);
    CHECK(!sigismember(&old, SIGKILL) && !sigismember(&old, SIGSTOP));
    CHECK_ERRNO(sigprocmask(77, &mask, NULL), EINVAL);
}

/* While a handler runs its signal is blocked, unless SA_NODEFER. */
static void nested(int signal) {
    int depth = ++count;
    if (depth == 1) raise(signal);
    order[depth] = count;
}
static void deferral(void) {
    set(SIGUSR1, nested, 0);
    raise(SIGUSR1);
    CHECK(count == 2 && order[1] == 1); /* the second ran after the first */
    count = 0;
    set(SIGUSR1, nested, SA_NODEFER);
    raise(SIGUSR1);
    CHECK(count == 2 && order[1] == 2); /* inside it */
}

static void realtime(int signal, siginfo_t* info, void* context) {
    (void)context;
    if (count < 8) order[count++] = signal * 100 + info->si_value.sival_int;
}
static void queueing(void) {
    int low = SIGRTMIN + 1, high = SIGRTMIN + 2;
    struct sigaction action = {.sa_sigaction = realtime, .sa_flags = SA_SIGINFO};
    sigfillset(&action.sa_mask);
    sigset_t mask = only(low), old;
    sigaddset(&mask, high);
    sigaction(low, &action, NULL);
    sigaction(high, &action, NULL);
    sigprocmask(SIG_BLOCK, &mask, &old);
    for (int i = 1; i <= 3; i++) {
        union sigval value = {.sival_int = i};
        CHECK(sigqueue(getpid(), i == 1 ? high : low, value) == 0);
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    CHECK_EQ(count, 3);
    CHECK_EQ(order[0], low * 100 + 2); /* lowest number first, in the order they were sent */
    CHECK_EQ(order[1], low * 100 + 3);
    CHECK_EQ(order[2], high * 100 + 1);
}

static void waiting(void) {
    sigset_t mask = only(SIGUSR1), none;
    siginfo_t info;
    struct timespec brief = {0, 1000000};
    sigprocmask(SIG_BLOCK, &mask, NULL);
    CHECK_ERRNO(sigtimedwait(&mask, &info, &brief), EAGAIN);
    raise(SIGUSR1);
    CHECK_EQ(sigwaitinfo(&mask, &info), SIGUSR1);
    CHECK_EQ(info.si_signo, SIGUSR1);
    set(SIGUSR1, plain, 0);
    raise(SIGUSR1);
    sigemptyset(&none);
    CHECK_ERRNO(sigsuspend(&none), EINTR);
    CHECK_EQ(count, 1);
    raise(SIGUSR1);
    CHECK_EQ(count, 1); /* the mask is back */
}

/* A read that a signal interrupts goes on if the handler has SA_RESTART. */
static void restarted(void) {
    int p[2];
    char c = 0;
    NEED(pipe(p) == 0);
    set(SIGUSR1, plain, SA_RESTART);
    pid_t parent = getpid(), child = fork_or_die();
    if (child == 0) {
        for (int i = 0; i < 5; i++) {
            usleep(20000);
            kill(parent, SIGUSR1);
        }
        NEED(write(p[1], "x", 1) == 1);
        _exit(0);
    }
    CHECK_EQ(read(p[0], &c, 1), 1);
    CHECK(c == 'x' && count > 0);
    CHECK_EXITED(status_of(child), 0);
}

static char* stack;
static void on_stack(int signal) {
    (void)signal;
    char here;
    stack_t now;
    sigaltstack(NULL, &now);
    count = &here >= stack && &here < stack + 65536 && now.ss_flags == SS_ONSTACK;
}
static void alternate_stack(void) {
    stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t alternate = {.ss_sp = stack, .ss_size = 65536}, old;
    NEED(sigaltstack(&alternate, &old) == 0);
    CHECK_EQ(old.ss_flags, SS_DISABLE);
    set(SIGUSR1, on_stack, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK_EQ(count, 1);
    alternate.ss_size = 100;
    CHECK_ERRNO(sigaltstack(&alternate, NULL), ENOMEM);
}

static sigjmp_buf back;
static void fault(int signal, siginfo_t* info, void* context) {
    (void)context;
    last_address = info->si_addr;
    last_code = info->si_code;
    count = signal;
    siglongjmp(back, 1);
}
static void faults(void) {
    struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    char* fixed = page_with(PROT_READ);
    char* hole = unmapped_page();
    if (!sigsetjmp(back, 1)) *(volatile char*)(hole + 5) = 1;
    CHECK(count == SIGSEGV && last_address == hole + 5 && last_code == SEGV_MAPERR);
    if (!sigsetjmp(back, 1)) *(volatile char*)(fixed + 9) = 1;
    CHECK(count == SIGSEGV && last_address == fixed + 9 && last_code == SEGV_ACCERR);
    if (!sigsetjmp(back, 1)) ((void (*)(void))fixed)(); /* not executable */
    CHECK(last_address == fixed && last_code == SEGV_ACCERR);
    sigaction(SIGILL, &action, NULL);
    if (!sigsetjmp(back, 1)) __asm__ volatile("ud2");
    CHECK_EQ(count, SIGILL);
    sigaction(SIGFPE, &action, NULL);
    if (!sigsetjmp(back, 1)) __asm__ volatile("div %0" : : "r"(0), "a"(1), "d"(0));
    CHECK_EQ(count, SIGFPE);
    if (!sigsetjmp(back, 1)) __asm__ volatile("hlt"); /* privileged */
    CHECK_EQ(count, SIGSEGV);
}

static void fault_blocked(void) {
    sigset_t mask = only(SIGSEGV);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    set(SIGSEGV, plain, 0);
    *(volatile char*)unmapped_page() = 1; /* cannot be held back: kills */
}
static void bad_return(void) {
    /* A frame of zeros: no state a program could be in. */
    __asm__ volatile(
        "sub $1024, %%rsp; mov %%rsp, %%rdi; mov $1024, %%ecx; xor %%eax, %%eax;"
        "rep stosb; mov $15, %%eax; syscall"
        :
        :
        : "memory", "rdi", "rcx", "rax");
}
static void deadly(void) {
    CHECK_KILLED(in_child(fault_blocked), SIGSEGV);
    CHECK_KILLED(in_child(bad_return), SIGSEGV);
}

/* The handler sees the registers, and what it changes takes effect. */
static void skip_instruction(int signal, siginfo_t* info, void* context) {
    (void)signal;
    (void)info;
    ((ucontext_t*)context)->uc_mcontext.gregs[REG_RIP] += 2;
    ((ucontext_t*)context)->uc_mcontext.gregs[REG_RBX] = 77;
}
static void contexts(void) {
    struct sigaction action = {.sa_sigaction = skip_instruction, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &action, NULL);
    long value = 1;
    double real = 1.5;
    __asm__ volatile("ud2" : "+b"(value), "+x"(real));
    CHECK_EQ(value, 77);
    CHECK(real == 1.5);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(handlers), CASE(blocking), CASE(deferral), CASE(queueing), CASE(waiting),
        CASE(restarted), CASE(alternate_stack), CASE(faults), CASE(deadly), CASE(contexts), END});
}
