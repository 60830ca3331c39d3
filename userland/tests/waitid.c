/* waitid: every way to choose a child, every event, WNOWAIT, what is written where. */
#include "tests/check.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/time.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static long raw_waitid(int type, int id, void* info, int options, struct rusage* usage) {
    return syscall(SYS_waitid, type, id, info, options, usage);
}
static int pidfd_open_of(pid_t pid, unsigned flags) {
    return (int)syscall(SYS_pidfd_open, pid, flags);
}

static pid_t child_that(void (*body)(void)) {
    pid_t pid = fork_or_die();
    if (pid == 0) {
        body();
        _exit(0);
    }
    return pid;
}
static void leave_42(void) { _exit(42); }
static void sleep_on(void) {
    for (;;) pause();
}
/* The child is dead, and stays so until somebody asks. */
static void await_death(pid_t pid) {
    siginfo_t info;
    NEED(raw_waitid(P_PID, pid, &info, WEXITED | WNOWAIT, NULL) == 0);
}

static void exit_events(void) {
    siginfo_t info;
    pid_t pid = child_that(leave_42);
    memset(&info, 0xee, sizeof info);
    CHECK(raw_waitid(P_PID, pid, &info, WEXITED, NULL) == 0);
    CHECK(info.si_signo == SIGCHLD && info.si_errno == 0 && info.si_code == CLD_EXITED);
    CHECK(info.si_pid == pid && info.si_uid == getuid());
    CHECK_EQ(info.si_status, 42);
    CHECK_ERRNO(raw_waitid(P_PID, pid, &info, WEXITED, NULL), ECHILD);

    pid = child_that(sleep_on);
    CHECK(kill(pid, SIGTERM) == 0);
    CHECK(raw_waitid(P_ALL, 0, &info, WEXITED, NULL) == 0);
    CHECK(info.si_code == CLD_KILLED && info.si_pid == pid && info.si_status == SIGTERM);
}

/* WNOWAIT leaves the event where it is, as often as one asks. */
static void look_twice(void) {
    siginfo_t info;
    pid_t pid = child_that(leave_42);
    for (int i = 0; i < 3; i++) {
        memset(&info, 0, sizeof info);
        CHECK(raw_waitid(P_PID, pid, &info, WEXITED | WNOWAIT, NULL) == 0);
        CHECK(info.si_pid == pid && info.si_status == 42);
    }
    CHECK(raw_waitid(P_PID, pid, &info, WEXITED | WNOHANG, NULL) == 0);
    CHECK(info.si_pid == pid);
    CHECK_ERRNO(raw_waitid(P_PID, pid, &info, WEXITED | WNOWAIT, NULL), ECHILD);
}

static void stop_and_continue(void) {
    siginfo_t info;
    struct rusage usage;
    pid_t pid = child_that(sleep_on);
    CHECK(kill(pid, SIGSTOP) == 0);
    CHECK(raw_waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT, NULL) == 0);
    CHECK(info.si_code == CLD_STOPPED && info.si_status == SIGSTOP);
    memset(&usage, 0xff, sizeof usage);
    CHECK(raw_waitid(P_PID, pid, &info, WSTOPPED, &usage) == 0);
    CHECK(usage.ru_utime.tv_sec == 0 && usage.ru_minflt >= 0 && usage.ru_nvcsw >= 0);
    info.si_pid = 77;
    CHECK(raw_waitid(P_PID, pid, &info, WSTOPPED | WNOHANG, NULL) == 0);
    CHECK(info.si_pid == 0 && info.si_signo == 0); /* once only */
    CHECK(kill(pid, SIGCONT) == 0);
    CHECK(raw_waitid(P_PID, pid, &info, WCONTINUED | WNOWAIT, NULL) == 0);
    CHECK(raw_waitid(P_PID, pid, &info, WCONTINUED, NULL) == 0);
    CHECK(info.si_code == CLD_CONTINUED && info.si_status == SIGCONT);
    CHECK(raw_waitid(P_PID, pid, &info, WCONTINUED | WEXITED | WNOHANG, NULL) == 0);
    CHECK(info.si_pid == 0);
    kill(pid, SIGKILL);
    CHECK(raw_waitid(P_PID, pid, &info, WEXITED | WSTOPPED | WCONTINUED, NULL) == 0);
    CHECK(info.si_code == CLD_KILLED && info.si_status == SIGKILL);
}

static void leave_soon(void) { usleep(30000); }
/* Who asks for stops alone has nothing to wait for when all children are dead. */
static void stops_of_the_dead(void) {
    siginfo_t info;
    pid_t pid = child_that(leave_42);
    await_death(pid);
    CHECK_ERRNO(raw_waitid(P_PID, pid, &info, WSTOPPED | WNOHANG, NULL), ECHILD);
    CHECK_ERRNO(raw_waitid(P_ALL, 0, &info, WSTOPPED | WCONTINUED, NULL), ECHILD);
    pid_t other = child_that(leave_soon);
    CHECK_ERRNO(raw_waitid(P_ALL, 0, &info, WSTOPPED, NULL), ECHILD); /* after a while */
    CHECK(raw_waitid(P_PID, pid, &info, WEXITED, NULL) == 0 && info.si_status == 42);
    CHECK(raw_waitid(P_PID, other, &info, WEXITED, NULL) == 0 && info.si_pid == other);
}

static void by_group(void) {
    siginfo_t info;
    pid_t in = child_that(leave_42), out = child_that(leave_42);
    await_death(out);
    (void)setpgid(in, in);
    await_death(in);
    pid_t other = child_that(sleep_on);
    CHECK(setpgid(other, other) == 0);
    CHECK(raw_waitid(P_PGID, other, &info, WEXITED | WNOHANG, NULL) == 0);
    CHECK(info.si_pid == 0);
    CHECK(kill(other, SIGKILL) == 0);
    CHECK(raw_waitid(P_PGID, other, &info, WEXITED, NULL) == 0 && info.si_pid == other);
    CHECK_ERRNO(raw_waitid(P_PGID, other, &info, WEXITED, NULL), ECHILD);
    int mine = 0; /* 0: the caller's own group */
    while (raw_waitid(P_PGID, 0, &info, WEXITED | WNOHANG, NULL) == 0 && info.si_pid != 0) mine++;
    CHECK(mine >= 1);
    while (waitpid(-1, NULL, 0) > 0) continue;
}

static void by_pidfd(void) {
    siginfo_t info;
    pid_t pid = child_that(sleep_on);
    int fd = pidfd_open_of(pid, 0);
    NEED(fd >= 0);
    CHECK(raw_waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG, NULL) == 0 && info.si_pid == 0);
    CHECK(kill(pid, SIGSTOP) == 0);
    CHECK(raw_waitid(P_PIDFD, fd, &info, WSTOPPED, NULL) == 0);
    CHECK(info.si_code == CLD_STOPPED && info.si_pid == pid);
    CHECK(kill(pid, SIGKILL) == 0);
    CHECK(raw_waitid(P_PIDFD, fd, &info, WEXITED | WNOWAIT, NULL) == 0 && info.si_pid == pid);
    CHECK(raw_waitid(P_PIDFD, fd, &info, WEXITED, NULL) == 0 && info.si_pid == pid);
    CHECK_ERRNO(raw_waitid(P_PIDFD, fd, &info, WEXITED, NULL), ECHILD);
    close(fd);

    pid = child_that(sleep_on);
    fd = pidfd_open_of(pid, O_NONBLOCK);
    NEED(fd >= 0);
    CHECK_ERRNO(raw_waitid(P_PIDFD, fd, &info, WEXITED, NULL), EAGAIN);
    CHECK(raw_waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG, NULL) == 0 && info.si_pid == 0);
    kill(pid, SIGKILL);
    await_death(pid);
    CHECK(raw_waitid(P_PIDFD, fd, &info, WEXITED, NULL) == 0 && info.si_pid == pid);
    /* Not a child. */
    int self = pidfd_open_of(getpid(), 0), null = open("/dev/null", O_RDONLY);
    CHECK_ERRNO(raw_waitid(P_PIDFD, self, &info, WEXITED, NULL), ECHILD);
    CHECK_ERRNO(raw_waitid(P_PIDFD, null, &info, WEXITED, NULL), EBADF);
    CHECK_ERRNO(raw_waitid(P_PIDFD, 999, &info, WEXITED, NULL), EBADF);
    CHECK_ERRNO(raw_waitid(P_PIDFD, -1, &info, WEXITED, NULL), EINVAL);
}

static void burn(void) {
    struct rusage usage;
    do {
        getrusage(RUSAGE_SELF, &usage);
    } while (usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec +
                 usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec <
             30000);
}
enum { kUsageBytes = 144 }; /* what the kernel writes; musl has reserved more */
static void usage(void) {
    siginfo_t info;
    struct rusage used, again;
    pid_t pid = child_that(burn);
    CHECK(raw_waitid(P_PID, pid, &info, WEXITED | WNOWAIT, NULL) == 0);
    usleep(20000); /* a zombie's last switch counts, too, and may be still to come */
    CHECK(raw_waitid(P_PID, pid, &info, WEXITED | WNOWAIT, &used) == 0);
    CHECK(raw_waitid(P_PID, pid, &info, WEXITED, &again) == 0);
    CHECK(memcmp(&used, &again, kUsageBytes) == 0);
    CHECK(used.ru_utime.tv_usec + used.ru_stime.tv_usec + 1000000 * used.ru_utime.tv_sec >= 29000);
    /* Nothing to tell: nothing is written. */
    pid = child_that(sleep_on);
    memset(&used, 0x55, sizeof used);
    again = used;
    CHECK(raw_waitid(P_PID, pid, &info, WEXITED | WNOHANG, &used) == 0);
    CHECK(memcmp(&used, &again, kUsageBytes) == 0);
    kill(pid, SIGKILL);
    CHECK(raw_waitid(P_PID, pid, NULL, WEXITED, NULL) == 0);
}

/* Only six numbers of the siginfo_t belong to waitid(). */
static void written_bytes(void) {
    unsigned char* bytes = (unsigned char*)before_the_end(28);
    pid_t pid = child_that(leave_42);
    memset(bytes, 0xaa, 28);
    CHECK(raw_waitid(P_PID, pid, bytes, WEXITED, NULL) == 0);
    CHECK(bytes[12] == 0xaa && bytes[15] == 0xaa);
    CHECK(memcmp(bytes + 16, &pid, 4) == 0 && bytes[24] == 42);
    memset(bytes, 0xaa, 28); /* a failure leaves zeros */
    CHECK_ERRNO(raw_waitid(P_PID, pid, bytes, WEXITED, NULL), ECHILD);
    CHECK(bytes[0] == 0 && bytes[16] == 0 && bytes[24] == 0 && bytes[12] == 0xaa);
}

static void bad_arguments(void) {
    siginfo_t info;
    pid_t pid = child_that(leave_42);
    CHECK_ERRNO(raw_waitid(P_ALL, 0, &info, 0, NULL), EINVAL);
    CHECK_ERRNO(raw_waitid(P_ALL, 0, &info, WNOHANG | WNOWAIT, NULL), EINVAL);
    CHECK_ERRNO(raw_waitid(P_ALL, 0, &info, WEXITED | 0x10, NULL), EINVAL);
    CHECK_ERRNO(raw_waitid(4, 0, &info, WEXITED, NULL), EINVAL);
    CHECK_ERRNO(raw_waitid(-1, 0, &info, WEXITED, NULL), EINVAL);
    CHECK_ERRNO(raw_waitid(P_PID, 0, &info, WEXITED, NULL), EINVAL);
    CHECK_ERRNO(raw_waitid(P_PID, -5, &info, WEXITED, NULL), EINVAL);
    CHECK_ERRNO(raw_waitid(P_PGID, -5, &info, WEXITED, NULL), EINVAL);
    CHECK_ERRNO(raw_waitid(P_PID, 1, &info, WEXITED, NULL), ECHILD);
    CHECK_ERRNO(raw_waitid(P_PID, pid, unmapped_page(), WEXITED | WNOWAIT, NULL), EFAULT);
    CHECK_ERRNO(raw_waitid(P_PID, pid, page_with(PROT_READ), WEXITED | WNOWAIT, NULL), EFAULT);
    CHECK_ERRNO(raw_waitid(P_PID, pid, (void*)-4096, WEXITED | WNOWAIT, NULL), EFAULT);
    CHECK_ERRNO(raw_waitid(P_PID, pid, &info, WEXITED | WNOWAIT, (void*)unmapped_page()), EFAULT);
    CHECK_ERRNO(wait4(pid, NULL, WEXITED, NULL), EINVAL);
    CHECK(wait4(pid, NULL, 0, NULL) == pid);
}

static volatile sig_atomic_t alarms;
static void count_alarm(int signal) {
    (void)signal;
    alarms++;
}
static void interrupted(void) {
    siginfo_t info;
    pid_t pid = child_that(sleep_on);
    struct sigaction action = {.sa_handler = count_alarm};
    NEED(sigaction(SIGALRM, &action, NULL) == 0);
    const struct itimerval soon = {.it_interval = {0, 20000}, .it_value = {0, 20000}};
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK_ERRNO(raw_waitid(P_PID, pid, &info, WEXITED, NULL), EINTR);
    CHECK(alarms >= 1);
    kill(pid, SIGKILL);
    long result = -1;
    do {
        result = raw_waitid(P_PID, pid, &info, WEXITED, NULL);
    } while (result == -1 && errno == EINTR);
    CHECK(result == 0 && info.si_pid == pid);
}

/* Clones that do not announce themselves by SIGCHLD are asked for by name. */
static int leave(void* unused) {
    (void)unused;
    return 0;
}
static void clones(void) {
    static char stack[16384] __attribute__((aligned(16)));
    siginfo_t info;
    signal(SIGUSR2, SIG_IGN);
    pid_t pid = clone(leave, stack + sizeof stack, SIGUSR2 | CLONE_VM, NULL);
    NEED(pid > 0);
    CHECK_ERRNO(raw_waitid(P_ALL, 0, &info, WEXITED, NULL), ECHILD);
    CHECK(raw_waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | __WALL, NULL) == 0 && info.si_pid == pid);
    CHECK(raw_waitid(P_ALL, 0, &info, WEXITED | __WCLONE, NULL) == 0 && info.si_pid == pid);
    CHECK_ERRNO(raw_waitid(P_ALL, 0, &info, WEXITED | __WALL, NULL), ECHILD);
}

/* Two threads of control want one corpse: one gets it. */
static void* waiter_stack(void) {
    char* stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(stack != MAP_FAILED);
    return stack + 65536;
}
static volatile int reaped, finished;
static volatile pid_t prey;
static int wait_in_thread(void* unused) {
    (void)unused;
    siginfo_t info;
    int got = raw_waitid(P_PID, prey, &info, WEXITED, NULL) == 0;
    __atomic_fetch_add(&reaped, got, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_exit, 0);
    return 0;
}
static void two_waiters(void) {
    void* stacks[3];
    for (int i = 0; i < 3; i++) stacks[i] = waiter_stack();
    for (int round = 0; round < 20; round++) {
        reaped = finished = 0;
        prey = child_that(sleep_on);
        for (int i = 0; i < 3; i++) {
            NEED(clone(wait_in_thread, stacks[i],
                       CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, NULL) > 0);
        }
        if (round % 2) sched_yield();
        kill(prey, SIGKILL);
        while (finished < 3) sched_yield();
        CHECK_EQ(reaped, 1);
    }
}

/* Many dead at once, waited for in the order least convenient. */
static void zombies(void) {
    enum { kMany = 400 };
    static pid_t pids[kMany];
    siginfo_t info;
    int made = 0;
    while (made < kMany) {
        pid_t pid = fork();
        if (pid == 0) _exit(made & 0x7f);
        if (pid < 0) break;
        pids[made++] = pid;
    }
    CHECK(made > 100);
    for (int i = made - 1; i >= 0; i--) {
        CHECK(raw_waitid(P_PID, pids[i], &info, WEXITED, NULL) == 0);
        CHECK(info.si_pid == pids[i] && info.si_status == (i & 0x7f));
    }
    CHECK_ERRNO(raw_waitid(P_ALL, 0, &info, WEXITED, NULL), ECHILD);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(exit_events), CASE(look_twice), CASE(stop_and_continue), CASE(stops_of_the_dead),
        CASE(by_group), CASE(by_pidfd), CASE(usage), CASE(written_bytes), CASE(bad_arguments),
        CASE(interrupted), CASE(clones), CASE(two_waiters), CASE(zombies), END});
}
