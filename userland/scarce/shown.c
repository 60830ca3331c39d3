/* What the kernel shows of itself: /proc, /sys. */
#include <dirent.h>

#include "scarce/scarce.h"

static void read_file(int folder, const char* name) {
    static char text[65536];
    const int file = openat(folder, name, O_RDONLY | O_NONBLOCK);
    if (file == -1 && (errno == EACCES || errno == EPERM || errno == ENOENT)) return;
    TRIED(file);
    const long length = read(file, text, sizeof text);
    const bool excused = errno == EINVAL || errno == EAGAIN || errno == EIO || errno == EPERM ||
                         errno == ESRCH || errno == EBADMSG;
    if (length == -1 && !excused) TRIED(-1);
    close(file);
}

/* Reads every file of the folder, once. */
static void read_all(const char* name) {
    DIR* const folder = TRIED_POINTER(opendir(name));
    struct dirent* entry;
    while (errno = 0, (entry = readdir(folder))) {
        if (strcmp(entry->d_name, "fail-nth") == 0 || strcmp(entry->d_name, "kmsg") == 0) continue;
        if (entry->d_type == DT_REG) read_file(dirfd(folder), entry->d_name);
        char target[256];
        if (entry->d_type == DT_LNK &&
            readlinkat(dirfd(folder), entry->d_name, target, 256) == -1) {
            TRIED(-1);
        }
    }
    TRIED(errno != 0 ? -1 : 0);
    closedir(folder);
}

static void own_process(void) { read_all("/proc/self"); }
static void own_descriptors(void) {
    read_all("/proc/self/fd");
    read_all("/proc/self/fdinfo");
    read_all("/proc/self/task");
}
static void whole_system(void) { read_all("/proc"); }
static void switches(void) {
    read_all("/proc/sys/kernel");
    read_all("/proc/sys/vm");
}
static void devices(void) { read_all("/sys/kernel/debug"); }

const struct step kShownSteps[] = {
    {"proc-self", own_process}, {"proc-fd", own_descriptors}, {"proc", whole_system},
    {"proc-sys", switches},     {"debugfs", devices},         {NULL, NULL},
};
