/* A fork bomb, and kill(-1). */
#include "hostile/hostile.h"

#include <ctype.h>
#include <dirent.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define USER 47111

static void become_user(void) {
    DEMAND(setgroups(0, NULL) == 0);
    DEMAND(setgid(USER) == 0);
    DEMAND(setuid(USER) == 0);
}

/* The user's processes. */
static long count_processes(void) {
    DIR* const processes = opendir("/proc");
    DEMAND(processes);
    long count = 0;
    for (struct dirent* entry; (entry = readdir(processes));) {
        char path[300];
        struct stat about;
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        snprintf(path, sizeof path, "/proc/%s", entry->d_name);
        count += stat(path, &about) == 0 && about.st_uid == USER;
    }
    closedir(processes);
    return count;
}

struct tally {
    volatile unsigned forks, refusals;
};

/* Forks, and so does the child, until the limit is met, and then goes on trying. */
static _Noreturn void explode(struct tally* tally) {
    for (;;) {
        const pid_t child = fork();
        if (child > 0) __atomic_add_fetch(&tally->forks, 1, __ATOMIC_RELAXED);
        if (child >= 0) continue;
        if (errno != EAGAIN && errno != ENOMEM) _exit(1);
        __atomic_add_fetch(&tally->refusals, 1, __ATOMIC_RELAXED);
        nap_us(1000000); /* some thousands that never rest would leave nobody else a share */
        while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    }
}

/* Takes notice of whoever has ended. */
static void reap(void) {
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
}

/* Again and again, while the bomb still forks: the last one finds nobody. */
static void kill_everybody(void) {
    for (int tries = 0; reap(), count_processes() > 0; tries++) {
        DEMAND(tries < 1000);
        const pid_t killer = fork();
        DEMAND(killer >= 0); /* root's are not refused */
        if (killer == 0) {
            become_user();
            for (int i = 0; i < 20; i++) {
                if (kill(-1, SIGKILL) != 0) _exit(errno != ESRCH);
            }
            _exit(0);
        }
        int status = -1;
        DEMAND_EQUAL(waitpid(killer, &status, 0), killer);
        DEMAND(status == 0 || status == SIGKILL); /* two may meet */
        nap_us(20000);
    }
}

void bomb(long size) {
    if (getuid() != 0) return;
    struct tally* const tally = share(sizeof *tally);
    struct rlimit limit;
    DEMAND(getrlimit(RLIMIT_NPROC, &limit) == 0);
    if (size > 0) limit = (struct rlimit){(rlim_t)size, (rlim_t)size};
    DEMAND(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0); /* orphans become ours */
    setpriority(PRIO_PROCESS, 0, -20);             /* who puts an end to it needs a share */
    const pid_t first = fork();
    DEMAND(first >= 0);
    if (first == 0) {
        setsid();
        setpriority(PRIO_PROCESS, 0, 0);
        DEMAND(setrlimit(RLIMIT_NPROC, &limit) == 0);
        become_user();
        explode(tally);
    }
    /* What happened is counted, not time: it has got all that it may have, and is refused more. */
    for (long most = 0; most < (long)limit.rlim_cur || tally->refusals < 500;) {
        const long processes = count_processes();
        DEMAND(processes <= (long)limit.rlim_cur);
        if (processes > most) most = processes;
        reap();
        nap_us(50000);
    }
    DEMAND(tally->forks > 0);
    kill_everybody();
    DEMAND(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
    printf("hostile: bomb: %u forks, %u refused\n", tally->forks, tally->refusals);
}
