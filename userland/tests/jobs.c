/* Job control on a pseudo terminal: sessions, foreground groups, keys that send signals. */
#include "tests/pty.h"

static volatile sig_atomic_t caught;
static void note(int signal) { caught = signal; }

/* Becomes the leader of a session whose terminal is the slave. */
static void lead_session(void) {
    open_pty();
    NEED(setsid() == getpid());
    NEED(ioctl(slave, TIOCSCTTY, 0) == 0);
}

/* A child in a group of its own that runs `body` once told to; `tell` of the pipe starts it. */
static int start_pipe[2];
static pid_t start_job(void (*body)(void)) {
    char go;
    NEED(pipe(start_pipe) == 0);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        setpgid(0, 0);
        NEED(read(start_pipe[0], &go, 1) == 1);
        body();
        fflush(stdout);
        _exit(failed_checks != 0);
    }
    setpgid(pid, pid);
    return pid;
}
static void tell(void) { NEED(write(start_pipe[1], "g", 1) == 1); }
static void sleep_long(void) {
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    signal(SIGTSTP, SIG_DFL);
    for (;;) pause();
}

static void controlling(void) {
    int session = 0;
    open_pty();
    CHECK_ERRNO(ioctl(slave, TIOCSCTTY, 0), EPERM); /* no session leader */
    CHECK_ERRNO(tcgetpgrp(slave), ENOTTY);
    NEED(setsid() == getpid());
    CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
    CHECK(ioctl(slave, TIOCSCTTY, 0) == 0);
    CHECK_EQ(tcgetpgrp(slave), getpid());
    CHECK(ioctl(slave, TIOCGSID, &session) == 0 && session == getpid());
    int tty = open("/dev/tty", O_RDWR);
    NEED(tty >= 0);
    CHECK_EQ(write(tty, "hi", 2), 2);
    CHECK_SCREEN("hi");
    signal(SIGHUP, SIG_IGN);
    CHECK(ioctl(tty, TIOCNOTTY) == 0);
    CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
}

static void acquired_by_open(void) {
    int number;
    char name[64];
    open_pty();
    NEED(ioctl(master, TIOCGPTN, &number) == 0);
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    NEED(setsid() == getpid());
    int quiet = open(name, O_RDWR | O_NOCTTY);
    CHECK_ERRNO(tcgetpgrp(quiet), ENOTTY);
    int loud = open(name, O_RDWR);
    CHECK_EQ(tcgetpgrp(loud), getpid());
}

/* Until /proc says that the job sleeps in pause(); without /proc, for a while. */
static void wait_until_asleep(pid_t job) {
    char name[64], text[256] = "";
    snprintf(name, sizeof name, "/proc/%d/stat", job);
    for (int i = 0; i < 200; i++) {
        usleep(5000);
        int fd = open(name, O_RDONLY);
        if (fd < 0) continue;
        if (read(fd, text, sizeof text - 1) < 0) text[0] = 0;
        close(fd);
        /* Waiting for our word it is asleep as well, so look a few times. */
        if (strstr(text, ") S ") && i > 4) return;
    }
}

static void key(const char* keys, int signal, int stops) {
    int status;
    pid_t job = start_job(sleep_long);
    NEED(tcsetpgrp(slave, job) == 0);
    CHECK_EQ(tcgetpgrp(slave), job);
    tell();
    wait_until_asleep(job);
    type(keys);
    CHECK_EQ(waitpid(job, &status, WUNTRACED), job);
    if (stops) {
        CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == signal);
        CHECK(kill(-job, SIGKILL) == 0);
        status_of(job);
    } else {
        CHECK_KILLED(status, signal);
    }
    CHECK(caught == 0); /* only the foreground group hears it */
}
static void keys(void) {
    lead_session();
    signal(SIGINT, note);
    signal(SIGQUIT, note);
    signal(SIGTSTP, note);
    signal(SIGTTOU, SIG_IGN);
    key("\003", SIGINT, 0);
    key("\034", SIGQUIT, 0);
    key("\032", SIGTSTP, 1);
}

static void read_line(void) {
    char room[8];
    CHECK_EQ(read(slave, room, 8), 3);
}
static void background_read(void) {
    int status;
    lead_session();
    signal(SIGTTOU, SIG_IGN);
    pid_t job = start_job(read_line);
    tell();
    CHECK_EQ(waitpid(job, &status, WUNTRACED), job);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN);
    NEED(tcsetpgrp(slave, job) == 0);
    CHECK(kill(-job, SIGCONT) == 0);
    type("ok\n"); /* the read is restarted, now in the foreground */
    CHECK_EXITED(status_of(job), 0);
}

static void read_ignoring(void) {
    char c;
    signal(SIGTTIN, SIG_IGN);
    CHECK_ERRNO(read(slave, &c, 1), EIO);
}
static void background_read_ignored(void) {
    lead_session();
    pid_t job = start_job(read_ignoring);
    tell();
    CHECK_EXITED(status_of(job), 0);
}

static void write_text(void) { CHECK_EQ(write(slave, "x", 1), 1); }
static void background_write(void) {
    int status;
    lead_session();
    signal(SIGTTOU, SIG_IGN);
    pid_t job = start_job(write_text);
    tell();
    CHECK_EXITED(status_of(job), 0); /* allowed without TOSTOP */
    CHECK_SCREEN("x");
    set_flags(TOSTOP, 0);
    signal(SIGTTOU, SIG_DFL);
    job = start_job(write_text);
    tell();
    CHECK_EQ(waitpid(job, &status, WUNTRACED), job);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTOU);
    kill(-job, SIGKILL);
    status_of(job);
}

static void background_settings(void) {
    struct termios now;
    signal(SIGTTOU, SIG_DFL);
    CHECK(tcgetattr(slave, &now) == 0); /* asking is free */
    tcsetattr(slave, TCSANOW, &now);
}
static void settings_stop(void) {
    int status;
    lead_session();
    pid_t job = start_job(background_settings);
    tell();
    CHECK_EQ(waitpid(job, &status, WUNTRACED), job);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTOU);
    kill(-job, SIGKILL);
    status_of(job);
}

static void foreground_arguments(void) {
    lead_session();
    CHECK_ERRNO(tcsetpgrp(slave, -5), EINVAL);
    CHECK_ERRNO(tcsetpgrp(slave, 0x7fffff), ESRCH);
    CHECK_ERRNO(tcsetpgrp(slave, getpgid(getppid())), EPERM); /* another session's */
    CHECK_ERRNO(ioctl(slave, TIOCSPGRP, (void*)8), EFAULT);
    CHECK_ERRNO(ioctl(slave, TIOCGPGRP, (void*)8), EFAULT);
}

static void window(void) {
    lead_session();
    signal(SIGWINCH, note);
    struct winsize size = {30, 100, 0, 0};
    CHECK(ioctl(master, TIOCSWINSZ, &size) == 0);
    CHECK_EQ(caught, SIGWINCH);
    caught = 0;
    CHECK(ioctl(master, TIOCSWINSZ, &size) == 0); /* no change, no signal */
    CHECK_EQ(caught, 0);
}

/* The leader dies: the foreground group is hung up, the terminal has no session any more. */
static void leader_dies(void) {
    open_pty();
    int p[2];
    pid_t job;
    NEED(pipe(p) == 0);
    pid_t leader = fork_or_die();
    if (leader == 0) {
        NEED(setsid() == getpid() && ioctl(slave, TIOCSCTTY, 0) == 0);
        signal(SIGTTOU, SIG_IGN);
        job = start_job(sleep_long);
        NEED(tcsetpgrp(slave, job) == 0);
        tell();
        NEED(write(p[1], &job, sizeof job) == sizeof job);
        _exit(0);
    }
    NEED(read(p[0], &job, sizeof job) == sizeof job);
    CHECK_EXITED(status_of(leader), 0);
    for (int i = 0; i < 1000 && kill(job, 0) == 0; i++) usleep(10000);
    CHECK_ERRNO(kill(job, 0), ESRCH);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(controlling), CASE(acquired_by_open), CASE(keys), CASE(background_read),
        CASE(background_read_ignored), CASE(background_write), CASE(settings_stop),
        CASE(foreground_arguments), CASE(window), CASE(leader_dies), END});
}
