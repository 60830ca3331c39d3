/* O_ASYNC: a signal says that a file has become ready, and to whom it goes. */
#include "tests/pty.h"

#include <pthread.h>

#ifndef F_SETSIG
#define F_SETSIG 10
#define F_GETSIG 11
#endif
#ifndef F_SETOWN_EX
#define F_SETOWN_EX 15
#define F_GETOWN_EX 16
#endif
enum { kThread = 0, kProcess = 1, kGroup = 2, kGetOwnerUids = 17 };
struct owner_ex {
    int type, pid;
};

static volatile sig_atomic_t told, code, band, which, told_thread;
static void note(int signal, siginfo_t* info, void* context) {
    (void)context;
    told++;
    code = info->si_code;
    band = (int)info->si_band;
    which = info->si_fd;
    told_thread = (sig_atomic_t)syscall(SYS_gettid);
    (void)signal;
}
static void catch_signal(int signal) {
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART};
    NEED(sigaction(signal, &action, NULL) == 0);
}
static int tells(void) {
    const int count = told;
    told = 0;
    return count;
}

static void ends_of_a_pipe(void) {
    char block[4096] = {0};
    int p[2];
    NEED(pipe(p) == 0);
    catch_signal(SIGIO);
    CHECK_EQ(fcntl(p[0], F_SETFL, O_ASYNC), 0);
    CHECK(fcntl(p[0], F_GETFL) & O_ASYNC);
    CHECK_EQ(write(p[1], "a", 1), 1);
    CHECK_EQ(tells(), 0); /* nobody is named yet */
    CHECK_EQ(fcntl(p[0], F_SETOWN, getpid()), 0);
    CHECK_EQ(fcntl(p[0], F_GETOWN), getpid());
    CHECK_EQ(read(p[0], block, 1), 1);
    CHECK_EQ(write(p[1], "b", 1), 1);
    CHECK_EQ(tells(), 1);
    CHECK_EQ(read(p[0], block, 1), 1);
    CHECK_EQ(tells(), 0);
    CHECK_EQ(fcntl(p[0], F_SETFL, 0), 0);
    CHECK(!(fcntl(p[0], F_GETFL) & O_ASYNC));
    CHECK_EQ(write(p[1], "c", 1), 1);
    CHECK_EQ(tells(), 0);
    /* The other end: room again. */
    CHECK_EQ(fcntl(p[1], F_SETOWN, getpid()), 0);
    CHECK_EQ(fcntl(p[1], F_SETFL, O_ASYNC | O_NONBLOCK), 0);
    CHECK_EQ(read(p[0], block, 1), 1);
    while (write(p[1], block, sizeof block) > 0) continue;
    tells();
    CHECK_EQ(read(p[0], block, sizeof block), (long)sizeof block);
    CHECK(tells() >= 1);
    close(p[0]); /* the last reader: a write would not wait */
    CHECK(tells() >= 1);
}

/* Something was typed; in canonical mode, a whole line. */
static void terminals(void) {
    open_pty();
    catch_signal(SIGIO);
    CHECK_EQ(fcntl(slave, F_SETOWN, getpid()), 0);
    CHECK_EQ(fcntl(slave, F_SETFL, O_ASYNC), 0);
    CHECK(fcntl(slave, F_GETFL) & O_ASYNC);
    type("half");
    usleep(20000);
    CHECK_EQ(tells(), 0);
    type(" a line\n");
    while (told == 0) usleep(1000);
    CHECK_READ("half a line\n");
    raw(1, 0);
    usleep(20000);
    tells();
    type("x");
    while (told == 0) usleep(1000);
    CHECK_READ("x");
    CHECK_EQ(fcntl(slave, F_SETFL, 0), 0);
    usleep(20000);
    tells();
    type("y");
    CHECK_READ("y");
    usleep(20000);
    CHECK_EQ(tells(), 0);
    /* Nobody named: the group in front, or who asked, if there is none. */
    const int again = open(ttyname(slave), O_RDWR | O_NOCTTY);
    NEED(again >= 0);
    CHECK_EQ(fcntl(again, F_GETOWN), 0);
    CHECK_EQ(fcntl(again, F_SETSIG, SIGRTMIN + 2), 0);
    CHECK_EQ(fcntl(again, F_SETFL, O_ASYNC), 0);
    CHECK_EQ(fcntl(again, F_GETOWN), getpid());
    CHECK_EQ(fcntl(again, F_GETSIG), SIGRTMIN + 2);
}

/* A signal of one's own choice tells which file it was. */
static void chosen_signal(void) {
    int p[2];
    NEED(pipe(p) == 0);
    catch_signal(SIGRTMIN + 1);
    CHECK_EQ(fcntl(p[0], F_GETSIG), 0);
    CHECK_EQ(fcntl(p[0], F_SETSIG, SIGRTMIN + 1), 0);
    CHECK_EQ(fcntl(p[0], F_GETSIG), SIGRTMIN + 1);
    CHECK_EQ(fcntl(p[0], F_SETOWN, getpid()), 0);
    CHECK_EQ(fcntl(p[0], F_SETFL, O_ASYNC), 0);
    CHECK_EQ(write(p[1], "a", 1), 1);
    CHECK_EQ(tells(), 1);
    CHECK_EQ(code, 1); /* POLL_IN */
    CHECK_EQ(which, p[0]);
    CHECK((band & 0x41) == 0x41);
    CHECK_ERRNO(fcntl(p[0], F_SETSIG, 65), EINVAL);
    CHECK_ERRNO(fcntl(p[0], F_SETSIG, -1), EINVAL);
}

static pid_t waits_for_signal(void) {
    pid_t pid = fork_or_die();
    if (pid == 0) {
        catch_signal(SIGIO);
        setpgid(0, 0);
        for (int i = 0; i < 500 && told == 0; i++) usleep(10000);
        _exit(told ? 7 : 8);
    }
    (void)setpgid(pid, pid);
    return pid;
}
static void another_process_or_group(void) {
    for (int group = 0; group < 2; group++) {
        int p[2];
        NEED(pipe(p) == 0);
        pid_t pid = waits_for_signal();
        usleep(50000);
        CHECK_EQ(fcntl(p[0], F_SETOWN, group ? -pid : pid), 0);
        CHECK_EQ(fcntl(p[0], F_GETOWN), group ? -pid : pid);
        CHECK_EQ(fcntl(p[0], F_SETFL, O_ASYNC), 0);
        CHECK_EQ(write(p[1], "x", 1), 1);
        CHECK_EXITED(status_of(pid), 7);
    }
}

static volatile sig_atomic_t listener;
static void* listen_to_signals(void* unused) {
    (void)unused;
    listener = (sig_atomic_t)syscall(SYS_gettid);
    for (int i = 0; i < 500 && told == 0; i++) usleep(10000);
    return NULL;
}
static void one_thread(void) {
    int p[2];
    pthread_t thread;
    NEED(pipe(p) == 0);
    catch_signal(SIGIO);
    NEED(pthread_create(&thread, NULL, listen_to_signals, NULL) == 0);
    while (listener == 0) usleep(1000);
    struct owner_ex owner = {kThread, listener}, kept = {9, 9};
    CHECK_EQ(fcntl(p[0], F_SETOWN_EX, &owner), 0);
    CHECK_EQ(fcntl(p[0], F_GETOWN_EX, &kept), 0);
    CHECK(kept.type == kThread && kept.pid == listener);
    CHECK_EQ(fcntl(p[0], F_SETFL, O_ASYNC), 0);
    CHECK_EQ(write(p[1], "x", 1), 1);
    pthread_join(thread, NULL);
    CHECK_EQ(told, 1);
    CHECK_EQ(told_thread, listener);
}

static void owners(void) {
    unsigned uids[2] = {9, 9};
    int p[2], on = 1, file = open("regular", O_RDWR | O_CREAT, 0600);
    NEED(pipe(p) == 0 && file >= 0);
    pid_t gone = fork_or_die();
    if (gone == 0) _exit(0);
    status_of(gone);
    CHECK_EQ(fcntl(p[0], F_GETOWN), 0);
    CHECK_ERRNO(fcntl(p[0], F_SETOWN, gone), ESRCH);
    CHECK_ERRNO(fcntl(p[0], F_SETOWN, -gone), ESRCH);
    CHECK_ERRNO(fcntl(p[0], F_SETOWN, (int)0x80000000), EINVAL);
    struct owner_ex owner = {3, getpid()};
    CHECK_ERRNO(fcntl(p[0], F_SETOWN_EX, &owner), EINVAL);
    CHECK_ERRNO(fcntl(p[0], F_SETOWN_EX, unmapped_page()), EFAULT);
    CHECK_EQ(fcntl(p[0], F_SETOWN, getpid()), 0);
    CHECK_EQ(fcntl(p[0], kGetOwnerUids, uids), 0);
    CHECK(uids[0] == getuid() && uids[1] == geteuid());
    CHECK_EQ(fcntl(p[0], F_SETOWN, 0), 0);
    CHECK_EQ(fcntl(p[0], F_GETOWN), 0);
    /* What has no signals takes the flag without a word, and does not keep it. */
    CHECK_EQ(fcntl(file, F_SETOWN, getpid()), 0);
    CHECK_EQ(fcntl(file, F_SETFL, O_ASYNC), 0);
    CHECK(!(fcntl(file, F_GETFL) & O_ASYNC));
    CHECK_ERRNO(ioctl(file, FIOASYNC, &on), ENOTTY);
    CHECK_EQ(ioctl(p[0], FIOASYNC, &on), 0);
    CHECK(fcntl(p[0], F_GETFL) & O_ASYNC);
    on = 0;
    CHECK_EQ(ioctl(p[0], FIOASYNC, &on), 0);
    CHECK(!(fcntl(p[0], F_GETFL) & O_ASYNC));
}

/* Whoever named the receiver must be one who may send it signals. */
static void not_to_everybody(void) {
    int p[2];
    if (getuid() != 0) skip_case("needs root");
    NEED(pipe(p) == 0);
    pid_t pid = waits_for_signal();
    usleep(30000);
    pid_t nobody = fork_or_die();
    if (nobody == 0) {
        NEED(setresuid(65534, 65534, 65534) == 0);
        NEED(fcntl(p[0], F_SETOWN, pid) == 0); /* that is allowed */
        _exit(0);
    }
    CHECK_EXITED(status_of(nobody), 0);
    CHECK_EQ(fcntl(p[0], F_SETFL, O_ASYNC), 0);
    CHECK_EQ(write(p[1], "x", 1), 1);
    CHECK_EXITED(status_of(pid), 8); /* after five seconds without one */
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(ends_of_a_pipe), CASE(terminals), CASE(chosen_signal), CASE(another_process_or_group),
        CASE(one_thread), CASE(owners), CASE(not_to_everybody), END});
}
