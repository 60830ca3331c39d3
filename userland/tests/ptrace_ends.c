/* ptrace: group stops, tracers that end, and everybody at once. */
#include "tests/tracee.h"

#include <sched.h>

static pid_t seized(void) {
    pid_t pid = sleeper();
    NEED(trace(PTRACE_SEIZE, pid, 0, 0) == 0);
    return pid;
}

static void interrupt(void) {
    pid_t pid = seized();
    int status;
    CHECK_EQ(waitpid(pid, &status, WNOHANG | __WALL), 0); /* it was not stopped */
    NEED(trace(PTRACE_INTERRUPT, pid, 0, 0) == 0);
    CHECK(GROUP_STOP(next_status(pid), SIGTRAP));
    resume(pid, 0);
    NEED(trace(PTRACE_INTERRUPT, pid, 0, 0) == 0);
    NEED(trace(PTRACE_INTERRUPT, pid, 0, 0) == 0);
    CHECK(GROUP_STOP(next_status(pid), SIGTRAP));
    end(pid);
    pid = tracee(nothing); /* not seized */
    CHECK_ERRNO(trace(PTRACE_INTERRUPT, pid, 0, 0), EIO);
    CHECK_ERRNO(trace(PTRACE_LISTEN, pid, 0, 0), EIO);
    resume(pid, 0);
    exits(pid, 0);
}

static void group_stop(void) {
    pid_t pid = seized();
    kill(pid, SIGSTOP);
    CHECK(STOPPED(next_status(pid), SIGSTOP)); /* the signal */
    siginfo_t info;
    CHECK(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info) == 0);
    resume(pid, SIGSTOP);
    CHECK(GROUP_STOP(next_status(pid), SIGSTOP)); /* the stop that it leads to */
    NEED(trace(PTRACE_LISTEN, pid, 0, 0) == 0);
    CHECK_ERRNO(trace(PTRACE_CONT, pid, 0, 0), ESRCH);
    int status;
    CHECK_EQ(waitpid(pid, &status, WNOHANG | __WALL), 0);
    kill(pid, SIGCONT);
    CHECK(GROUP_STOP(next_status(pid), SIGTRAP)); /* it is over */
    resume(pid, 0);
    CHECK(STOPPED(next_status(pid), SIGCONT));
    resume(pid, 0);
    end(pid);

    pid = tracee(nothing); /* without SEIZE: only GETSIGINFO tells it from a signal */
    kill(pid, SIGSTOP);
    resume(pid, 0);
    CHECK(STOPPED(next_status(pid), SIGSTOP));
    resume(pid, SIGSTOP);
    CHECK(STOPPED(next_status(pid), SIGSTOP));
    CHECK_ERRNO(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info), EINVAL);
    resume(pid, 0);
    exits(pid, 0);
}

static pid_t* shared_pid;

/* Runs `body` in a tracer of `victim` and kills it when it says so. */
static void with_tracer(pid_t victim, unsigned long options, int stop) {
    int fds[2];
    char byte;
    NEED(pipe(fds) == 0);
    pid_t tracer = child_of_case();
    if (tracer == 0) {
        NEED(trace(PTRACE_SEIZE, victim, 0, options) == 0);
        if (stop) {
            NEED(trace(PTRACE_INTERRUPT, victim, 0, 0) == 0);
            NEED(WIFSTOPPED(next_status(victim)));
        }
        NEED(write(fds[1], "x", 1) == 1);
        for (;;) pause();
    }
    NEED(read(fds[0], &byte, 1) == 1);
    CHECK_EQ(tracer_of(victim), tracer);
    CHECK_ERRNO(trace(PTRACE_ATTACH, victim, 0, 0), EPERM);
    kill(tracer, SIGKILL);
    CHECK_KILLED(status_of(tracer), SIGKILL);
    close(fds[0]);
    close(fds[1]);
}
static void tracer_killed(void) {
    pid_t pid = sleeper();
    for (int stop = 0; stop < 2; stop++) {
        with_tracer(pid, 0, stop);
        CHECK_EQ(tracer_of(pid), 0);
        for (int i = 0; i < 1000 && state_of(pid) != 'S'; i++) usleep(1000);
        CHECK_EQ(state_of(pid), 'S'); /* it goes on */
    }
    with_tracer(pid, PTRACE_O_EXITKILL, 1);
    CHECK_KILLED(status_of(pid), SIGKILL);
    pid = sleeper();
    with_tracer(pid, PTRACE_O_EXITKILL, 0);
    CHECK_KILLED(status_of(pid), SIGKILL);
}

/* The tracee's parent hears of its end after the tracer, whether that asks or not. */
static void parent_hears_later(void) {
    pid_t pid = sleeper();
    int fds[2], back[2], status;
    char byte;
    NEED(pipe(fds) == 0 && pipe(back) == 0);
    pid_t tracer = child_of_case();
    if (tracer == 0) {
        NEED(trace(PTRACE_SEIZE, pid, 0, 0) == 0);
        kill(pid, SIGKILL);
        siginfo_t info;
        NEED(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
        NEED(write(fds[1], "x", 1) == 1);
        NEED(read(back[0], &byte, 1) == 1);
        CHECK_KILLED(next_status(pid), SIGKILL);
        _exit(failed_checks != 0);
    }
    NEED(read(fds[0], &byte, 1) == 1);
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0); /* not yet */
    NEED(write(back[1], "x", 1) == 1);
    CHECK_KILLED(status_of(pid), SIGKILL);
    CHECK_EXITED(status_of(tracer), 0);
}

/* Everybody traces the next one; then all are killed. */
static void ring(void) {
    enum { COUNT = 5 };
    shared_pid = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(shared_pid != MAP_FAILED);
    pid_t pids[COUNT];
    for (int i = 0; i < COUNT; i++) {
        pids[i] = child_of_case();
        if (pids[i] == 0) {
            while (*(volatile pid_t*)&shared_pid[COUNT] == 0) sched_yield();
            trace(PTRACE_SEIZE, shared_pid[(i + 1) % COUNT], 0, 0);
            for (;;) {
                trace(PTRACE_INTERRUPT, shared_pid[(i + 1) % COUNT], 0, 0);
                int status;
                pid_t found = waitpid(-1, &status, __WALL | WNOHANG);
                if (found > 0) trace(PTRACE_CONT, found, 0, 0);
                sched_yield();
            }
        }
        shared_pid[i] = pids[i];
    }
    shared_pid[COUNT] = 1;
    usleep(200000); /* by now all of them may have stopped each other for ever */
    for (int i = 0; i < COUNT; i++) CHECK(kill(pids[i], SIGKILL) == 0);
    for (int i = 0; i < COUNT; i++) CHECK_KILLED(status_of(pids[i]), SIGKILL);
}

/* Requests and SIGKILL meet. */
static void killed_while_examined(void) {
    for (int i = 0; i < 50; i++) {
        pid_t pid = at_usr1();
        pid_t killer = child_of_case();
        if (killer == 0) {
            usleep(i * 40);
            kill(pid, SIGKILL);
            _exit(0);
        }
        struct user_regs_struct regs;
        while (trace(PTRACE_GETREGS, pid, 0, (unsigned long)&regs) == 0) {
            trace(PTRACE_SETREGS, pid, 0, (unsigned long)&regs);
        }
        CHECK_EQ(errno, ESRCH);
        CHECK_KILLED(next_status(pid), SIGKILL);
        CHECK_EXITED(status_of(killer), 0);
    }
}

/* Attached to and let go again while it works. */
static void attached_at_work(void) {
    int fds[2];
    NEED(pipe(fds) == 0);
    pid_t pid = child_of_case();
    if (pid == 0) {
        char byte = 0;
        for (unsigned i = 0; i < 20000; i++) {
            NEED(write(fds[1], &byte, 1) == 1 && read(fds[0], &byte, 1) == 1);
            byte++;
        }
        _exit((unsigned char)(byte - (unsigned char)20000));
    }
    int status = 0;
    for (int i = 0; i < 200; i++) {
        if (trace(i % 2 ? PTRACE_ATTACH : PTRACE_SEIZE, pid, 0, 0) != 0) break;
        if (i % 2 == 0) trace(PTRACE_INTERRUPT, pid, 0, 0);
        status = next_status(pid);
        if (!WIFSTOPPED(status)) break;
        for (int call = 0; call < i % 4; call++) {
            trace(i % 3 ? PTRACE_SYSCALL : PTRACE_SINGLESTEP, pid, 0, 0);
            status = next_status(pid);
        }
        if (!WIFSTOPPED(status)) break;
        trace(PTRACE_DETACH, pid, 0, 0);
    }
    if (!WIFEXITED(status)) status = status_of(pid);
    CHECK_EXITED(status, 0);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(interrupt), CASE(group_stop), CASE(tracer_killed), CASE(parent_hears_later),
        CASE(ring), CASE(killed_while_examined), CASE(attached_at_work), END});
}
