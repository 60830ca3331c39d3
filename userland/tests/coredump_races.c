/* Core dumps while others want something: parents, SIGKILL, other threads, many at once. */
#include "tests/core_file.h"

static void abort_later(void) {
    nanosleep(&(struct timespec){0, 10000000}, NULL);
    abort();
}
static volatile sig_atomic_t chld_code, chld_status;
static void on_child(int signal, siginfo_t* info, void* context) {
    (void)signal;
    (void)context;
    chld_code = info->si_code;
    chld_status = info->si_status;
}
static void told(void) {
    struct sigaction action = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART};
    siginfo_t info;
    need_plain_pattern();
    sigaction(SIGCHLD, &action, NULL);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        allow_core(RLIM_INFINITY);
        abort_later();
    }
    NEED(waitid(P_PID, (id_t)pid, &info, WEXITED) == 0);
    CHECK(info.si_code == CLD_DUMPED && info.si_status == SIGABRT);
    CHECK(chld_code == CLD_DUMPED && chld_status == SIGABRT);
}

/* Several threads crash at once: one core, with everybody in it. */
static void* crash_too(void* unused) {
    (void)unused;
    __atomic_fetch_add(&running, 1, __ATOMIC_SEQ_CST);
    while (running < 4) sched_yield();
    asm volatile("ud2");
    return NULL;
}
static void all_crash(void) {
    pthread_t thread;
    for (int i = 0; i < 3; i++) pthread_create(&thread, NULL, crash_too, NULL);
    crash_too(NULL);
}
static void at_once(void) {
    for (int i = 0; i < 10; i++) {
        int status = dumped_by(all_crash);
        CHECK_KILLED(status, SIGILL);
        CHECK(WCOREDUMP(status));
        struct core_file core = open_core("core");
        CHECK_EQ(count_notes(&core, NT_PRSTATUS), 4);
        close_core(&core);
    }
}

/* SIGKILL ends it; so does the kernel's wish to get on with it when threads come and go. */
static void* comes_and_goes(void* unused) { return unused; }
static void restless(void) {
    pthread_t thread;
    pid_t me = getpid();
    char* memory = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 1, 8 << 20);
    if (fork() == 0) {
        nanosleep(&(struct timespec){0, 5000000}, NULL);
        kill(me, SIGQUIT);
        _exit(0);
    }
    for (;;) {
        if (pthread_create(&thread, NULL, comes_and_goes, NULL) == 0) pthread_join(thread, NULL);
    }
}
static void killed_meanwhile(void) {
    need_plain_pattern();
    for (int i = 0; i < 15; i++) {
        pid_t pid = fork_or_die();
        if (pid == 0) {
            allow_core(RLIM_INFINITY);
            restless();
        }
        nanosleep(&(struct timespec){0, 4000000 + i * 1500000}, NULL);
        kill(pid, SIGKILL);
        int status = status_of(pid);
        CHECK(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == SIGQUIT || WTERMSIG(status) == SIGKILL);
    }
}

static void storm(void) {
    need_plain_pattern();
    for (int i = 0; i < 12; i++) {
        if (fork_or_die() != 0) continue;
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        if (mkdir(name, 0700) != 0 || chdir(name) != 0) _exit(1);
        allow_core(RLIM_INFINITY);
        running = 0;
        crash_among_others();
    }
    int status;
    while (wait(&status) > 0) CHECK(WIFSIGNALED(status) && WCOREDUMP(status));
    for (int i = 0; i < 12; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d/core", i);
        struct core_file core = open_core(name);
        CHECK_EQ(count_notes(&core, NT_PRSTATUS), 5);
        close_core(&core);
    }
}

int main(void) {
    return run_cases(
        (struct test_case[]){CASE(told), CASE(at_once), CASE(killed_meanwhile), CASE(storm), END});
}
