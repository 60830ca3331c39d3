// Mounting, the host name, and how init speaks.
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

struct mount_point {
    const char *path, *type, *options;
    bool optional;  // a kernel without it is no surprise: say nothing
};

static const struct mount_point kMounts[] = {
    {"/proc", "proc", NULL, false},
    {"/sys", "sysfs", NULL, false},
    {"/dev", "devtmpfs", "mode=0755", false},
    {"/dev/pts", "devpts", "gid=5,mode=620", true},
    {"/tmp", "tmpfs", "mode=1777", false},
    {"/sys/kernel/tracing", "tracefs", NULL, true},
    {"/sys/kernel/debug", "debugfs", NULL, true},
};

void say(const char* format, ...) {
    char line[256] = "init: ";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + 6, sizeof line - 7, format, arguments);
    va_end(arguments);
    strcat(line, "\n");
    if (write(2, line, strlen(line)) < 0) return;  // nobody left to tell
}

long long now_ms(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

// A mount point lies on another device than the folder that holds it.
static bool is_mounted(const char* path) {
    char parent[128];
    struct stat here, above;
    snprintf(parent, sizeof parent, "%s/..", path);
    return stat(path, &here) == 0 && stat(parent, &above) == 0 && here.st_dev != above.st_dev;
}

static void mount_one(const struct mount_point* point) {
    if (is_mounted(point->path)) return;
    if (mkdir(point->path, 0755) < 0 && errno != EEXIST) {
        if (!point->optional) say("no folder %s: %s", point->path, strerror(errno));
        return;
    }
    if (mount(point->type, point->path, point->type, MS_NOSUID, point->options) == 0) return;
    if (errno == EBUSY || point->optional) return;
    say("cannot mount %s on %s: %s", point->type, point->path, strerror(errno));
}

void mount_all(void) {
    for (unsigned i = 0; i < sizeof kMounts / sizeof kMounts[0]; i++) {
        mount_one(&kMounts[i]);
    }
}

void set_host_name(void) {
    char name[65] = "vitrine";
    int file = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        ssize_t size = read(file, name, sizeof name - 1);
        close(file);
        if (size > 0) name[size] = 0;
        name[strcspn(name, " \t\r\n")] = 0;
    }
    if (sethostname(name, strlen(name)) < 0) say("cannot set the host name: %s", strerror(errno));
}
