/* ptrace: stops at system calls, and events: fork, exec, exit and the like. */
#include "tests/tracee.h"

#include <pthread.h>

static void call_getppid(void) { _exit(syscall(SYS_getppid) == 4711 ? 5 : 6); }

/* Continues to the next stop at a system call. */
static int to_call(pid_t pid) {
    NEED(trace(PTRACE_SYSCALL, pid, 0, 0) == 0);
    return next_status(pid);
}
/* Continues to the entry of system call `number`. */
static void to_entry(pid_t pid, long number) {
    for (;;) {
        NEED(STOPPED(to_call(pid), SIGTRAP | 0x80));
        if ((long)regs_of(pid).orig_rax == number) return;
        NEED(STOPPED(to_call(pid), SIGTRAP | 0x80));
    }
}
struct call_info {
    uint8_t op, pad[3];
    uint32_t arch;
    uint64_t ip, sp;
    uint64_t values[7];
};

static void system_calls(void) {
    pid_t pid = tracee(call_getppid);
    NEED(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD) == 0);
    struct call_info info;
    memset(&info, 0xee, sizeof info);
    CHECK_EQ(trace(0x420e, pid, sizeof info, (unsigned long)&info), 24);
    CHECK_EQ(info.op, 0);
    to_entry(pid, SYS_getppid);
    CHECK_EQ(regs_of(pid).rax, -ENOSYS);
    CHECK_EQ(trace(0x420e, pid, sizeof info, (unsigned long)&info), 80);
    CHECK_EQ(info.op, 1);
    CHECK_EQ(info.arch, 0xc000003e);
    CHECK_EQ(info.ip, regs_of(pid).rip);
    CHECK_EQ(info.values[0], SYS_getppid);
    CHECK(STOPPED(to_call(pid), SIGTRAP | 0x80));
    struct user_regs_struct regs = regs_of(pid);
    CHECK_EQ(regs.rax, getpid());
    CHECK_EQ(trace(0x420e, pid, sizeof info, (unsigned long)&info), 33);
    CHECK_EQ(info.op, 2);
    CHECK_EQ(info.values[0], getpid());
    CHECK_ERRNO(trace(0x420e, pid, sizeof info, 8), EFAULT);
    CHECK_EQ(trace(0x420e, pid, 0, 8), 33);
    regs.rax = 4711; /* another result */
    CHECK(set_regs(pid, regs) == 0);
    resume(pid, 0);
    exits(pid, 5);
}

/* Another call in its place, or none. */
static void changed_call(void) {
    pid_t pid = tracee(call_getppid);
    NEED(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD) == 0);
    to_entry(pid, SYS_getppid);
    struct user_regs_struct regs = regs_of(pid);
    regs.orig_rax = SYS_exit_group;
    regs.rdi = 77;
    CHECK(set_regs(pid, regs) == 0);
    resume(pid, 0);
    exits(pid, 77);
    pid = tracee(call_getppid);
    NEED(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD) == 0);
    to_entry(pid, SYS_getppid);
    regs = regs_of(pid);
    regs.orig_rax = -1;
    regs.rax = 4711;
    CHECK(set_regs(pid, regs) == 0);
    resume(pid, 0);
    exits(pid, 5);
    const unsigned long odd[] = {100000, 0x7fffffff, 0x80000000, 511};
    for (unsigned i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        pid = tracee(call_getppid);
        NEED(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD) == 0);
        to_entry(pid, SYS_getppid);
        regs = regs_of(pid);
        regs.orig_rax = odd[i];
        CHECK(set_regs(pid, regs) == 0);
        resume(pid, 0);
        exits(pid, 6);
    }
}

enum { kSysemu = 31, kSysemuSinglestep = 32 };

/* The tracer makes the calls: one stop for each, and none of them reaches the kernel. */
static void emulated_calls(void) {
    pid_t pid = tracee(call_getppid);
    NEED(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD) == 0);
    struct user_regs_struct regs;
    do {
        NEED(trace(kSysemu, pid, 0, 0) == 0);
        NEED(STOPPED(next_status(pid), SIGTRAP | 0x80));
        regs = regs_of(pid);
    } while (regs.orig_rax != SYS_getppid); /* whatever comes before fails */
    CHECK_EQ(regs.rax, -ENOSYS);
    regs.rax = 4711;
    CHECK(set_regs(pid, regs) == 0);
    /* No stop at the end of that call; the next one is the program's end, which is left out as
     * well. */
    NEED(trace(kSysemu, pid, 0, 0) == 0);
    NEED(STOPPED(next_status(pid), SIGTRAP | 0x80));
    regs = regs_of(pid);
    CHECK(regs.orig_rax == SYS_exit_group || regs.orig_rax == SYS_exit);
    CHECK_EQ(regs.rdi, 5);
    /* Resumed otherwise, the call that it stands in is left out, too: it stops at its end. */
    CHECK(STOPPED(to_call(pid), SIGTRAP | 0x80));
    CHECK_EQ(regs_of(pid).rax, -ENOSYS);
    resume(pid, 0);
    exits(pid, 5); /* tried again */
}

/* Steps, and calls are stops instead of steps. */
static void emulated_steps(void) {
    pid_t pid = tracee(call_getppid);
    NEED(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD) == 0);
    unsigned steps = 0, calls = 0;
    while (calls == 0 && steps < 20000) {
        NEED(trace(kSysemuSinglestep, pid, 0, 0) == 0);
        const int status = next_status(pid);
        NEED(WIFSTOPPED(status));
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            calls += regs_of(pid).orig_rax == SYS_getppid;
        } else {
            NEED(WSTOPSIG(status) == SIGTRAP);
            steps++;
        }
    }
    CHECK(calls == 1 && steps > 0);
    struct user_regs_struct regs = regs_of(pid);
    regs.rax = 4711;
    CHECK(set_regs(pid, regs) == 0);
    NEED(trace(kSysemuSinglestep, pid, 0, 0) == 0);
    CHECK(STOPPED(next_status(pid), SIGTRAP)); /* the instruction behind the call */
    CHECK_EQ(regs_of(pid).orig_rax, -1);
    resume(pid, 0);
    exits(pid, 5);
}

/* A call that a signal interrupts begins again when the tracer drops the signal. */
static void read_pipe(void) {
    int fds[2];
    char byte;
    NEED(pipe(fds) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        usleep(50000);
        kill(getppid(), SIGUSR1);
        usleep(50000);
        NEED(write(fds[1], "A", 1) == 1);
        _exit(0);
    }
    _exit(read(fds[0], &byte, 1) == 1 ? byte : errno);
}
static void restarted_call(void) {
    pid_t pid = tracee(read_pipe);
    resume(pid, 0);
    CHECK(STOPPED(next_status(pid), SIGUSR1));
    resume(pid, 0);
    int status = next_status(pid);
    if (STOPPED(status, SIGCHLD)) {
        resume(pid, 0);
        status = next_status(pid);
    }
    CHECK_EXITED(status, 'A');
}

static void fork_once(void) {
    pid_t pid = fork();
    if (pid == 0) _exit(3);
    _exit(WEXITSTATUS(status_of(pid)) + 1);
}
static void fork_event(void) {
    pid_t pid = tracee(fork_once);
    NEED(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK) == 0);
    resume(pid, 0);
    CHECK(EVENT(next_status(pid), PTRACE_EVENT_FORK));
    siginfo_t info;
    CHECK(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info) == 0);
    CHECK_EQ(info.si_code, SIGTRAP | PTRACE_EVENT_FORK << 8);
    unsigned long child = 0;
    CHECK(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&child) == 0);
    CHECK(STOPPED(next_status(child), SIGSTOP)); /* traced from its first instruction on */
    CHECK_EQ(tracer_of(child), getpid());
    CHECK_EQ(regs_of(child).rax, 0);
    resume(pid, 0);
    resume(child, 0);
    exits(child, 3); /* we see it first, then its parent */
    CHECK(STOPPED(next_status(pid), SIGCHLD));
    resume(pid, SIGCHLD);
    exits(pid, 4);
}

static void vfork_once(void) {
    pid_t pid = vfork();
    if (pid == 0) _exit(3);
    _exit(WEXITSTATUS(status_of(pid)) + 1);
}
static void vfork_event(void) {
    pid_t pid = tracee(vfork_once);
    NEED(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE) == 0);
    resume(pid, 0);
    CHECK(EVENT(next_status(pid), PTRACE_EVENT_VFORK));
    unsigned long child = 0, same = 0;
    CHECK(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&child) == 0);
    CHECK(STOPPED(next_status(child), SIGSTOP));
    resume(pid, 0);
    resume(child, 0);
    exits(child, 3);
    int status = next_status(pid);
    if (STOPPED(status, SIGCHLD)) { /* before or behind it */
        resume(pid, 0);
        status = next_status(pid);
    }
    CHECK(EVENT(status, PTRACE_EVENT_VFORK_DONE));
    CHECK(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&same) == 0);
    CHECK_EQ(same, child);
    resume(pid, 0);
    status = next_status(pid);
    if (STOPPED(status, SIGCHLD)) {
        resume(pid, 0);
        status = next_status(pid);
    }
    CHECK_EXITED(status, 4);
}

static void* thread_body(void* argument) { return argument; }
static void make_thread(void) {
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, thread_body, NULL) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    _exit(9);
}
/* The end of a traced thread is seen too; with the status of the process, if that was first. */
static void clone_event(void) {
    pid_t pid = tracee(make_thread);
    NEED(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE) == 0);
    resume(pid, 0);
    CHECK(EVENT(next_status(pid), PTRACE_EVENT_CLONE));
    unsigned long thread = 0;
    CHECK(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&thread) == 0);
    CHECK(STOPPED(next_status(thread), SIGSTOP));
    resume(pid, 0);
    resume(thread, 0);
    int status = next_status(thread);
    CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 9));
    exits(pid, 9);
}

static void exec_self(void) {
    char* arguments[] = {"true", NULL};
    execv("/bin/true", arguments);
    _exit(99);
}
static void exec_event(void) {
    pid_t pid = tracee(exec_self);
    NEED(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXEC) == 0);
    resume(pid, 0);
    CHECK(EVENT(next_status(pid), PTRACE_EVENT_EXEC));
    unsigned long old = 0;
    CHECK(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&old) == 0);
    CHECK_EQ(old, pid);
    resume(pid, 0);
    exits(pid, 0);
    pid = tracee(exec_self); /* without the option: a SIGTRAP */
    resume(pid, 0);
    CHECK(STOPPED(next_status(pid), SIGTRAP));
    resume(pid, 0);
    exits(pid, 0);
}

static void* exec_in_thread(void* argument) {
    exec_self();
    return argument;
}
static void exec_elsewhere(void) {
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, exec_in_thread, NULL) == 0);
    for (;;) pause();
}
/* A thread takes the place of the leader. */
static void exec_by_thread(void) {
    pid_t pid = tracee(exec_elsewhere);
    NEED(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE) == 0);
    resume(pid, 0);
    CHECK(EVENT(next_status(pid), PTRACE_EVENT_CLONE));
    unsigned long thread = 0, old = 0;
    CHECK(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&thread) == 0);
    CHECK(STOPPED(next_status(thread), SIGSTOP));
    resume(pid, 0);
    resume(thread, 0);
    CHECK(EVENT(next_status(pid), PTRACE_EVENT_EXEC));
    CHECK(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&old) == 0);
    CHECK_EQ(old, thread);
    resume(pid, 0);
    exits(pid, 0);
}

static void exit_event(void) {
    pid_t pid = tracee(exit_seven);
    NEED(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT) == 0);
    resume(pid, 0);
    CHECK(EVENT(next_status(pid), PTRACE_EVENT_EXIT));
    unsigned long status = 0;
    CHECK(trace(PTRACE_GETEVENTMSG, pid, 0, (unsigned long)&status) == 0);
    CHECK_EQ(status, 7 << 8);
    CHECK(regs_of(pid).rip != 0); /* memory and registers are still there */
    resume(pid, 0);
    exits(pid, 7);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(system_calls), CASE(changed_call), CASE(emulated_calls), CASE(emulated_steps),
        CASE(restarted_call), CASE(fork_event), CASE(vfork_event), CASE(clone_event),
        CASE(exec_event), CASE(exec_by_thread), CASE(exit_event), END});
}
