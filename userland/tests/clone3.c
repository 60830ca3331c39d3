/* clone and clone3: what each flag shares, what contradicts what, numbers of one's choice. */
#include "tests/pidfd.h"

#include <pthread.h>

static void* new_stack(size_t size) {
    char* stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(stack != MAP_FAILED);
    return stack;
}
static pid_t forked(uint64_t flags) {
    struct clone_arguments arguments = {.flags = flags, .exit_signal = SIGCHLD};
    return clone3(&arguments, sizeof arguments);
}
/* clone3 that should fail; a child that comes all the same goes away. */
static long refused(struct clone_arguments arguments, size_t size) {
    pid_t pid = clone3(&arguments, size);
    if (pid == 0) _exit(0);
    if (pid > 0) status_of(pid);
    return pid;
}
#define REFUSED(error, ...)                                                                     \
    CHECK_ERRNO(refused((struct clone_arguments){__VA_ARGS__}, sizeof(struct clone_arguments)), \
                error)

static void sizes(void) {
    /* Longer than what the kernel knows, and the rest is zero: fine. */
    char* page = page_with(PROT_READ | PROT_WRITE);
    struct clone_arguments* arguments = (void*)page;
    arguments->exit_signal = SIGCHLD;
    const size_t good[] = {64, 80, 88, 96, 4096};
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
        pid_t pid = clone3(arguments, good[i]);
        if (pid == 0) _exit(6);
        CHECK(pid > 0);
        CHECK_EXITED(status_of(pid), 6);
    }
    CHECK_ERRNO(clone3(arguments, 63), EINVAL);
    CHECK_ERRNO(clone3(arguments, 0), EINVAL);
    CHECK_ERRNO(clone3(arguments, 4097), E2BIG);
    CHECK_ERRNO(clone3(arguments, ~0ul), E2BIG);
    page[4095] = 1;
    CHECK_ERRNO(clone3(arguments, 4096), E2BIG);
    pid_t pid = clone3(arguments, 4088); /* what lies behind the size is nobody's business */
    if (pid == 0) _exit(6);
    CHECK_EXITED(status_of(pid), 6);
    CHECK_ERRNO(clone3((void*)unmapped_page(), 88), EFAULT);
    CHECK_ERRNO(clone3((void*)before_the_end(64), 88), EFAULT);
    CHECK_ERRNO(clone3(NULL, 88), EFAULT);
    CHECK_ERRNO(clone3((void*)-64, 88), EFAULT);
    CHECK_ERRNO(waitpid(-1, NULL, __WALL), ECHILD);
}

static void contradictions(void) {
    const uint64_t bad[] = {
        CLONE_THREAD,            /* without CLONE_SIGHAND */
        CLONE_THREAD | CLONE_VM, /* the same */
        CLONE_SIGHAND,           /* without CLONE_VM */
        CLONE_DETACHED,          /* no meaning in clone3 */
        0x01,
        0x11,
        0x7f, /* the signal has a field of its own */
        0x400000000ull,
        1ull << 63, /* unknown */
        CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM,
        CLONE_FS | CLONE_NEWNS,
        CLONE_FS | CLONE_NEWUSER,
        CLONE_PIDFD | CLONE_PARENT_SETTID, /* both to address 0 */
    };
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_ERRNO(refused((struct clone_arguments){.flags = bad[i]}, 88), EINVAL);
    }
    REFUSED(EINVAL, .exit_signal = 65);
    REFUSED(EINVAL, .exit_signal = 256);
    REFUSED(EINVAL, .exit_signal = ~0ull);
    REFUSED(EINVAL, .flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, .exit_signal = SIGCHLD);
    REFUSED(EINVAL, .flags = CLONE_PARENT, .exit_signal = SIGCHLD);
    REFUSED(EINVAL, .stack = 4096);      /* without a size */
    REFUSED(EINVAL, .stack_size = 4096); /* without a place */
    REFUSED(EINVAL, .stack = ~0ull, .stack_size = 4096);
    REFUSED(EINVAL, .stack = 1ull << 47, .stack_size = 4096);
    REFUSED(EINVAL, .flags = INTO_CGROUP, .cgroup = 1ull << 32);
    REFUSED(EBADF, .flags = INTO_CGROUP, .cgroup = 999);
    CHECK_ERRNO(refused((struct clone_arguments){.flags = INTO_CGROUP}, 80), EINVAL);
    /* Of clone(2) itself. */
    CHECK_ERRNO(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_clone, CLONE_THREAD | CLONE_VM, 0, 0, 0, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_clone, CLONE_NEWNS | CLONE_FS, 0, 0, 0, 0), EINVAL);
    CHECK_ERRNO(waitpid(-1, NULL, __WALL), ECHILD);
}

/* CLONE_FS, CLONE_FILES: what the child changes is changed for both, or for it alone. */
static void sharing_of_files(void) {
    for (int shared = 0; shared < 2; shared++) {
        umask(022);
        pid_t pid = forked(shared ? CLONE_FS | CLONE_FILES : 0);
        NEED(pid >= 0);
        if (pid == 0) {
            umask(077);
            if (chdir("/") != 0 || dup2(2, 77) != 77) _exit(1);
            _exit(0);
        }
        CHECK_EXITED(status_of(pid), 0);
        char here[256];
        CHECK(getcwd(here, sizeof here) && (strcmp(here, "/") == 0) == shared);
        CHECK_EQ(umask(022), shared ? 077 : 022);
        CHECK((fcntl(77, F_GETFD) != -1) == shared);
    }
}

static volatile int shared_word;
static void nothing(int signal) { (void)signal; }
static int child_main(void* unused) {
    (void)unused;
    shared_word++;
    signal(SIGUSR1, SIG_IGN);
    syscall(SYS_exit, 0);
    return 0;
}
static void sharing_of_handlers(void) {
    char* stack = new_stack(65536);
    struct sigaction now;
    signal(SIGUSR1, nothing);
    const int flags[] = {0, CLONE_VM, CLONE_VM | CLONE_SIGHAND};
    for (int i = 0; i < 3; i++) {
        shared_word = 0;
        pid_t pid = clone(child_main, stack + 65536, flags[i] | SIGCHLD, NULL);
        CHECK_EXITED(status_of(pid), 0);
        CHECK_EQ(shared_word, i > 0);
        sigaction(SIGUSR1, NULL, &now);
        CHECK(now.sa_handler == (i == 2 ? SIG_IGN : nothing));
    }
}

static void clear_sighand(void) {
    struct sigaction now;
    signal(SIGUSR1, nothing);
    signal(SIGUSR2, SIG_IGN);
    pid_t pid = forked(CLEAR_SIGHAND);
    NEED(pid >= 0);
    if (pid == 0) {
        sigaction(SIGUSR1, NULL, &now);
        if (now.sa_handler != SIG_DFL) _exit(1);
        sigaction(SIGUSR2, NULL, &now);
        _exit(now.sa_handler == SIG_IGN ? 0 : 2);
    }
    CHECK_EXITED(status_of(pid), 0);
    sigaction(SIGUSR1, NULL, &now);
    CHECK(now.sa_handler == nothing);
}

static void parents(void) {
    /* CLONE_PARENT: a sibling. The signal that tells its end is the caller's own. */
    int ends[2];
    NEED(pipe(ends) == 0);
    pid_t me = getpid();
    pid_t middle = fork_or_die();
    if (middle == 0) {
        struct clone_arguments arguments = {.flags = CLONE_PARENT};
        pid_t pid = clone3(&arguments, sizeof arguments);
        if (pid == 0) _exit(getppid() == me ? 11 : 12);
        if (write(ends[1], &pid, sizeof pid) != sizeof pid) _exit(1);
        _exit(waitpid(pid, NULL, 0) == -1 && errno == ECHILD ? 0 : 2);
    }
    pid_t sibling = 0;
    CHECK(read(ends[0], &sibling, sizeof sibling) == sizeof sibling && sibling > 0);
    CHECK_EXITED(status_of(middle), 0);
    CHECK_EXITED(status_of(sibling), 11);
}

static void tids(void) {
    pid_t in_parent = 0;
    static volatile pid_t in_child;
    struct clone_arguments arguments = {.flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID,
                                        .parent_tid = (uintptr_t)&in_parent,
                                        .child_tid = (uintptr_t)&in_child,
                                        .exit_signal = SIGCHLD};
    pid_t pid = clone3(&arguments, sizeof arguments);
    if (pid == 0) _exit(in_child == getpid() ? 0 : 1);
    CHECK_EXITED(status_of(pid), 0);
    CHECK(in_parent == pid && in_child == 0);
    /* Bad places are no reason to fail any more. */
    arguments.parent_tid = arguments.child_tid = (uintptr_t)unmapped_page();
    pid = clone3(&arguments, sizeof arguments);
    if (pid == 0) _exit(0);
    CHECK(pid > 0);
    CHECK_EXITED(status_of(pid), 0);
}

/* With CLONE_VFORK the parent sleeps until the child lets go of its memory. */
static volatile int steps;
static int take_steps(void* unused) {
    (void)unused;
    steps = 1;
    for (int i = 0; i < 1000; i++) sched_yield();
    steps = 2;
    syscall(SYS_exit, 0);
    return 0;
}
static void vfork_waits(void) {
    char* stack = new_stack(65536);
    pid_t pid = clone(take_steps, stack + 65536, CLONE_VFORK | CLONE_VM | SIGCHLD, NULL);
    CHECK_EQ(steps, 2);
    CHECK_EXITED(status_of(pid), 0);
    int ends[2];
    NEED(pipe2(ends, O_NONBLOCK) == 0);
    pid = forked(CLONE_VFORK); /* memory of its own: it waits all the same */
    if (pid == 0) {
        usleep(50000);
        _exit(write(ends[1], "", 1) != 1);
    }
    char byte;
    CHECK(read(ends[0], &byte, 1) == 1);
    CHECK_EXITED(status_of(pid), 0);
}

static void chosen_tid(void) {
    if (geteuid() != 0) skip_case("needs CAP_CHECKPOINT_RESTORE");
    pid_t gone = fork_or_die();
    if (gone == 0) _exit(0);
    status_of(gone);
    int32_t wanted[2] = {gone, 0};
    struct clone_arguments arguments = {
        .exit_signal = SIGCHLD, .set_tid = (uintptr_t)wanted, .set_tid_size = 1};
    pid_t pid = clone3(&arguments, sizeof arguments);
    if (pid == 0) _exit(getpid() == gone ? 0 : 1);
    CHECK_EQ(pid, gone);
    CHECK_EXITED(status_of(pid), 0);
    const uint64_t at = (uintptr_t)wanted;
    wanted[0] = getpid();
    REFUSED(EEXIST, .set_tid = at, .set_tid_size = 1);
    wanted[0] = 1;
    REFUSED(EEXIST, .set_tid = at, .set_tid_size = 1);
    wanted[0] = 0;
    REFUSED(EINVAL, .set_tid = at, .set_tid_size = 1);
    wanted[0] = -7;
    REFUSED(EINVAL, .set_tid = at, .set_tid_size = 1);
    wanted[0] = 0x7fffffff;
    REFUSED(EINVAL, .set_tid = at, .set_tid_size = 1);
    REFUSED(EINVAL, .set_tid = at, .set_tid_size = 0);
    REFUSED(EINVAL, .set_tid = 0, .set_tid_size = 1);
    REFUSED(EINVAL, .set_tid = at, .set_tid_size = 33);
    REFUSED(EINVAL, .set_tid = at, .set_tid_size = ~0ull);
    REFUSED(EFAULT, .set_tid = (uintptr_t)unmapped_page(), .set_tid_size = 1);
}
static void chosen_tid_as_nobody(void) {
    int32_t wanted = 30000;
    if (setuid(65534) != 0) skip_case("needs root to stop being it");
    REFUSED(EPERM, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1);
}

/* A thread by clone3, as a C library makes it. The stack's first word is where it returns to. */
static volatile int thread_tid, thread_pid, thread_word;
static void thread_body(void) {
    thread_tid = (int)syscall(SYS_gettid);
    thread_pid = getpid();
    syscall(SYS_exit, 0);
}
static long clone3_on_stack(struct clone_arguments* arguments, size_t size, void (*body)(void)) {
    long result;
    asm volatile(
        "syscall\n"
        "test %%rax, %%rax\n"
        "jnz 1f\n"
        "xor %%ebp, %%ebp\n"
        "and $-16, %%rsp\n"
        "call *%[body]\n"
        "hlt\n"
        "1:"
        : "=a"(result)
        : "0"(SYS_clone3), "D"(arguments), "S"(size), [body] "r"(body)
        : "rcx", "r11", "memory");
    return result;
}
static void threads(void) {
    char* stack = new_stack(65536);
    for (int i = 0; i < 50; i++) {
        thread_word = 1;
        thread_tid = 0;
        struct clone_arguments arguments = {
            .flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                     CLONE_SYSVSEM | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID | CLONE_IO,
            .child_tid = (uintptr_t)&thread_word,
            .parent_tid = (uintptr_t)&thread_word,
            .stack = (uintptr_t)stack,
            .stack_size = 65536};
        long tid = clone3_on_stack(&arguments, sizeof arguments, thread_body);
        NEED(tid > 0);
        while (thread_word != 0) sched_yield();
        CHECK_EQ(thread_tid, tid);
        CHECK_EQ(thread_pid, getpid());
        CHECK_ERRNO(waitpid(-1, NULL, __WALL), ECHILD); /* a thread is nobody's child */
    }
}

/* Children come and go while signals rain: each fork starts again until it is let through. */
static volatile sig_atomic_t rain;
static void count_drop(int signal) {
    (void)signal;
    rain++;
}
static void in_the_rain(void) {
    struct sigaction action = {.sa_handler = count_drop, .sa_flags = SA_RESTART};
    NEED(sigaction(SIGUSR1, &action, NULL) == 0);
    pid_t me = getpid();
    pid_t cloud = fork_or_die();
    if (cloud == 0) {
        while (kill(me, SIGUSR1) == 0) usleep(300);
        _exit(0);
    }
    for (int i = 0; i < 60; i++) {
        pid_t pid = forked(i % 2 ? CLEAR_SIGHAND : 0);
        NEED(pid >= 0);
        if (pid == 0) _exit(i);
        CHECK_EXITED(status_of(pid), i);
    }
    kill(cloud, SIGKILL);
    CHECK_KILLED(status_of(cloud), SIGKILL);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(sizes), CASE(contradictions), CASE(sharing_of_files), CASE(sharing_of_handlers),
        CASE(clear_sighand), CASE(parents), CASE(tids), CASE(vfork_waits), CASE(chosen_tid),
        CASE(chosen_tid_as_nobody), CASE(threads), CASE(in_the_rain), END});
}
