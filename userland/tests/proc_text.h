/* Reading /proc: whole files, their fields, and children to look at. */
#ifndef VITRINE_PROC_TEXT_H
#define VITRINE_PROC_TEXT_H

#include "tests/check.h"

#include <dirent.h>
#include <stdarg.h>

#define PROC_TEXT_BYTES (256 * 1024)

/* The file that printf's notation names, with a NUL behind it; its length, or -1 and errno. The
 * text stays for seven more calls. */
static char proc_text[8][PROC_TEXT_BYTES];
static int proc_text_turn;
static inline char* proc_room(void) { return proc_text[proc_text_turn = (proc_text_turn + 1) % 8]; }

static inline ssize_t read_whole(const char* path, char* room) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t used = 0, got;
    while ((got = read(fd, room + used, (size_t)(PROC_TEXT_BYTES - 1 - used))) > 0) used += got;
    int error = errno;
    close(fd);
    errno = error;
    room[used] = 0;
    return got < 0 ? -1 : used;
}

/* "/proc/PID/NAME", NULL (and errno) if it cannot be read. PID 0: self. */
static inline char* proc_file(pid_t pid, const char* name) {
    char path[128];
    char* room = proc_room();
    if (pid == 0) {
        snprintf(path, sizeof path, "/proc/self/%s", name);
    } else {
        snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    }
    return read_whole(path, room) < 0 ? NULL : room;
}

/* The first number behind `key` at the start of a line ("VmRSS:"); -1: no such line. */
static inline long number_of(const char* text, const char* key) {
    size_t length = strlen(key);
    for (const char* line = text; line && *line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        if (strncmp(line, key, length) == 0) return strtol(line + length, NULL, 0);
    }
    return -1;
}
static inline long status_of_task(pid_t pid, const char* key) {
    const char* text = proc_file(pid, "status");
    return text ? number_of(text, key) : -1;
}

/* Field `number` of a stat file, as proc(5) counts them: 1 is the pid; from 3 on. */
static inline long long stat_field(const char* text, int number) {
    const char* at = strrchr(text, ')');
    if (!at) return -1;
    at += 2;
    for (int i = 3; i < number && at; i++) at = strchr(at, ' '), at = at ? at + 1 : at;
    return at ? (long long)strtoull(at, NULL, 10) : -1;
}
static inline char stat_state(const char* text) {
    const char* at = strrchr(text, ')');
    return at ? at[2] : 0;
}

/* A child that sleeps in read() until it is told to end. */
struct sleeper {
    pid_t pid;
    int go; /* close it, and the child exits with 0 */
};
static inline struct sleeper start_sleeper(void (*prepare)(void)) {
    int ready[2], go[2];
    char c;
    NEED(pipe(ready) == 0 && pipe(go) == 0);
    struct sleeper child = {.pid = fork_or_die(), .go = go[1]};
    if (child.pid == 0) {
        close(ready[0]);
        close(go[1]);
        if (prepare) prepare();
        if (write(ready[1], "r", 1) != 1) _exit(3);
        while (read(go[0], &c, 1) == -1 && errno == EINTR) continue;
        fflush(stdout);
        _exit(failed_checks != 0);
    }
    close(ready[1]);
    close(go[0]);
    NEED(read(ready[0], &c, 1) == 1);
    close(ready[0]);
    /* It may still be on its way into read(). */
    for (int i = 0; i < 5000; i++) {
        const char* stat = proc_file(child.pid, "stat");
        if (stat && stat_state(stat) == 'S') break;
        usleep(1000);
    }
    return child;
}
static inline int end_sleeper(struct sleeper child) {
    close(child.go);
    return status_of(child.pid);
}

/* From here on a user without rights, whose own /proc files are its own. */
#define PLAIN_USER 1234
static inline void become_plain_user(void) {
    NEED(syscall(SYS_setgroups, 0, NULL) == 0);
    NEED(syscall(SYS_setresgid, PLAIN_USER, PLAIN_USER, PLAIN_USER) == 0);
    NEED(syscall(SYS_setresuid, PLAIN_USER, PLAIN_USER, PLAIN_USER) == 0);
    NEED(syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1, 0, 0, 0) == 0);
}

#endif
