/* pidfds: opening, polling, sending, borrowing files, what they name when numbers change. */
#include "tests/pidfd.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>

static pid_t sleeper(void) {
    pid_t pid = fork_or_die();
    if (pid == 0) {
        for (;;) pause();
    }
    return pid;
}
static int readable(int fd, int timeout) {
    struct pollfd one = {.fd = fd, .events = POLLIN};
    int count = poll(&one, 1, timeout);
    return count == 1 && (one.revents & POLLIN);
}

static void opening(void) {
    int fd = pidfd_open(getpid(), 0);
    NEED(fd >= 0);
    CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    CHECK((fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
    int nonblocking = pidfd_open(1, O_NONBLOCK);
    CHECK(nonblocking >= 0 && (fcntl(nonblocking, F_GETFL) & O_NONBLOCK));
    CHECK_ERRNO(pidfd_open(getpid(), 1), EINVAL);
    CHECK_ERRNO(pidfd_open(getpid(), O_CLOEXEC), EINVAL);
    CHECK_ERRNO(pidfd_open(0, 0), EINVAL);
    CHECK_ERRNO(pidfd_open(-1, 0), EINVAL);
    CHECK_ERRNO(pidfd_open(0x7fffffff, 0), ESRCH);
    char byte;
    CHECK_ERRNO(read(fd, &byte, 1), EINVAL);
    CHECK_ERRNO(write(fd, &byte, 1), EINVAL);
    CHECK_ERRNO(lseek(fd, 0, SEEK_SET), ESPIPE);
    char link[64] = "";
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    CHECK(readlink(name, link, sizeof link) > 0 && strcmp(link, "anon_inode:[pidfd]") == 0);
}

static void* thread_waits(void* tid) {
    *(pid_t*)tid = (pid_t)syscall(SYS_gettid);
    for (;;) pause();
    return NULL;
}
static void not_of_threads(void) {
    static volatile pid_t tid;
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, thread_waits, (void*)&tid) == 0);
    while (tid == 0) sched_yield();
    errno = 0; /* EINVAL until Linux 6.8, ENOENT since */
    CHECK(pidfd_open(tid, 0) == -1 && (errno == EINVAL || errno == ENOENT));
}

static void polling(void) {
    pid_t pid = sleeper();
    int fd = pidfd_open(pid, 0);
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    NEED(fd >= 0 && epoll >= 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    CHECK(!readable(fd, 0));
    CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
    CHECK(kill(pid, SIGSTOP) == 0); /* a stop is no end */
    CHECK(!readable(fd, 20));
    CHECK(kill(pid, SIGKILL) == 0);
    CHECK(readable(fd, -1));
    CHECK(epoll_wait(epoll, &event, 1, -1) == 1 && event.data.fd == fd);
    CHECK(readable(fd, 0)); /* and it stays so */
    CHECK_EQ(fdinfo_number(fd, "Pid:"), pid);
    CHECK_EQ(fdinfo_number(fd, "NSpid:"), pid);
    CHECK(pidfd_send_signal(fd, SIGTERM, NULL, 0) == 0); /* to a zombie: no effect */
    CHECK_KILLED(status_of(pid), SIGKILL);
    CHECK(readable(fd, 0));
    CHECK_EQ(fdinfo_number(fd, "Pid:"), -1);
    CHECK_ERRNO(pidfd_send_signal(fd, 0, NULL, 0), ESRCH);
    CHECK_ERRNO(pidfd_open(pid, 0), ESRCH);
    CHECK_ERRNO(pidfd_getfd(fd, 0, 0), ESRCH);
}

/* The process ends with its last thread, not with its first. */
static void* outlive(void* pipe_end) {
    char byte;
    (void)!read(*(int*)pipe_end, &byte, 1);
    _exit(5);
    return NULL;
}
static void last_thread(void) {
    int ends[2];
    NEED(pipe(ends) == 0);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, outlive, &ends[0]) != 0) _exit(1);
        pthread_exit(NULL);
    }
    int fd = pidfd_open(pid, 0);
    NEED(fd >= 0);
    CHECK(!readable(fd, 100));
    CHECK(write(ends[1], "", 1) == 1);
    CHECK(readable(fd, -1));
    CHECK_EXITED(status_of(pid), 5);
}

/* A thread that calls execve() takes over the process; the pidfd still means it. */
static void* exec_sleep(void* unused) {
    (void)unused;
    execl("/proc/self/exe", "pidfd", "sleep", NULL);
    _exit(9);
    return NULL;
}
static void across_exec(void) {
    pid_t pid = fork_or_die();
    if (pid == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, exec_sleep, NULL);
        for (;;) pause();
    }
    int fd = pidfd_open(pid, 0);
    NEED(fd >= 0);
    usleep(200000);
    CHECK(!readable(fd, 0));
    CHECK_EQ(fdinfo_number(fd, "Pid:"), pid);
    CHECK(pidfd_send_signal(fd, SIGTERM, NULL, 0) == 0);
    CHECK(readable(fd, -1));
    CHECK_KILLED(status_of(pid), SIGTERM);
}

static volatile sig_atomic_t got_code, got_pid, got_value;
static void note(int signal, siginfo_t* info, void* context) {
    (void)signal;
    (void)context;
    got_code = info->si_code;
    got_pid = info->si_pid;
    got_value = info->si_value.sival_int;
}
static void sending(void) {
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    NEED(sigaction(SIGUSR1, &action, NULL) == 0);
    int self = pidfd_open(getpid(), 0);
    siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
    info.si_value.sival_int = 4711;
    CHECK(pidfd_send_signal(self, SIGUSR1, NULL, 0) == 0);
    CHECK(got_code == SI_USER && got_pid == getpid());
    CHECK(pidfd_send_signal(self, SIGUSR1, &info, 0) == 0);
    CHECK(got_code == SI_QUEUE && got_value == 4711);
    info.si_code = SI_KERNEL; /* one may lie to oneself */
    CHECK(pidfd_send_signal(self, SIGUSR1, &info, 0) == 0);
    CHECK(got_code == SI_KERNEL);
    CHECK_ERRNO(pidfd_send_signal(self, SIGUSR2, &info, 0), EINVAL);
    CHECK_ERRNO(pidfd_send_signal(self, SIGUSR1, NULL, 1u << 31), EINVAL);
    CHECK_ERRNO(pidfd_send_signal(self, 65, NULL, 0), EINVAL);
    CHECK_ERRNO(pidfd_send_signal(self, -1, NULL, 0), EINVAL);
    CHECK_ERRNO(pidfd_send_signal(self, SIGUSR1, (void*)unmapped_page(), 0), EFAULT);
    CHECK_ERRNO(pidfd_send_signal(-1, SIGUSR1, NULL, 0), EBADF);
    int null = open("/dev/null", O_RDONLY);
    CHECK_ERRNO(pidfd_send_signal(null, SIGUSR1, NULL, 0), EBADF);
    CHECK(pidfd_send_signal(self, 0, NULL, 0) == 0);

    pid_t pid = sleeper();
    int fd = pidfd_open(pid, 0);
    CHECK_ERRNO(pidfd_send_signal(fd, SIGUSR1, &info, 0), EPERM);
    info.si_code = SI_TKILL;
    CHECK_ERRNO(pidfd_send_signal(fd, SIGUSR1, &info, 0), EPERM);
    info.si_code = SI_QUEUE;
    CHECK(pidfd_send_signal(fd, SIGUSR1, &info, 0) == 0);
    kill(pid, SIGKILL);
    status_of(pid);
}

static void borrowing(void) {
    int ends[2];
    NEED(pipe(ends) == 0);
    int self = pidfd_open(getpid(), 0);
    int copy = pidfd_getfd(self, ends[1], 0);
    NEED(copy >= 0);
    CHECK(copy != ends[1] && fcntl(copy, F_GETFD) == FD_CLOEXEC);
    CHECK(write(copy, "x", 1) == 1);
    char byte = 0;
    CHECK(read(ends[0], &byte, 1) == 1 && byte == 'x');
    CHECK_ERRNO(pidfd_getfd(self, 888, 0), EBADF);
    CHECK_ERRNO(pidfd_getfd(self, -1, 0), EBADF);
    CHECK_ERRNO(pidfd_getfd(self, ends[1], 1), EINVAL);
    CHECK_ERRNO(pidfd_getfd(ends[1], 0, 0), EBADF);
    CHECK_ERRNO(pidfd_getfd(888, 0, 0), EBADF);

    pid_t pid = sleeper();
    close(ends[1]);
    close(copy);
    int fd = pidfd_open(pid, 0);
    copy = pidfd_getfd(fd, ends[1], 0); /* the child still has it */
    CHECK(copy >= 0 && write(copy, "y", 1) == 1);
    CHECK(read(ends[0], &byte, 1) == 1 && byte == 'y');
    struct rlimit none = {0, 0}, old;
    getrlimit(RLIMIT_NOFILE, &old);
    none.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    CHECK_ERRNO(pidfd_getfd(fd, ends[1], 0), EMFILE);
    CHECK_ERRNO(pidfd_open(pid, 0), EMFILE);
    setrlimit(RLIMIT_NOFILE, &old);
    kill(pid, SIGKILL);
    siginfo_t info;
    waitid_raw(P_PID, pid, &info, WEXITED | WNOWAIT);
    errno = 0; /* a zombie has no files; which errno says so is the kernel's choice */
    CHECK(pidfd_getfd(fd, ends[1], 0) == -1 &&
          (errno == EBADF || errno == EPERM || errno == ESRCH));
    status_of(pid);
}

/* Other people's processes are not for everybody. */
static void as_nobody(void) {
    int fd = pidfd_open(getppid(), 0);
    CHECK(fd >= 0); /* opening asks for no permission */
    if (setgid(65534) != 0 || setuid(65534) != 0) return;
    CHECK_ERRNO(pidfd_getfd(fd, 0, 0), EPERM);
    CHECK_ERRNO(pidfd_send_signal(fd, 0, NULL, 0), EPERM);
}
static void permission(void) {
    if (geteuid() != 0) skip_case("needs root to become somebody else");
    CHECK_EXITED(in_child(as_nobody), 0);
}

/* CLONE_PIDFD: the descriptor comes with the child. */
static void from_clone(void) {
    int fd = -1;
    fflush(stdout);
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0);
    NEED(pid >= 0);
    if (pid == 0) _exit(fcntl(fd, F_GETFD) == -1 ? 3 : 4); /* the child has it not */
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    CHECK_EQ(fdinfo_number(fd, "Pid:"), pid);
    CHECK(readable(fd, -1));
    siginfo_t info;
    CHECK(waitid_raw(P_PIDFD, fd, &info, WEXITED) == 0 && info.si_pid == pid);
    CHECK_EQ(info.si_status, 3);
    close(fd);

    struct clone_arguments arguments = {
        .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD};
    pid = clone3(&arguments, sizeof arguments);
    if (pid == 0) _exit(7);
    NEED(pid > 0);
    CHECK(readable(fd, -1));
    CHECK_EXITED(status_of(pid), 7);
    close(fd);

    CHECK_ERRNO(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, unmapped_page(), 0, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD | CLONE_PARENT_SETTID, 0, &fd, 0, 0),
                EINVAL);
    CHECK_ERRNO(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD | CLONE_DETACHED, 0, &fd, 0, 0), EINVAL);
    CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD); /* nobody was left behind */
    struct rlimit old, none;
    getrlimit(RLIMIT_NOFILE, &old);
    none = old;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    CHECK_ERRNO(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0), EMFILE);
    setrlimit(RLIMIT_NOFILE, &old);
    CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD);
}

/* A number that is used again is not the old process. */
static void no_confusion(void) {
    pid_t first = sleeper();
    int fd = pidfd_open(first, 0);
    kill(first, SIGKILL);
    status_of(first);
    for (int i = 0; i < 100; i++) {
        pid_t next = fork();
        if (next == 0) _exit(0);
        CHECK_ERRNO(pidfd_send_signal(fd, SIGKILL, NULL, 0), ESRCH);
        CHECK_EXITED(status_of(next), 0);
    }
}

/* Children end while others poll, open, signal and reap them. */
static volatile int storm_over;
static void* storm_poller(void* last) {
    while (!storm_over) {
        pid_t pid = __atomic_load_n((pid_t*)last, __ATOMIC_SEQ_CST);
        int fd = pid > 0 ? pidfd_open(pid, 0) : -1;
        if (fd < 0) continue;
        readable(fd, 5);
        pidfd_send_signal(fd, SIGUSR1, NULL, 0);
        int copy = pidfd_getfd(fd, 0, 0);
        if (copy >= 0) close(copy);
        close(fd);
    }
    return NULL;
}
static void storm(void) {
    static volatile pid_t last;
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        NEED(pthread_create(&threads[i], NULL, storm_poller, (void*)&last) == 0);
    }
    for (int i = 0; i < 150; i++) {
        int fd = -1;
        pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0);
        if (pid == 0) syscall(SYS_exit_group, 0);
        NEED(pid > 0);
        last = pid;
        CHECK(readable(fd, -1));
        siginfo_t info;
        CHECK(waitid_raw(P_PIDFD, fd, &info, WEXITED) == 0 && info.si_pid == pid);
        close(fd);
    }
    storm_over = 1;
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
}

int main(int argc, char** argv) {
    if (argc > 1 && strcmp(argv[1], "sleep") == 0) {
        for (;;) pause();
    }
    return run_cases((struct test_case[]){CASE(opening), CASE(not_of_threads), CASE(polling),
                                          CASE(last_thread), CASE(across_exec), CASE(sending),
                                          CASE(borrowing), CASE(permission), CASE(from_clone),
                                          CASE(no_confusion), CASE(storm), END});
}
