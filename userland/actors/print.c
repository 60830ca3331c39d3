/* The records, on the console: everything as hexadecimal text between lines that name it. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "actors.h"

void set_trace(const char* file, const char* word) {
    char path[64];
    snprintf(path, sizeof path, "/sys/%s", file);
    const int fd = open(path, O_WRONLY);
    if (fd < 0 || dprintf(fd, "%s\n", word) < 0) fail(file);
    close(fd);
}

/* A line "== path", then the contents. */
static void print_file(const char* path) {
    unsigned char bytes[4096]; /* raw records come whole */
    const int fd = open(path, O_RDONLY);
    if (fd < 0) fail(path);
    printf("== %s\n", path + strlen("/sys/"));
    for (;;) {
        const ssize_t got = read(fd, bytes, sizeof bytes);
        if (got < 0) fail(path);
        if (got == 0) break;
        for (ssize_t i = 0; i < got; i++) printf("%02x", bytes[i]);
        putchar('\n');
    }
    close(fd);
}

static void print_each(const char* folder, const char* file) {
    char path[400];
    DIR* const dir = opendir(folder);
    if (!dir) fail(folder);
    for (struct dirent* entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s/%s", folder, entry->d_name, file);
        if (access(path, R_OK) == 0) print_file(path);
    }
    closedir(dir);
}

void print_trace(void) {
    print_each("/sys/events/sched", "format");
    print_each("/sys/per_cpu", "stats");
    print_each("/sys/per_cpu", "trace_pipe_raw");
    puts("== end");
    fflush(stdout);
    tcdrain(1); /* the kernel says "Power down" at once */
}
