/* The finer rules of signals: limits, order, what each source tells, stacks, restarts. */
#include "tests/signal_util.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/time.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif
#ifndef SI_KERNEL
#define SI_KERNEL 0x80
#endif

/* --- the queue ----------------------------------------------------------------------------------
 */

static void pending_limit(void) {
    become_somebody();
    const int rt = SIGRTMIN + 1;
    struct rlimit limit = {5, 5};
    siginfo_t info;
    block(rt);
    block(SIGUSR1);
    block(SIGUSR2);
    NEED(setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
    for (int i = 0; i < 5; i++) CHECK(queue(getpid(), rt, i) == 0);
    CHECK_ERRNO(queue(getpid(), rt, 5), EAGAIN);
    CHECK(kill(getpid(), rt) == 0); /* kill() never fails for want of room: it merges */
    /* Of the standard ones sigqueue() loses what it had to say, kill() does not. */
    CHECK(queue(getpid(), SIGUSR1, 6) == 0);
    CHECK(take(SIGUSR1, &info) == SIGUSR1 && info.si_code == SI_USER && info.si_pid == 0);
    CHECK(kill(getpid(), SIGUSR2) == 0);
    CHECK(take(SIGUSR2, &info) == SIGUSR2 && info.si_pid == getpid());
    for (int i = 0; i < 5; i++) {
        CHECK(take(rt, &info) == rt && info.si_code == SI_QUEUE && info.si_value.sival_int == i);
    }
    CHECK(take(rt, &info) == 0);
    CHECK(queue(getpid(), rt, 7) == 0);
    CHECK(take(rt, &info) == rt && info.si_value.sival_int == 7);
    limit.rlim_cur = 0;
    NEED(setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
    CHECK_ERRNO(queue(getpid(), rt, 5), EAGAIN);
    CHECK(kill(getpid(), rt) == 0);
    CHECK(take(rt, &info) == rt && info.si_pid == 0); /* the bare number */
    CHECK(take(rt, &info) == 0);
}

/* The number of signals that wait for all of the user's tasks, as /proc has it. */
static unsigned long queued_signals(void) {
    char text[4096] = "";
    int fd = open("/proc/self/status", O_RDONLY);
    NEED(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    close(fd);
    const char* line = strstr(text, "SigQ:");
    NEED(line);
    return strtoul(line + 5, NULL, 10);
}

/* The limit is for all of a user's processes together, whichever it was that sent. */
static void pending_limit_of_user(void) {
    become_somebody();
    const int rt = SIGRTMIN + 1;
    struct rlimit limit = {4, 4};
    int ready[2], end[2];
    char byte;
    NEED(pipe(ready) == 0 && pipe(end) == 0);
    block(rt);
    NEED(setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
    CHECK_EQ(queued_signals(), 0);
    pid_t child = fork_or_die();
    if (child == 0) {
        CHECK_EQ(queued_signals(), 0);
        for (int i = 0; i < 3; i++) CHECK(queue(getpid(), rt, i) == 0);
        NEED(write(ready[1], "", 1) == 1);
        close(end[1]);
        _exit(read(end[0], &byte, 1) != 0 || failed_checks != 0);
    }
    NEED(read(ready[0], &byte, 1) == 1);
    CHECK_EQ(queued_signals(), 3);
    CHECK(queue(getpid(), rt, 3) == 0);
    CHECK_ERRNO(queue(getpid(), rt, 4), EAGAIN);
    CHECK_ERRNO(queue(child, rt, 4), EAGAIN);
    timer_t timer;
    CHECK_ERRNO(timer_create(CLOCK_MONOTONIC, NULL, &timer), EAGAIN);
    CHECK_EQ(queued_signals(), 4);
    close(end[1]);
    CHECK_EXITED(status_of(child), 0); /* what it left behind went with it */
    CHECK_EQ(queued_signals(), 1);
    CHECK(timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0);
    CHECK_EQ(queued_signals(), 2);
    CHECK(timer_delete(timer) == 0);
    siginfo_t info;
    CHECK(take(rt, &info) == rt);
    CHECK_EQ(queued_signals(), 0);
}

/* A process that becomes another user's leaves its pending signals to the one it was. */
static void pending_signals_keep_their_user(void) {
    if (geteuid() != 0) skip_case("not root");
    const int rt = SIGRTMIN + 1;
    siginfo_t info;
    block(rt);
    CHECK(queue(getpid(), rt, 1) == 0);
    NEED(setuid(61234) == 0);
    CHECK_EQ(queued_signals(), 0);
    CHECK(queue(getpid(), rt, 2) == 0);
    CHECK_EQ(queued_signals(), 1);
    CHECK(take(rt, &info) == rt && info.si_value.sival_int == 1);
    CHECK_EQ(queued_signals(), 1);
    CHECK(take(rt, &info) == rt && info.si_value.sival_int == 2);
    CHECK_EQ(queued_signals(), 0);
}

/* A thread's own before the process', then by number, then by age. */
static void order(void) {
    siginfo_t info;
    sigset_t all;
    const int low = SIGRTMIN + 2, high = SIGRTMIN + 3;
    struct timespec now = {0, 0};
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    queue(getpid(), high, 1);
    queue(getpid(), low, 2);
    queue(getpid(), low, 3);
    kill(getpid(), SIGTERM);
    raise(SIGUSR2);
    raise(SIGUSR1);
    raise(high);
    const int wanted[] = {SIGUSR1, SIGUSR2, high, SIGTERM, low, low, high};
    const int value[] = {0, 0, 0, 0, 2, 3, 1};
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        CHECK_EQ(sigtimedwait(&all, &info, &now), wanted[i]);
        if (value[i]) CHECK_EQ(info.si_value.sival_int, value[i]);
    }
    CHECK_ERRNO(sigtimedwait(&all, &info, &now), EAGAIN);
}

/* --- what each source tells ---------------------------------------------------------------------
 */

/* Whether there is such a signal is asked after whether there is such a process. */
static void no_such_signal(void) {
    pid_t gone = fork_or_die();
    if (gone == 0) _exit(0);
    status_of(gone);
    CHECK_ERRNO(kill(gone, 99), ESRCH);
    CHECK_ERRNO(kill(getpid(), 99), EINVAL);
    CHECK_ERRNO(kill(getpid(), -1), EINVAL);
    CHECK_ERRNO(kill(-gone, 99), ESRCH);
    CHECK_ERRNO(kill(0, 65), EINVAL);
    CHECK_ERRNO(syscall(SYS_tgkill, getpid(), gone, 99), ESRCH);
    CHECK_ERRNO(syscall(SYS_tgkill, getpid(), getpid(), 99), EINVAL);
}

static void sources(void) {
    siginfo_t info;
    int ends[2];
    handle(SIGUSR1, 0);
    kill(getpid(), SIGUSR1);
    CHECK(last.si_code == SI_USER && last.si_pid == getpid() && last.si_uid == getuid());
    syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
    CHECK(last.si_code == SI_TKILL && last.si_pid == getpid());
    queue(getpid(), SIGUSR1, 17);
    CHECK(last.si_code == SI_QUEUE && last.si_value.sival_int == 17 && last.si_pid == getpid());
    memset(&info, 0, sizeof info);
    info.si_code = -60;
    info.si_value.sival_int = 18;
    CHECK(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &info) == 0);
    CHECK(last.si_signo == SIGUSR1 && last.si_code == -60 && last.si_value.sival_int == 18);

    NEED(pipe(ends) == 0);
    handle(SIGPIPE, 0);
    close(ends[0]);
    CHECK_ERRNO(write(ends[1], "", 1), EPIPE);
    CHECK(last.si_signo == SIGPIPE && last.si_code == SI_USER && last.si_pid == getpid());

    handle(SIGXFSZ, 0);
    struct rlimit small = {4096, RLIM_INFINITY};
    int fd = open("large", O_RDWR | O_CREAT, 0600);
    setrlimit(RLIMIT_FSIZE, &small);
    CHECK_ERRNO(pwrite(fd, "x", 1, 4096), EFBIG);
    CHECK(last.si_signo == SIGXFSZ && last.si_code == SI_USER && last.si_pid == getpid());

    handle(SIGALRM, 0);
    struct itimerval soon = {{0, 0}, {0, 1000}};
    setitimer(ITIMER_REAL, &soon, NULL);
    while (last.si_signo != SIGALRM) nap(1);
    CHECK(last.si_code == SI_KERNEL);
}

static void of_children(void) {
    handle(SIGCHLD, 0);
    pid_t pid = fork_or_die();
    if (pid == 0) _exit(3);
    while (seen < 1) nap(1);
    CHECK(last.si_code == CLD_EXITED && last.si_status == 3 && last.si_pid == pid);
    CHECK(last.si_uid == getuid());
    status_of(pid);
    pid = pausing_child();
    kill(pid, SIGSTOP);
    while (seen < 2) nap(1);
    CHECK(last.si_code == CLD_STOPPED && last.si_status == SIGSTOP && last.si_pid == pid);
    kill(pid, SIGCONT);
    while (seen < 3) nap(1);
    CHECK(last.si_code == CLD_CONTINUED && last.si_status == SIGCONT && last.si_pid == pid);
    kill(pid, SIGTERM);
    while (seen < 4) nap(1);
    CHECK(last.si_code == CLD_KILLED && last.si_status == SIGTERM && last.si_pid == pid);
    status_of(pid);
}

static void child_flags(void) {
    handle(SIGCHLD, SA_NOCLDSTOP);
    pid_t pid = pausing_child();
    int status;
    kill(pid, SIGSTOP);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    kill(pid, SIGCONT);
    CHECK(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
    CHECK_EQ(seen, 0);
    kill(pid, SIGKILL);
    status_of(pid);
    CHECK_EQ(seen, 1);
    handle(SIGCHLD, SA_NOCLDWAIT); /* no zombie, but a signal */
    pid = fork_or_die();
    if (pid == 0) _exit(0);
    while (waitpid(pid, NULL, 0) != -1 || errno != ECHILD) continue;
    CHECK_EQ(seen, 2);
    signal(SIGCHLD, SIG_IGN); /* neither */
    pid = fork_or_die();
    if (pid == 0) _exit(0);
    while (waitpid(pid, NULL, 0) != -1 || errno != ECHILD) continue;
    CHECK_EQ(seen, 2);
}

static void forgery(void) {
    siginfo_t info;
    pid_t pid = pausing_child();
    memset(&info, 0, sizeof info);
    info.si_code = SI_USER;
    CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info), EPERM);
    info.si_code = SI_TKILL;
    CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info), EPERM);
    CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, pid, pid, SIGUSR1, &info), EPERM);
    info.si_code = SI_KERNEL;
    CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info), EPERM);
    info.si_code = SI_QUEUE;
    CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, getpid(), pid, SIGUSR1, &info), ESRCH);
    CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, 0, pid, SIGUSR1, &info), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, pid, -1, SIGUSR1, &info), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, pid, 65, &info), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, 0x7ffffff0, SIGUSR1, &info), ESRCH);
    CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, unmapped_page()), EFAULT);
    CHECK(syscall(SYS_rt_sigqueueinfo, pid, 0, &info) == 0);
    CHECK(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info) == 0);
    CHECK_KILLED(status_of(pid), SIGUSR1);
}

/* --- stacks -------------------------------------------------------------------------------------
 */

static char* stack;
static char elsewhere[8192];
static stack_t inside;
static long set_stack(const stack_t* wanted, stack_t* old) { /* musl has its own opinions */
    return syscall(SYS_sigaltstack, wanted, old);
}
static int inside_error, on_it;
static void look_around(int signal) {
    char here;
    stack_t other = {.ss_sp = elsewhere, .ss_size = sizeof elsewhere};
    (void)signal;
    set_stack(NULL, &inside);
    inside_error = set_stack(&other, NULL) == -1 ? errno : 0;
    on_it = &here >= stack && &here < stack + 65536;
}
static void stacks(void) {
    stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t wanted = {.ss_sp = stack, .ss_size = 65536}, now;
    struct sigaction action = {.sa_handler = look_around, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    NEED(set_stack(&wanted, NULL) == 0);
    raise(SIGUSR1);
    CHECK(on_it && inside.ss_flags == SS_ONSTACK && inside_error == EPERM);
    CHECK(set_stack(NULL, &now) == 0 && now.ss_flags == 0 && now.ss_sp == stack);
    action.sa_flags = 0; /* it is not asked for */
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    CHECK(!on_it && inside.ss_flags == 0 && inside_error == 0);

    wanted.ss_flags = (int)SS_AUTODISARM;
    NEED(set_stack(&wanted, NULL) == 0);
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    CHECK(on_it && inside.ss_flags == SS_DISABLE && inside_error == 0);
    CHECK(set_stack(NULL, &now) == 0 && now.ss_flags == (int)SS_AUTODISARM && now.ss_sp == stack);

    wanted = (stack_t){.ss_sp = stack, .ss_size = 2047};
    CHECK_ERRNO(set_stack(&wanted, NULL), ENOMEM);
    wanted = (stack_t){.ss_sp = stack, .ss_size = 65536, .ss_flags = 8};
    CHECK_ERRNO(set_stack(&wanted, NULL), EINVAL);
    wanted.ss_flags = 3;
    CHECK_ERRNO(set_stack(&wanted, NULL), EINVAL);
    CHECK_ERRNO(syscall(SYS_sigaltstack, unmapped_page(), NULL), EFAULT);
    CHECK_ERRNO(syscall(SYS_sigaltstack, NULL, unmapped_page()), EFAULT);
    wanted.ss_flags = SS_ONSTACK; /* Linux takes it for 0 */
    CHECK(set_stack(&wanted, NULL) == 0);
    wanted = (stack_t){.ss_flags = SS_DISABLE};
    CHECK(set_stack(&wanted, &now) == 0 && now.ss_flags == 0);
    CHECK(set_stack(NULL, &now) == 0 && now.ss_flags == SS_DISABLE && now.ss_size == 0);
}

/* Too deep for the stack it has: SIGSEGV, which cannot be handled there either. */
static void recurse(int signal) {
    volatile char room[1500];
    room[0] = 1;
    raise(signal);
    room[1] = room[0];
}
static void overflow_it(void) {
    stack = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t small = {.ss_sp = stack, .ss_size = 16384};
    struct sigaction action = {.sa_handler = recurse, .sa_flags = SA_ONSTACK | SA_NODEFER};
    sigaltstack(&small, NULL);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    raise(SIGUSR1);
}
static void stack_overflow(void) { CHECK_KILLED(in_child(overflow_it), SIGSEGV); }

/* --- restarting ---------------------------------------------------------------------------------
 */

static void* kick_me(void* target) {
    for (int i = 0; i < 3; i++) {
        nap(30);
        pthread_kill(*(pthread_t*)target, SIGUSR1);
    }
    return NULL;
}
#define KICKED(flags, call)                                         \
    ({                                                              \
        pthread_t self_ = pthread_self(), kicker_;                  \
        handle(SIGUSR1, flags);                                     \
        NEED(pthread_create(&kicker_, NULL, kick_me, &self_) == 0); \
        errno = 0;                                                  \
        long result_ = (long)(call);                                \
        int error_ = result_ == -1 ? errno : 0;                     \
        pthread_join(kicker_, NULL);                                \
        error_;                                                     \
    })
enum { kFutexWait = 0 };
static uint32_t word;
static void interrupted_calls(void) {
    int ends[2], epoll = epoll_create1(0);
    char byte;
    struct epoll_event event;
    sigset_t mask, none;
    siginfo_t info;
    NEED(pipe(ends) == 0);
    struct pollfd one = {.fd = ends[0], .events = POLLIN};
    struct timespec second = {1, 0}, left;
    sigemptyset(&none);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    for (int i = 0; i < 2; i++) { /* these are never restarted */
        const int flags = i ? SA_RESTART : 0;
        CHECK_EQ(KICKED(flags, pause()), EINTR);
        CHECK_EQ(KICKED(flags, sigsuspend(&none)), EINTR);
        CHECK_EQ(KICKED(flags, poll(&one, 1, 1000)), EINTR);
        CHECK_EQ(KICKED(flags, ppoll(&one, 1, &second, &none)), EINTR);
        CHECK_EQ(KICKED(flags, epoll_wait(epoll, &event, 1, 1000)), EINTR);
        CHECK_EQ(KICKED(flags, nanosleep(&second, &left)), EINTR);
        CHECK(left.tv_sec == 0 && left.tv_nsec > 0);
        CHECK_EQ(KICKED(flags, syscall(SYS_rt_sigtimedwait, &mask, &info, &second, 8)), EINTR);
        CHECK_EQ(KICKED(flags, syscall(SYS_futex, &word, kFutexWait, 0, &second)), EINTR);
    }
    CHECK_EQ(KICKED(0, read(ends[0], &byte, 1)), EINTR);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        nap(200);
        _exit(write(ends[1], "x", 1) != 1);
    }
    CHECK_EQ(KICKED(0, waitpid(pid, NULL, 0)), EINTR);
    CHECK_EQ(KICKED(SA_RESTART, read(ends[0], &byte, 1)), 0);
    CHECK_EQ(KICKED(SA_RESTART, waitpid(pid, NULL, 0)), 0);
    CHECK_ERRNO(syscall(SYS_restart_syscall), EINTR);
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A stop and a continuation without a handler leave no trace in the calls they interrupt. */
static int stopped_call(int which) {
    int ends[2], epoll = epoll_create1(0);
    struct epoll_event event;
    if (pipe(ends) != 0) return 100;
    struct pollfd one = {.fd = ends[0], .events = POLLIN};
    struct timespec time = {0, 300000000};
    char byte;
    switch (which) {
    case 0: return poll(&one, 1, 300) == 0 ? 0 : errno;
    case 1: return nanosleep(&time, NULL) == 0 ? 0 : errno;
    case 2: return ppoll(&one, 1, &time, NULL) == 0 ? 0 : errno;
    case 3: return epoll_wait(epoll, &event, 1, 300) == 0 ? 0 : errno;
    case 4:
        if (fork() == 0) {
            nap(300);
            _exit(write(ends[1], "", 1) != 1);
        }
        return read(ends[0], &byte, 1) == 1 ? 0 : errno;
    case 5: { /* until the time that was set at first, however often it is stopped */
        const int64_t begin = now_ms();
        const int64_t result = syscall(SYS_futex, &word, kFutexWait, 0, &time);
        const int error = errno;
        if (now_ms() - begin < 299) return 98;
        return result == -1 && error == ETIMEDOUT ? 0 : error;
    }
    default: return 99;
    }
}
static void across_a_stop(void) {
    const int wanted[] = {0, 0, 0, EINTR, 0, 0}; /* epoll_wait is the exception: signal(7) */
    for (int which = 0; which < 6; which++) {
        pid_t pid = fork_or_die();
        if (pid == 0) _exit(stopped_call(which));
        nap(100);
        for (int i = 0; i < 2; i++) {
            int status;
            kill(pid, SIGSTOP);
            if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status)) break;
            kill(pid, SIGCONT);
            nap(20);
            if (wanted[which]) break;
        }
        CHECK_EXITED(status_of(pid), wanted[which]);
    }
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(pending_limit), CASE(pending_limit_of_user), CASE(pending_signals_keep_their_user),
        CASE(order), CASE(no_such_signal), CASE(sources), CASE(of_children), CASE(child_flags),
        CASE(forgery), CASE(stacks), CASE(stack_overflow), CASE(interrupted_calls),
        CASE(across_a_stop), END});
}
