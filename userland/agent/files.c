/// What the grader reads and writes in the guest's file tree. See files.h.
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/// Reads until `wanted` bytes or the end. Returns 0 or the errno of the failing read.
static int read_fully(int fd, uint8_t* to, size_t wanted, size_t* total) {
    *total = 0;
    while (*total < wanted) {
        const ssize_t got = read(fd, to + *total, wanted - *total);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        if (got == 0) break;
        *total += (size_t)got;
    }
    return 0;
}

int file_read(const char* path, uint64_t offset, uint32_t length, uint8_t* result, size_t* total) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return errno;
    int error = 0;
    if (offset != 0 && lseek(fd, (off_t)offset, SEEK_SET) < 0) error = errno;
    if (length > kResultSize) length = kResultSize;
    if (error == 0) error = read_fully(fd, result, length, total);
    close(fd);
    return error;
}

int file_write(const WriteSpec* spec, const uint8_t* data, uint32_t* written) {
    int flags = O_WRONLY | O_CLOEXEC | O_NONBLOCK;
    if (spec->flags & kWriteCreate) flags |= O_CREAT;
    if (spec->flags & kWriteTruncate) flags |= O_TRUNC;
    if (spec->flags & kWriteAppend) flags |= O_APPEND;
    const int fd = open(spec->path, flags, spec->mode);
    if (fd < 0) return errno;
    int error = 0;
    *written = 0;
    if (spec->offset != 0 && lseek(fd, (off_t)spec->offset, SEEK_SET) < 0) error = errno;
    while (error == 0 && *written < spec->length) {
        const ssize_t put = write(fd, data + *written, spec->length - *written);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) {
            error = put < 0 ? errno : EIO;
        } else {
            *written += (uint32_t)put;
        }
    }
    if (close(fd) != 0 && error == 0) error = errno;
    return error;
}

int file_probe(const char* path, const uint8_t* data, uint32_t length, uint8_t* result,
               size_t* total) {
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return errno;
    int error = 0;
    const ssize_t put = write(fd, data, length);
    if (put < 0) {
        error = errno;
    } else if ((uint32_t)put != length) {
        error = EIO;
    }
    if (error == 0 && lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE) error = errno;
    if (error == 0) error = read_fully(fd, result, *total, total);
    close(fd);
    return error;
}

int dir_list(const char* path, uint8_t* result, size_t* total) {
    DIR* dir = opendir(path);
    if (dir == NULL) return errno;
    Writer out = {.bytes = result, .capacity = kResultSize};
    const struct dirent* entry;
    errno = 0;
    while ((entry = readdir(dir)) != NULL) {
        put_number(&out, entry->d_type, 1);
        put_number(&out, entry->d_ino, 8);
        put_string(&out, entry->d_name);
        errno = 0;
    }
    const int error = errno;
    closedir(dir);
    *total = out.length;
    return error != 0 ? error : out.bad ? EMSGSIZE : 0;
}

int file_stat(const char* path, int follow, Writer* out) {
    struct stat info;
    if ((follow ? stat(path, &info) : lstat(path, &info)) != 0) return errno;
    put_number(out, info.st_mode, 4);
    put_number(out, info.st_nlink, 4);
    put_number(out, info.st_uid, 4);
    put_number(out, info.st_gid, 4);
    put_number(out, info.st_ino, 8);
    put_number(out, (uint64_t)info.st_size, 8);
    put_number(out, info.st_rdev, 8);
    put_number(out, (uint64_t)info.st_blocks, 8);
    put_number(out, (uint64_t)(info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec), 8);
    return 0;
}

static uint64_t clock_ns(clockid_t which) {
    struct timespec now = {0};
    clock_gettime(which, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int system_info(Writer* out) {
    struct sysinfo info = {0};
    struct utsname name = {0};
    if (uname(&name) != 0) return errno;
    sysinfo(&info);  // zeros where the kernel has it not
    put_number(out, clock_ns(CLOCK_MONOTONIC), 8);
    put_number(out, clock_ns(CLOCK_REALTIME), 8);
    put_number(out, (uint64_t)info.uptime, 8);
    put_number(out, (uint64_t)info.totalram * info.mem_unit, 8);
    put_number(out, (uint64_t)info.freeram * info.mem_unit, 8);
    put_number(out, info.procs, 2);
    const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    put_number(out, cpus > 0 ? (uint64_t)cpus : 0, 2);
    put_string(out, name.sysname);
    put_string(out, name.nodename);
    put_string(out, name.release);
    put_string(out, name.version);
    put_string(out, name.machine);
    return 0;
}
