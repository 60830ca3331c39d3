/* /dev/mem: physical memory that is not RAM, by read, write and shared mappings. What lies where is
 * the PC's: the text screen at 0xb8000, the BIOS below 1 MiB. */
#include "tests/check.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SCREEN 0xb8000
#define BIOS 0xf0000

static int dev_mem(int how) {
    int fd = open("/dev/mem", how | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == EPERM)) skip_case("no /dev/mem here");
    NEED(fd >= 0);
    return fd;
}
static volatile unsigned char* map_of(int fd, off_t at, size_t bytes, int rights) {
    void* mapped = mmap(NULL, bytes, rights, MAP_SHARED, fd, at);
    NEED(mapped != MAP_FAILED);
    return mapped;
}

static void reads_what_a_mapping_shows(void) {
    int fd = dev_mem(O_RDONLY);
    unsigned char bytes[5000];
    NEED(pread(fd, bytes, sizeof bytes, BIOS + 100) == sizeof bytes); /* across a page's end */
    volatile unsigned char* bios = map_of(fd, BIOS, 0x10000, PROT_READ);
    int same = 0;
    for (unsigned i = 0; i < sizeof bytes; i++) {
        same += bios[100 + i] == bytes[i];
    }
    CHECK_EQ(same, (int)sizeof bytes);
    CHECK_EQ(bios[0xfff0], 0xea); /* the first instruction of all: a far jump */
    unsigned char first;
    CHECK(pread(fd, &first, 1, BIOS + 0xfff0) == 1 && first == 0xea);
    CHECK(lseek(fd, 0xffff0, SEEK_SET) == 0xffff0 && read(fd, &first, 1) == 1 && first == 0xea);
    CHECK(lseek(fd, 0, SEEK_CUR) == 0xffff1);
    CHECK_ERRNO(lseek(fd, 0, SEEK_END), EINVAL);
    munmap((void*)bios, 0x10000);
    close(fd);
}

static void writes_reach_the_device(void) {
    int fd = dev_mem(O_RDWR);
    volatile unsigned char* screen = map_of(fd, SCREEN, 0x8000, PROT_READ | PROT_WRITE);
    const unsigned char before = screen[0x7000];
    unsigned char byte = 'V';
    NEED(pwrite(fd, &byte, 1, SCREEN + 0x7000) == 1);
    CHECK_EQ(screen[0x7000], 'V');
    screen[0x7000] = 'W';
    CHECK(pread(fd, &byte, 1, SCREEN + 0x7000) == 1 && byte == 'W');
    pid_t child = fork_or_die(); /* a child has the device, not a copy */
    if (child == 0) {
        screen[0x7000] = 'C';
        _exit(screen[0x7000] != 'C');
    }
    CHECK_EXITED(status_of(child), 0);
    CHECK_EQ(screen[0x7000], 'C');
    /* Rights that change, and come back. */
    NEED(mprotect((void*)screen, 0x8000, PROT_READ) == 0);
    CHECK_EQ(screen[0x7000], 'C');
    NEED(mprotect((void*)screen, 0x8000, PROT_READ | PROT_WRITE) == 0);
    screen[0x7000] = 'D';
    CHECK(pread(fd, &byte, 1, SCREEN + 0x7000) == 1 && byte == 'D');
    screen[0x7000] = before;
    munmap((void*)screen, 0x8000);
    close(fd);
}

static void calls_on_the_mapping(void) {
    int fd = dev_mem(O_RDWR);
    char* screen = (char*)map_of(fd, SCREEN, 0x8000, PROT_READ | PROT_WRITE);
    char byte;
    CHECK(screen[0] | 1);
    CHECK_ERRNO(madvise(screen, 0x8000, MADV_DONTNEED), EINVAL);
    CHECK(mremap(screen, 0x8000, 0x9000, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
    char* moved = mremap(screen, 0x8000, 0x4000, 0); /* but it may shrink, */
    CHECK(moved == screen);
    moved = mremap(screen, 0x4000, 0x4000, MREMAP_MAYMOVE | MREMAP_FIXED, screen + 0x100000);
    NEED(moved == screen + 0x100000); /* and move */
    moved[0x3000] = 'M';
    CHECK(pread(fd, &byte, 1, SCREEN + 0x3000) == 1 && byte == 'M');
    CHECK(munlock(moved, 0x4000) == 0 && mlock(moved, 0x4000) == 0);
    CHECK(munmap(moved + 0x1000, 0x1000) == 0); /* a hole */
    CHECK(moved[0x3000] == 'M');
    munmap(moved, 0x4000);
    close(fd);
}

static void ram_is_nobodys_business(void) {
    int fd = dev_mem(O_RDWR);
    char bytes[16];
    memset(bytes, 1, sizeof bytes);
    CHECK(pread(fd, bytes, sizeof bytes, 0x1000) == sizeof bytes); /* below 1 MiB: zeros */
    for (unsigned i = 0; i < sizeof bytes; i++) CHECK_EQ(bytes[i], 0);
    CHECK_ERRNO(pread(fd, bytes, sizeof bytes, 0x1000000), EPERM);
    CHECK_ERRNO(pwrite(fd, bytes, sizeof bytes, 0x1000000), EPERM);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0x1000000) == MAP_FAILED && errno == EPERM);
    CHECK(mmap(NULL, 1 << 24, PROT_READ, MAP_SHARED, fd, BIOS) == MAP_FAILED && errno == EPERM);
    CHECK_ERRNO(pread(fd, bytes, sizeof bytes, 1ll << 60), EFAULT);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 1ll << 60) == MAP_FAILED && errno == EINVAL);
    CHECK_ERRNO(pread(fd, unmapped_page(), 16, BIOS), EFAULT);
    close(fd);
}

static void as_a_user(void) {
    NEED(syscall(SYS_setresuid, 0, 1234, 0) == 0); /* root's file, but no capability */
    int fd = open("/dev/mem", O_RDONLY);
    CHECK(fd == -1 && (errno == EPERM || errno == EACCES));
}
static void needs_a_capability(void) {
    close(dev_mem(O_RDONLY));
    CHECK_EXITED(in_child(as_a_user), 0);
}

int main(int argc, char** argv) {
    (void)argc;
    (void)argv;
    return run_cases((struct test_case[]){
        CASE(reads_what_a_mapping_shows), CASE(writes_reach_the_device), CASE(calls_on_the_mapping),
        CASE(ram_is_nobodys_business), CASE(needs_a_capability), END});
}
