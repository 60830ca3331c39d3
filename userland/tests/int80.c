/* int $0x80 from a 64-bit program: i386's numbers, arguments of 32 bits, registers kept. */
#include "tests/int80.h"

#include <sys/utsname.h>
#include <time.h>

static void identity(void) {
    CHECK_EQ(call(20, 0, 0, 0, 0, 0), getpid());
    CHECK_EQ(call(64, 0, 0, 0, 0, 0), getppid());
    CHECK_EQ(call(199, 0, 0, 0, 0, 0), getuid());
    CHECK_EQ(call(224, 0, 0, 0, 0, 0), syscall(SYS_gettid));
    CHECK_EQ(call(0x100000000 + 20, 0, 0, 0, 0, 0), getpid()); /* only eax counts */
}

static void unknown(void) {
    CHECK_EQ(number_of(call(-1, 0, 0, 0, 0, 0)), -ENOSYS);
    CHECK_EQ(number_of(call(17, 0, 0, 0, 0, 0)), -ENOSYS);
    CHECK_EQ(number_of(call(511, 0, 0, 0, 0, 0)), -ENOSYS);
    CHECK_EQ(number_of(call(0x7fffffff, 0, 0, 0, 0, 0)), -ENOSYS);
}

/* Every register but rax comes back, in full width. */
static void registers(void) {
    static uint64_t after[12];
    asm volatile(
        "push %%rbp; lea %0, %%r8; push %%r8; mov $20, %%eax;"
        "mov $0x1111111111111111, %%rbx; mov $0x2222222222222222, %%rcx; mov $0x3333333333333333, "
        "%%rdx;"
        "mov $0x4444444444444444, %%rsi; mov $0x5555555555555555, %%rdi; mov $0x6666666666666666, "
        "%%r9;"
        "mov $0x7777777777777777, %%r10; mov $0x8888888888888888, %%r11; mov $0x9999999999999999, "
        "%%r12;"
        "mov $0xaaaaaaaaaaaaaaaa, %%r13; mov $0xbbbbbbbbbbbbbbbb, %%rbp; mov $0xcccccccccccccccc, "
        "%%r14;"
        "int $0x80;"
        "pop %%r8;"
        "mov %%rbx, (%%r8); mov %%rcx, 8(%%r8); mov %%rdx, 16(%%r8); mov %%rsi, 24(%%r8); mov "
        "%%rdi, 32(%%r8);"
        "mov %%r9, 40(%%r8); mov %%r10, 48(%%r8); mov %%r11, 56(%%r8); mov %%r12, 64(%%r8); mov "
        "%%r13, 72(%%r8);"
        "mov %%rbp, 80(%%r8); mov %%r14, 88(%%r8); pop %%rbp"
        : "+m"(after)
        :
        : "memory", "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
          "r13", "r14");
    for (unsigned i = 0; i < 12; i++) CHECK_EQ(after[i], 0x1111111111111111u * (i + 1));
}

static void files(void) {
    char* page = low_page();
    strcpy(page, "data");
    int fd = number_of(call(5, LOW(page), O_CREAT | O_RDWR, 0644, 0, 0));
    NEED(fd >= 0);
    strcpy(page + 100, "hello");
    CHECK_EQ(call(4, 0xffffffff00000000 | (unsigned)fd, LOW(page + 100), 5, 0, 0), 5);
    CHECK_EQ(call(19, fd, -2, SEEK_CUR, 0, 0), 3); /* a negative offset */
    CHECK_EQ(call(3, fd, LOW(page + 200), 10, 0, 0), 2);
    CHECK(memcmp(page + 200, "lo", 2) == 0);
    CHECK_EQ(call(140, fd, 1, 5, LOW(page + 300), SEEK_SET), 0);
    uint64_t position;
    memcpy(&position, page + 300, 8);
    CHECK_EQ(position, 0x100000005);
    CHECK_EQ(call(6, fd, 0, 0, 0, 0), 0);
    CHECK_EQ(number_of(call(6, fd, 0, 0, 0, 0)), -EBADF);
    CHECK_EQ(call(10, LOW(page), 0, 0, 0, 0), 0);
    CHECK(access("data", F_OK) != 0);
    CHECK_EQ(number_of(call(5, 0xfffff000, 0, 0, 0, 0)), -EFAULT);
}

/* The upper halves of the registers do not count: a pointer loses them. */
static void pointers_are_cut(void) {
    char* page = low_page();
    long high = 0x7654321000000000 | LOW(page);
    CHECK_EQ(call(183, high, 4096, 0, 0, 0), (long)strlen(page) + 1); /* getcwd */
    CHECK(page[0] == '/');
}

static void memory(void) {
    long at = call(192, 0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    CHECK(at > 0 && (unsigned long)at < 1ul << 32);
    *(volatile char*)at = 1;
    CHECK_EQ(call(125, at, 4096, PROT_READ, 0, 0), 0);
    CHECK_EQ(call(91, at, 8192, 0, 0, 0), 0);
    char* page = low_page();
    uint32_t arguments[6] = {
        0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint32_t)-1, 0};
    memcpy(page, arguments, sizeof arguments);
    at = call(90, LOW(page), 0, 0, 0, 0);
    CHECK(at > 0 && (unsigned long)at < 1ul << 32);
    *(volatile char*)at = 1;
    arguments[5] = 1;
    memcpy(page, arguments, sizeof arguments);
    CHECK_EQ(number_of(call(90, LOW(page), 0, 0, 0, 0)), -EINVAL);
    CHECK_EQ(number_of(call(90, 16, 0, 0, 0, 0)), -EFAULT);
}

static void times(void) {
    char* page = low_page();
    time_t before = time(NULL);
    long now = call(13, LOW(page), 0, 0, 0, 0);
    uint32_t words[3];
    memcpy(words, page, 12);
    CHECK(now >= before && now <= time(NULL));
    CHECK(words[0] == (uint32_t)now && words[1] == 0);
    memset(page, 0xff, 16);
    CHECK_EQ(call(78, LOW(page), 0, 0, 0, 0), 0);
    memcpy(words, page, 12);
    CHECK(words[0] >= (uint32_t)now && words[1] < 1000000 && words[2] == 0xffffffff);
}

static void processes(void) {
    long pid = call(2, 0, 0, 0, 0, 0);
    if (pid == 0) call(1, 7, 0, 0, 0, 0);
    int* status = (int*)low_page();
    CHECK_EQ(call(7, pid, LOW(status), 0, 0, 0), pid);
    CHECK_EXITED(*status, 7);
    signal(SIGUSR1, SIG_IGN);
    CHECK_EQ(call(37, getpid(), SIGUSR1, 0, 0, 0), 0);
    CHECK_EQ(number_of(call(37, getpid(), 99, 0, 0, 0)), -EINVAL);
}

static void names(void) {
    struct utsname* name = (struct utsname*)low_page();
    CHECK_EQ(call(122, LOW(name), 0, 0, 0, 0), 0);
    CHECK(strcmp(name->sysname, "Linux") == 0);
}

/* Words of 32 bits in structures, offsets in two registers. */
static void vectors_and_offsets(void) {
    char* page = low_page();
    int fd = open("data", O_CREAT | O_RDWR, 0644);
    NEED(fd >= 0);
    uint32_t pieces[4] = {(uint32_t)LOW(page), 3, (uint32_t)LOW(page + 100), 4};
    memcpy(page + 200, pieces, sizeof pieces);
    memcpy(page, "abc", 3);
    memcpy(page + 100, "defg", 4);
    CHECK_EQ(call(146, fd, LOW(page + 200), 2, 0, 0), 7);
    memset(page, 0, 150);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(call(145, fd, LOW(page + 200), 2, 0, 0), 7);
    CHECK(memcmp(page, "abc", 4) == 0 && memcmp(page + 100, "defg", 5) == 0);
    CHECK_EQ(number_of(call(146, fd, LOW(page + 200), 1025, 0, 0)), -EINVAL);
    CHECK_EQ(number_of(call(146, fd, 8, 2, 0, 0)), -EFAULT);
    uint32_t huge[4] = {(uint32_t)LOW(page), 0xffffffff, (uint32_t)LOW(page), 0xffffffff};
    memcpy(page + 200, huge, sizeof huge);
    CHECK_EQ(number_of(call(146, fd, LOW(page + 200), 2, 0, 0)), -EINVAL);
    CHECK_EQ(call(180, fd, LOW(page), 2, 3, 0), 2); /* pread64 */
    CHECK(memcmp(page, "de", 2) == 0);
    CHECK_EQ(call(180, fd, LOW(page), 2, 3, 1), 0); /* 4 GiB further */
    CHECK_EQ(number_of(call(180, fd, LOW(page), 2, 0, 0x80000000)), -EINVAL);
    CHECK_EQ(call(181, fd, LOW(page), 1, 1, 0), 1);
    CHECK_EQ(call(194, fd, 5, 0, 0, 0), 0);
    struct stat native;
    CHECK(fstat(fd, &native) == 0 && native.st_size == 5);
    CHECK_EQ(call(221, fd, F_GETFL, 0, 0, 0) & O_ACCMODE, O_RDWR);
    const long copy = call(55, fd, F_DUPFD, 50, 0, 0);
    CHECK(copy >= 50 && close((int)copy) == 0);
}

static void stats(void) {
    char* page = low_page();
    write_file("data", "1234567", 7, 0640);
    NEED(symlink("data", "link") == 0);
    strcpy(page, "data");
    strcpy(page + 50, "link");
    int fd = open("data", O_RDONLY);
    struct stat native;
    NEED(fd >= 0 && fstat(fd, &native) == 0);
    uint32_t* words = (uint32_t*)(page + 512);
    const struct {
        long number, a, b, c;
    } kTries[] = {{195, LOW(page), LOW(words), 0},
                  {195, LOW(page + 50), LOW(words), 0},
                  {196, LOW(page), LOW(words), 0},
                  {197, fd, LOW(words), 0},
                  {300, AT_FDCWD, LOW(page), LOW(words)}};
    for (unsigned i = 0; i < sizeof kTries / sizeof *kTries; i++) {
        memset(words, 0xff, 104);
        CHECK_EQ(call(kTries[i].number, kTries[i].a, kTries[i].b, kTries[i].c, 0, 0), 0);
        CHECK_EQ(words[0] | (uint64_t)words[1] << 32, native.st_dev);
        CHECK_EQ(words[4], native.st_mode);
        CHECK_EQ(words[5], 1);
        CHECK_EQ(words[11], 7);
        CHECK_EQ(words[13], native.st_blksize);
        CHECK_EQ(words[18], (uint32_t)native.st_mtime);
        CHECK_EQ(words[22] | (uint64_t)words[23] << 32, native.st_ino);
        CHECK_EQ(words[24], 0xffffffff); /* 96 bytes */
    }
    CHECK_EQ(call(196, LOW(page + 50), LOW(words), 0, 0, 0), 0);
    CHECK(S_ISLNK(words[4]));
    CHECK_EQ(number_of(call(195, 8, LOW(words), 0, 0, 0)), -EFAULT);
    CHECK_EQ(number_of(call(195, LOW(page), 8, 0, 0, 0)), -EFAULT);
    CHECK_EQ(number_of(call(197, 999, LOW(words), 0, 0, 0)), -EBADF);
    CHECK_EQ(number_of(call(300, AT_FDCWD, LOW(page), LOW(words), 0x40000, 0)), -EINVAL);
}

/* Those with the times of x86-64, and the older form of one. */
static void later_calls(void) {
    char* page = low_page();
    const uint64_t before = (uint64_t)time(NULL);
    CHECK_EQ(call(265, CLOCK_REALTIME, LOW(page), 0, 0, 0), 0);
    uint32_t small[3];
    memcpy(small, page, sizeof small);
    CHECK(small[0] >= before && small[0] <= before + 60 && small[1] < 1000000000 && small[2] == 0);
    CHECK_EQ(number_of(call(265, 999, LOW(page), 0, 0, 0)), -EINVAL);
    CHECK_EQ(call(406, CLOCK_MONOTONIC, LOW(page), 0, 0, 0), 0);
    struct timespec short_time = {0, 1000000};
    memcpy(page, &short_time, sizeof short_time);
    CHECK_EQ(call(407, CLOCK_MONOTONIC, 0, LOW(page), 0, 0), 0);
    uint32_t* futex = (uint32_t*)(page + 64);
    *futex = 5;
    CHECK_EQ(number_of(call(422, LOW(futex), 0, 4, LOW(page), 0)), -EAGAIN);
    CHECK_EQ(number_of(call(422, LOW(futex), 0, 5, LOW(page), 0)), -ETIMEDOUT);
    CHECK_EQ(call(168, LOW(page), 0, 1, 0, 0), 0); /* poll */
    uint64_t* mask = (uint64_t*)(page + 128);
    *mask = 1u << (SIGUSR1 - 1);
    CHECK_EQ(call(175, SIG_BLOCK, LOW(mask), 0, 8, 0), 0);
    raise(SIGUSR1);
    CHECK_EQ(call(176, LOW(mask), 8, 0, 0, 0), 0);
    CHECK_EQ(*mask, 1u << (SIGUSR1 - 1));
    CHECK_EQ(call(340, 0, 7, 0, LOW(page), 0), 0); /* prlimit64 */
}

/* A sleep that is stopped goes on for the rest of its time, through the same door. */
static void stopped_sleep(void) {
    pid_t child = fork_or_die();
    if (child == 0) {
        char* page = low_page();
        struct timespec some_time = {0, 300000000};
        memcpy(page, &some_time, sizeof some_time);
        _exit(call(407, CLOCK_MONOTONIC, 0, LOW(page), 0, 0) != 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        int status;
        usleep(30000);
        kill(child, SIGSTOP);
        CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
        kill(child, SIGCONT);
    }
    CHECK_EXITED(status_of(child), 0);
}

/* An interrupted call begins again through the same door. */
static int interrupted;
static void handler(int signal) {
    (void)signal;
    interrupted++;
}
static void restarted(void) {
    int pipes[2];
    NEED(pipe(pipes) == 0);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    pid_t parent = getpid(), child = fork_or_die();
    if (child == 0) {
        usleep(50000);
        kill(parent, SIGUSR1);
        usleep(50000);
        _exit(write(pipes[1], "x", 1) != 1);
    }
    CHECK_EQ(call(3, pipes[0], LOW(low_page()), 1, 0, 0), 1);
    CHECK_EQ(interrupted, 1);
    CHECK_EXITED(status_of(child), 0);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(identity), CASE(unknown), CASE(files), CASE(pointers_are_cut), CASE(memory),
        CASE(times), CASE(processes), CASE(names), CASE(restarted), CASE(registers),
        CASE(vectors_and_offsets), CASE(stats), CASE(later_calls), CASE(stopped_sleep), END});
}
