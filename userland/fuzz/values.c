/* Arguments: those that make sense, and those that do not. */
#include "fuzz/fuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <time.h>

static const char* const kPaths[] = {
    "a",
    "b",
    "dir",
    "dir/x",
    "dir/y",
    "link",
    "loop",
    "fifo",
    ".",
    "..",
    "",
    "/",
    "/proc/self",
    "/dev/null",
    "/dev/zero",
    "/proc/self/fd/3",
    "/proc/self/maps",
    "/proc/self/mem",
    "nowhere/at",
    "/proc/self/exe",
    "a/b",
    "dir/../dir/./x",
    "/dev/tty",
    "/proc/self/status",
};

/* `pages` pages amid many that are not to be touched: a call that runs past them hits nothing else.
 */
char* map_fenced(size_t pages, int protection) {
    const size_t fence = 64 * PAGE;
    char* const at =
        mmap(NULL, pages * PAGE + 2 * fence, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || mprotect(at + fence, pages * PAGE, protection)) return NULL;
    return at + fence;
}

static void keep(struct ground* ground, int file) {
    if (file >= 0 && ground->file_count < 16) ground->files[ground->file_count++] = file;
}

bool lay_ground(struct ground* ground) {
    ground->file_count = 0;
    ground->play = map_fenced(PLAYGROUND_PAGES, PROT_READ | PROT_WRITE);
    ground->read_only = map_fenced(1, PROT_READ);
    ground->racing = map_fenced(1, PROT_READ | PROT_WRITE);
    if (!ground->play || !ground->read_only || !ground->racing) return false;
    munmap(ground->read_only + PAGE, 32 * PAGE);

    mkdir("dir", 0777);
    mkdir("dev", 0777);
    mknod("dev/null", S_IFCHR | 0666, makedev(1, 3));
    mknod("dev/zero", S_IFCHR | 0666, makedev(1, 5));
    symlink("a", "link");
    symlink("loop", "loop");
    mkfifo("fifo", 0666);
    keep(ground, open("a", O_RDWR | O_CREAT, 0666));
    keep(ground, open("dir/x", O_RDWR | O_CREAT | O_APPEND, 0666));
    keep(ground, open("dir", O_RDONLY | O_DIRECTORY));
    keep(ground, open("fifo", O_RDWR | O_NONBLOCK));
    keep(ground, open("/dev/null", O_RDWR));
    keep(ground, open("/dev/zero", O_RDWR));
    keep(ground, open("/proc/self/status", O_RDONLY));
    keep(ground, open("/proc/self/task", O_RDONLY | O_DIRECTORY));
    keep(ground, open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK));
    int ends[2];
    if (pipe2(ends, O_NONBLOCK) == 0) {
        keep(ground, ends[0]);
        keep(ground, ends[1]);
    }
    keep(ground, epoll_create1(0));
    keep(ground, (int)syscall(SYS_eventfd2, 1, O_NONBLOCK));
    keep(ground, (int)syscall(SYS_timerfd_create, CLOCK_MONOTONIC, O_NONBLOCK));
    keep(ground, (int)syscall(SYS_pidfd_open, getpid(), O_NONBLOCK));
    const unsigned long usr1 = 1ul << (SIGUSR1 - 1);
    keep(ground, (int)syscall(SYS_signalfd4, -1, &usr1, sizeof usr1, O_NONBLOCK));
    return ground->file_count > 4;
}

void pull_page(struct ground* ground) { munmap(ground->racing, PAGE); }
void put_page(struct ground* ground) {
    mmap(ground->racing, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
         0);
}

/* Those that end the worker are rare. */
static long some_signal(struct chance* from) {
    static const char deadly[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGILL, SIGFPE, 32, 33};
    const unsigned signal = below(from, 66);
    const bool ends = signal != 0 && memchr(deadly, (int)signal, sizeof deadly);
    return ends && below(from, 100) ? 0 : signal;
}

/* The letters:
 *   f  an open file   d  a number that an open file may get   a  AT_FDCWD or a directory
 *   p  a path         b  a page to write to       s  a small structure      l  a length up to a
 * page v  two iovecs     n  0 to 3                   i  0 to 15                j  a few
 * milliseconds F  flags          m  a mode                   o  an offset              x  some bits
 *   A  an address     L  some pages               P  a protection           M  flags of mmap
 *   S  a signal       I  this process             c  a clock                u  a user
 *   t  a short time   T  an itimerspec            w  WNOHANG and more       z  null
 *   0 to 9  that number (3 for mmap: private and anonymous is 0x22) */
long good_value(char kind, const struct ground* ground, char* scratch, struct chance* from) {
    char* const here = scratch + 64 * below(from, 32);
    switch (kind) {
    case 'f': return ground->files[below(from, ground->file_count)];
    case 'd': return 24 + below(from, 40);
    case 'a': return below(from, 4) ? AT_FDCWD : ground->files[2];
    case 'p': return (long)strcpy(here, kPaths[below(from, sizeof kPaths / sizeof kPaths[0])]);
    case 'b': return (long)scratch;
    case 's': {
        uint32_t* words = (uint32_t*)here;
        for (unsigned i = 0; i < 32; i++) {
            words[i] = below(from, 3) ? below(from, 16) : (uint32_t)draw(from);
        }
        return (long)here;
    }
    case 'l': return below(from, 5) ? below(from, 256) : below(from, PAGE);
    case 'v': {
        struct iovec* vectors = (struct iovec*)here;
        for (unsigned i = 0; i < 3; i++) {
            vectors[i] = (struct iovec){ground->play + below(from, 3 * PAGE), below(from, PAGE)};
        }
        return (long)here;
    }
    case 'n': return below(from, 4);
    case 'i': return below(from, 16);
    case 'j': return below(from, 2);
    case 'F': return below(from, 2) ? 0 : (long)(1u << below(from, 24) | 1u << below(from, 24));
    case 'm': return below(from, 4) ? 0666 : below(from, 0x10000);
    case 'o': return below(from, 4) ? below(from, 3 * PAGE) : (long)(draw(from) >> below(from, 63));
    case 'x': return below(from, 2) ? (long)(draw(from) & 0xffff) : (long)(draw(from) & 0xffffffff);
    case 'A': return (long)(ground->play + PAGE * below(from, PLAYGROUND_PAGES));
    case 'L': return (long)(PAGE * (1 + below(from, 4)));
    case 'P': return below(from, 8);
    case 'M':
        return (long)(1 + below(from, 2)) | (below(from, 2) ? 0x20 : 0) |
               (below(from, 4) ? 0 : 0x10);
    case 'S': return some_signal(from);
    case 'I': return below(from, 3) ? getpid() : 0;
    case 'c': return below(from, 12);
    case 'u': return below(from, 2) ? -1 : UNPRIVILEGED;
    case 't': {
        struct timespec* time = (struct timespec*)here;
        time[0] = (struct timespec){0, below(from, 200000)};
        time[1] = (struct timespec){0, below(from, 200000)};
        return (long)here;
    }
    case 'T': {
        struct itimerspec* timer = (struct itimerspec*)here;
        timer->it_interval = (struct timespec){0, below(from, 2) ? 0 : 50000 + below(from, 900000)};
        timer->it_value = (struct timespec){0, below(from, 900000)};
        return (long)here;
    }
    case 'w': return 1 | (long)(below(from, 2) ? 0 : below(from, 16));
    case 'z': return 0;
    case '3': return 0x22;
    default: return kind >= '0' && kind <= '9' ? kind - '0' : (long)draw(from);
    }
}

long bad_value(unsigned which, const struct ground* ground, struct chance* from) {
    switch (which) {
    case 0: return 0;
    case 1: return -1;
    case 2: return 1;
    case 3: return INT32_MIN;
    case 4: return INT32_MAX;
    case 5: return INT64_MAX;
    case 6: return INT64_MIN;
    case 7: return (long)UINT32_MAX;
    case 8: return (long)(ground->play + 1 + below(from, PAGE)); /* unaligned */
    case 9:
        return (long)(ground->play + PAGE * PLAYGROUND_PAGES - 1 -
                      below(from, 16)); /* at the end */
    case 10: return (long)ground->read_only;
    case 11:
        return (long)(ground->read_only + PAGE - 1 -
                      below(from, 64));                         /* the next page is not there */
    case 12: return (long)(ground->read_only + PAGE);           /* unmapped */
    case 13: return (long)(ground->racing + below(from, PAGE)); /* comes and goes */
    case 14: return (long)0xffffffff81000000;                   /* the kernel's */
    case 15: return (long)(0xffff888000000000 + below(from, 1u << 26));
    case 16: return (long)0x00007ffffffff000 - (long)below(from, 32); /* the end of user space */
    case 17: return (long)0x0000800000000000;                         /* not canonical */
    case 18: return (long)draw(from);
    default: return (long)(draw(from) >> below(from, 64));
    }
}
