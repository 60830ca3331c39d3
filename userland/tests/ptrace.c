/* ptrace: who may trace whom, stops at signals, and how a tracee is let go. */
#include "tests/tracee.h"

#include <sys/uio.h>

static void traceme(void) {
    pid_t pid = tracee(exit_seven);
    CHECK_EQ(state_of(pid), 't');
    CHECK_EQ(tracer_of(pid), getpid());
    resume(pid, 0);
    exits(pid, 7);
}

static void attach_and_detach(void) {
    pid_t pid = sleeper();
    CHECK_EQ(tracer_of(pid), 0);
    NEED(trace(PTRACE_ATTACH, pid, 0, 0) == 0);
    CHECK_ERRNO(trace(PTRACE_ATTACH, pid, 0, 0), EPERM); /* once is enough */
    CHECK(STOPPED(next_status(pid), SIGSTOP));
    CHECK_EQ(state_of(pid), 't');
    NEED(trace(PTRACE_DETACH, pid, 0, 0) == 0);
    CHECK_EQ(tracer_of(pid), 0);
    CHECK_ERRNO(trace(PTRACE_CONT, pid, 0, 0), ESRCH);
    NEED(trace(PTRACE_ATTACH, pid, 0, 0) == 0);
    CHECK(STOPPED(next_status(pid), SIGSTOP));
    NEED(trace(PTRACE_DETACH, pid, 0, SIGTERM) == 0); /* goes on with a signal */
    CHECK_KILLED(status_of(pid), SIGTERM);
}

/* A stopped process becomes a stopped tracee, and is stopped again when it is let go. */
static void attach_to_stopped(void) {
    pid_t pid = sleeper();
    kill(pid, SIGSTOP);
    int status;
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    NEED(trace(PTRACE_ATTACH, pid, 0, 0) == 0);
    CHECK(STOPPED(next_status(pid), SIGSTOP));
    CHECK_EQ(state_of(pid), 't');
    NEED(trace(PTRACE_DETACH, pid, 0, 0) == 0);
    for (int i = 0; i < 1000 && state_of(pid) != 'T'; i++) usleep(1000);
    CHECK_EQ(state_of(pid), 'T');
    kill(pid, SIGKILL);
    CHECK_KILLED(status_of(pid), SIGKILL);
}

static void refusals(void) {
    CHECK_ERRNO(trace(PTRACE_ATTACH, getpid(), 0, 0), EPERM); /* oneself */
    CHECK_ERRNO(trace(PTRACE_ATTACH, 0, 0, 0), ESRCH);
    CHECK_ERRNO(trace(PTRACE_ATTACH, -1, 0, 0), ESRCH);
    CHECK_ERRNO(trace(PTRACE_ATTACH, 0x7ffffff, 0, 0), ESRCH);
    CHECK_ERRNO(trace(PTRACE_CONT, getpid(), 0, 0), ESRCH);
    CHECK_ERRNO(trace(PTRACE_SEIZE, getpid(), 1, 0), EIO);
    CHECK_ERRNO(trace(PTRACE_SEIZE, getpid(), 0, 1ul << 62), EIO);
    pid_t pid = sleeper();
    CHECK_ERRNO(trace(PTRACE_PEEKDATA, pid, 0, 0), ESRCH); /* not ours */
    CHECK_ERRNO(trace(PTRACE_INTERRUPT, pid, 0, 0), ESRCH);
    NEED(trace(PTRACE_SEIZE, pid, 0, 0) == 0);
    CHECK_ERRNO(trace(PTRACE_PEEKDATA, pid, 0, 0), ESRCH); /* it runs */
    NEED(trace(PTRACE_INTERRUPT, pid, 0, 0) == 0);
    NEED(WIFSTOPPED(next_status(pid)));
    CHECK_ERRNO(trace(4711, pid, 0, 0), EIO);
    CHECK_ERRNO(trace(-1, pid, 0, 0), EIO);
    CHECK_ERRNO(trace(PTRACE_CONT, pid, 0, 65), EIO);
    CHECK_ERRNO(trace(PTRACE_CONT, pid, 0, -1ul), EIO);
    CHECK_ERRNO(trace(PTRACE_DETACH, pid, 0, 65), EIO);
    CHECK_ERRNO(trace(PTRACE_SETOPTIONS, pid, 0, 1ul << 40), EINVAL);
    CHECK_ERRNO(trace(PTRACE_PEEKSIGINFO, pid, 0, 0), EFAULT);
    CHECK_ERRNO(trace(PTRACE_GETSIGMASK, pid, 4, 0), EINVAL);
    CHECK_ERRNO(trace(PTRACE_GETREGS, pid, 0, 8), EFAULT);
    CHECK_ERRNO(trace(PTRACE_GETREGS, pid, 0, 0xffff800000000000), EFAULT);
    CHECK_ERRNO(trace(PTRACE_SETREGS, pid, 0, 8), EFAULT);
    CHECK_ERRNO(trace(PTRACE_GETREGSET, pid, 1, 8), EFAULT);
    CHECK_ERRNO(trace(PTRACE_GETEVENTMSG, pid, 0, 8), EFAULT);
    end(pid);
    CHECK_ERRNO(trace(PTRACE_CONT, pid, 0, 0), ESRCH);
}

/* Another user's process, and one that must not be dumped. */
static void permissions(void) {
    if (getuid() != 0) skip_case("needs to change its user");
    pid_t stranger = sleeper(), hidden = child_of_case();
    if (hidden == 0) {
        NEED(setgid(1234) == 0 && setuid(1234) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0);
        for (;;) pause();
    }
    while (prctl(PR_GET_DUMPABLE) == 1 && state_of(hidden) != 'S') usleep(1000);
    pid_t user = child_of_case();
    if (user == 0) {
        char name[64];
        NEED(setgid(1234) == 0 && setuid(1234) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
        CHECK_ERRNO(trace(PTRACE_ATTACH, stranger, 0, 0), EPERM);
        CHECK_ERRNO(trace(PTRACE_SEIZE, stranger, 0, 0), EPERM);
        CHECK_ERRNO(trace(PTRACE_ATTACH, hidden, 0, 0), EPERM);
        snprintf(name, sizeof name, "/proc/%d/mem", stranger);
        CHECK_ERRNO(open(name, O_RDONLY), EACCES);
        struct iovec here = {name, 8}, there = {name, 8};
        CHECK_ERRNO(process_vm_readv(stranger, &here, 1, &there, 1, 0), EPERM);
        pid_t own = sleeper();
        CHECK(trace(PTRACE_ATTACH, own, 0, 0) == 0);
        CHECK(STOPPED(next_status(own), SIGSTOP));
        end(own);
        fflush(stdout);
        _exit(failed_checks != 0);
    }
    CHECK_EXITED(status_of(user), 0);
    kill(stranger, SIGKILL);
    kill(hidden, SIGKILL);
    status_of(stranger);
    status_of(hidden);
}

/* The tracer lets a signal through, drops it, or makes another of it. */
static void signal_choices(void) {
    pid_t pid = at_usr1();
    resume(pid, SIGUSR1);
    exits(pid, SIGUSR1);
    pid = at_usr1();
    resume(pid, 0);
    exits(pid, 0);
    pid = at_usr1();
    resume(pid, SIGUSR2);
    exits(pid, SIGUSR2);
    pid = at_usr1();
    resume(pid, SIGTERM);
    CHECK_KILLED(next_status(pid), SIGTERM);
}

static void signal_details(void) {
    pid_t pid = at_usr1();
    siginfo_t info;
    NEED(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info) == 0);
    CHECK_EQ(info.si_signo, SIGUSR1);
    CHECK_EQ(info.si_code, SI_TKILL);
    CHECK_EQ(info.si_pid, pid);
    info.si_value.sival_int = 99;
    CHECK(trace(PTRACE_SETSIGINFO, pid, 0, (unsigned long)&info) == 0);
    memset(&info, 0, sizeof info);
    CHECK(trace(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info) == 0);
    CHECK_EQ(info.si_value.sival_int, 99);
    CHECK_ERRNO(trace(PTRACE_GETSIGINFO, pid, 0, 8), EFAULT);
    uint64_t mask = -1;
    CHECK(trace(PTRACE_GETSIGMASK, pid, 8, (unsigned long)&mask) == 0);
    CHECK_EQ(mask & 1ul << (SIGUSR2 - 1), 0);
    mask = ~0ul;
    CHECK(trace(PTRACE_SETSIGMASK, pid, 8, (unsigned long)&mask) == 0);
    CHECK(trace(PTRACE_GETSIGMASK, pid, 8, (unsigned long)&mask) == 0);
    CHECK_EQ(mask, ~(1ul << (SIGKILL - 1) | 1ul << (SIGSTOP - 1)));
    resume(pid, SIGUSR1); /* is blocked now: waits */
    exits(pid, 0);
}

/* Signals that it ignores are seen too, and its queue. */
static void ignored_and_queued(void) {
    pid_t pid = tracee(nothing);
    kill(pid, SIGWINCH);
    union sigval value = {.sival_int = 5};
    NEED(sigqueue(pid, SIGRTMIN + 1, value) == 0);
    struct {
        uint64_t offset;
        uint32_t flags;
        int32_t count;
    } wanted = {0, 1 /* PTRACE_PEEKSIGINFO_SHARED */, 10};
    siginfo_t found[10];
    long count = trace(PTRACE_PEEKSIGINFO, pid, (unsigned long)&wanted, (unsigned long)found);
    CHECK_EQ(count, 2);
    CHECK_EQ(found[1].si_signo, SIGRTMIN + 1);
    CHECK_EQ(found[1].si_value.sival_int, 5);
    wanted.offset = 2;
    CHECK_EQ(trace(PTRACE_PEEKSIGINFO, pid, (unsigned long)&wanted, (unsigned long)found), 0);
    wanted.count = -1;
    CHECK_ERRNO(trace(PTRACE_PEEKSIGINFO, pid, (unsigned long)&wanted, (unsigned long)found),
                EINVAL);
    resume(pid, 0);
    CHECK(STOPPED(next_status(pid), SIGWINCH));
    resume(pid, SIGWINCH);
    CHECK(STOPPED(next_status(pid), SIGRTMIN + 1));
    resume(pid, 0);
    exits(pid, 0);
}

static void sigchld_says(void) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    pid_t pid = at_usr1();
    siginfo_t info;
    CHECK_EQ(sigwaitinfo(&child, &info), SIGCHLD);
    CHECK_EQ(info.si_code, CLD_TRAPPED);
    CHECK_EQ(info.si_pid, pid);
    resume(pid, 0);
    memset(&info, 0, sizeof info);
    CHECK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
    CHECK_EQ(info.si_code, CLD_EXITED);
    exits(pid, 0);
    pid = at_usr1();
    kill(pid, SIGUSR2);
    resume(pid, 0);
    CHECK(waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT) == 0);
    CHECK_EQ(info.si_code, CLD_TRAPPED);
    CHECK_EQ(info.si_status, SIGUSR2);
    end(pid);
}

/* SIGKILL ends it in any stop. */
static void killed_in_a_stop(void) {
    pid_t pid = at_usr1();
    kill(pid, SIGKILL);
    CHECK_KILLED(next_status(pid), SIGKILL);
    pid = at_usr1();
    CHECK(trace(PTRACE_KILL, pid, 0, 0) == 0);
    CHECK_KILLED(next_status(pid), SIGKILL);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(traceme), CASE(attach_and_detach), CASE(attach_to_stopped), CASE(refusals),
        CASE(permissions), CASE(signal_choices), CASE(signal_details), CASE(ignored_and_queued),
        CASE(sigchld_says), CASE(killed_in_a_stop), END});
}
