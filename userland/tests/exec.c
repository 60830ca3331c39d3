/* execve: arguments, scripts, limits, what survives, and images that are no programs. */
#include "tests/check.h"

#include <elf.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>

extern char** environ;
static char self[256]; /* this program: it is also what is executed, with a word that says why */

static int run_program(const char* path, char* const arguments[], char* const environment[]) {
    pid_t pid = fork_or_die();
    if (pid == 0) {
        execve(path, arguments, environment);
        _exit(errno < 100 ? 100 + errno : 99); /* what execve said */
    }
    return status_of(pid);
}
#define CHECK_REFUSED(path, error) \
    CHECK_EXITED(run_program(path, (char*[]){(char*)path, NULL}, environ), 100 + (error))

/* --- what the executed program checks
 * ------------------------------------------------------------- */

static int report_arguments(int argc, char** argv) {
    if (argc != 4 || strcmp(argv[2], "a b") != 0 || argv[3][0] != 0 || argv[4] != NULL) return 1;
    if (!environ[0] || strcmp(environ[0], "X=1") != 0 || environ[1]) return 2;
    if (getauxval(AT_PAGESZ) != 4096 || getauxval(AT_ENTRY) == 0) return 3;
    if (getauxval(AT_PHDR) == 0 || getauxval(AT_RANDOM) == 0) return 4;
    if (getauxval(AT_UID) != getuid() || getauxval(AT_SECURE) != 0) return 5;
    return 0;
}
static int report_state(void) {
    struct sigaction action;
    sigset_t mask;
    if (fcntl(20, F_GETFD) != -1 || fcntl(21, F_GETFD) != 0) return 1;
    sigaction(SIGUSR1, NULL, &action);
    if (action.sa_handler != SIG_DFL) return 2; /* handlers are gone */
    sigaction(SIGUSR2, NULL, &action);
    if (action.sa_handler != SIG_IGN) return 3; /* ignored stays ignored */
    sigprocmask(SIG_BLOCK, NULL, &mask);
    return sigismember(&mask, SIGHUP) ? 0 : 4; /* so does the mask */
}

/* What the kernel calls the program: AT_EXECFN, /proc/self/exe, and the thread's name. */
static int report_names(char** argv) {
    char link[256] = "", name[32] = "";
    const char* executed = (const char*)getauxval(AT_EXECFN);
    if (!executed || strcmp(executed, argv[2]) != 0) {
        printf("# AT_EXECFN: %s, wanted %s\n", executed ? executed : "none", argv[2]);
        return 1;
    }
    if (readlink("/proc/self/exe", link, sizeof link - 1) <= 0 || strcmp(link, argv[3]) != 0) {
        printf("# /proc/self/exe: %s, wanted %s\n", link, argv[3]);
        return 2;
    }
    prctl(PR_GET_NAME, name);
    if (strcmp(name, argv[4]) != 0) {
        printf("# comm: %s, wanted %s\n", name, argv[4]);
        return 3;
    }
    return 0;
}

/* --- cases
 * ---------------------------------------------------------------------------------------- */

static void arguments(void) {
    char* argv[] = {self, "arguments", "a b", "", NULL};
    CHECK_EXITED(run_program(self, argv, (char*[]){"X=1", NULL}), 0);
}

static void nothing(int signal) { (void)signal; }
static void state(void) {
    sigset_t mask;
    int fd = open("/dev/null", O_RDONLY);
    NEED(dup3(fd, 20, O_CLOEXEC) == 20 && dup2(fd, 21) == 21);
    signal(SIGUSR1, nothing);
    signal(SIGUSR2, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGHUP);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    CHECK_EXITED(run_program(self, (char*[]){self, "state", NULL}, environ), 0);
}

static void refused(void) {
    CHECK_REFUSED("none", ENOENT);
    CHECK_REFUSED("", ENOENT);
    CHECK_REFUSED("/", EACCES);
    CHECK_REFUSED("/dev/null", EACCES);
    write_file("plain", "x", 1, 0644);
    CHECK_REFUSED("plain", EACCES); /* no x bit, not even for root */
    CHECK_REFUSED("plain/x", ENOTDIR);
    write_file("empty", "", 0, 0755);
    CHECK_REFUSED("empty", ENOEXEC);
    write_file("text", "hello world\n", 12, 0755);
    CHECK_REFUSED("text", ENOEXEC);
    CHECK_ERRNO(syscall(SYS_execve, 8, (char*[]){"x", NULL}, environ), EFAULT);
    CHECK_ERRNO(syscall(SYS_execve, self, 8, environ), EFAULT);
    CHECK_ERRNO(execve(self, (char*[]){(char*)8, NULL}, environ), EFAULT);
}

static void script(const char* name, const char* text) {
    write_file(name, text, strlen(text), 0755);
}
static void scripts(void) {
    char text[600];
    snprintf(text, sizeof text, "#! %s script-argument with spaces \nrest\n", self);
    script("s", text);
    /* becomes: self, "script-argument with spaces", "./s", "one" */
    CHECK_EXITED(run_program("./s", (char*[]){"ignored", "one", NULL}, environ), 0);
    script("nowhere", "#!/no/such/program\n");
    CHECK_REFUSED("./nowhere", ENOENT);
    script("blank", "#!\n");
    CHECK_REFUSED("./blank", ENOEXEC);
    script("loop", "#!./loop\n");
    CHECK_REFUSED("./loop", ELOOP);
    script("directory", "#!/\n");
    CHECK_REFUSED("./directory", EACCES);
    snprintf(text, sizeof text, "#!%s", self); /* no newline at the end */
    script("short", text);
    CHECK_EXITED(run_program("./short", (char*[]){"x", NULL}, environ), 42);
}

static void too_big(void) {
    enum { kOne = 131072 };
    char *big = NULL, *room = aligned_alloc(4096, kOne + 2 * 4096);
    NEED(room);
    for (int at = 0; at < 4096; at += 1365) { /* wherever in a page it begins */
        big = room + at;
        memset(big, 'a', kOne);
        big[kOne - 1] = 0; /* a string of 128 KiB with its end: the largest that may be */
        CHECK_EXITED(run_program(self, (char*[]){self, "exit", "0", big, NULL}, environ), 0);
        big[kOne - 1] = 'a';
        big[kOne] = 0;
        CHECK_EXITED(run_program(self, (char*[]){self, "exit", "0", big, NULL}, environ),
                     100 + E2BIG);
        big[kOne - 1] = 0;
    }
    char** many = calloc(200, sizeof *many); /* 25 MiB in all */
    for (int i = 0; i < 198; i++) many[i] = big;
    many[0] = self;
    CHECK_EXITED(run_program(self, many, environ), 100 + E2BIG);
}

/* A minimal static program: exits with 7. `edit` spoils it. */
struct image {
    Elf64_Ehdr header;
    Elf64_Phdr load[2];
    unsigned char code[12];
};
static struct image good_image(void) {
    struct image image = {
        .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_EXEC,
                   .e_machine = EM_X86_64,
                   .e_version = EV_CURRENT,
                   .e_entry = 0x400000 + offsetof(struct image, code),
                   .e_phoff = offsetof(struct image, load),
                   .e_ehsize = sizeof(Elf64_Ehdr),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = 1},
        .load = {{.p_type = PT_LOAD,
                  .p_flags = PF_R | PF_X,
                  .p_vaddr = 0x400000,
                  .p_filesz = sizeof image,
                  .p_memsz = sizeof image,
                  .p_align = 4096}},
        .code = {0xbf, 7, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05}, /* exit(7) */
    };
    return image;
}
static int run_image(const struct image* image, size_t size) {
    write_file("image", image, size, 0755);
    return run_program("./image", (char*[]){"image", NULL}, environ);
}
#define CHECK_IMAGE(edit, error)                                      \
    do {                                                              \
        struct image image = good_image();                            \
        edit;                                                         \
        CHECK_EXITED(run_image(&image, sizeof image), 100 + (error)); \
    } while (0)

static void images(void) {
    struct image good = good_image();
    CHECK_EXITED(run_image(&good, sizeof good), 7);
    CHECK_EXITED(run_image(&good, sizeof good.header - 1), 100 + ENOEXEC);
    CHECK_IMAGE(image.header.e_ident[1] = 'e', ENOEXEC);
    CHECK_IMAGE(image.header.e_machine = EM_386, ENOEXEC);
    CHECK_IMAGE(image.header.e_type = ET_REL, ENOEXEC);
    CHECK_IMAGE(image.header.e_phnum = 0, ENOEXEC);
    CHECK_IMAGE(image.header.e_phentsize = 1, ENOEXEC);
    CHECK_IMAGE(image.header.e_phnum = 65535, ENOEXEC);
}

/* Images for which Linux may have passed the point of no return: refused or killed, never run. */
#define CHECK_NOT_RUN(...)                                         \
    do {                                                           \
        struct image image = good_image();                         \
        __VA_ARGS__;                                               \
        int status_ = run_image(&image, sizeof image);             \
        CHECK(WIFSIGNALED(status_) || WEXITSTATUS(status_) > 100); \
    } while (0)
static void hostile_images(void) {
    CHECK_NOT_RUN(image.header.e_phoff = 1ul << 40);
    CHECK_NOT_RUN(image.header.e_phoff = -64ul);
    CHECK_NOT_RUN(image.load[0].p_memsz = 10); /* smaller than the file part */
    CHECK_NOT_RUN(image.load[0].p_vaddr = 0xffffffff80000000);
    CHECK_NOT_RUN(image.load[0].p_vaddr = 0x7ffffffff000; image.load[0].p_memsz = 1ul << 30);
    CHECK_NOT_RUN(image.load[0].p_memsz = -1ul);
    CHECK_NOT_RUN(image.load[0].p_filesz = -1ul; image.load[0].p_memsz = -1ul);
    CHECK_NOT_RUN(image.load[0].p_offset = 100);     /* not congruent with the address */
    CHECK_NOT_RUN(image.load[0].p_offset = 1 << 20); /* beyond the file */
    CHECK_NOT_RUN(image.header.e_entry = 0xffffffff80000000);
    CHECK_NOT_RUN(image.header.e_entry = 0);
    CHECK_NOT_RUN(image.header.e_phnum = 2;
                  image.load[1] = (Elf64_Phdr){.p_type = PT_INTERP, .p_filesz = 1ul << 50});
    CHECK_NOT_RUN(image.header.e_phnum = 2;
                  image.load[1] = (Elf64_Phdr){.p_type = PT_INTERP, .p_filesz = 4});
    /* Random damage: whatever happens, it happens to that process only. */
    unsigned seed = 12345;
    for (int round = 0; round < 60; round++) {
        struct image image = good_image();
        for (int i = 0; i < 4; i++) {
            seed = seed * 1103515245 + 12345;
            ((unsigned char*)&image)[(seed >> 8) % offsetof(struct image, code)] =
                (unsigned char)(seed >> 20);
        }
        write_file("image", &image, sizeof image, 0755);
        pid_t pid = fork_or_die();
        if (pid == 0) {
            alarm(2);
            execve("./image", (char*[]){"image", NULL}, environ);
            _exit(0);
        }
        status_of(pid);
        unlink("image");
    }
}

/* Where things are, in hexadecimal: code, stack, heap, mappings. */
static int report_places(void) {
    char line[128];
    void* heap = sbrk(0);
    void* mapping = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int length = snprintf(line, sizeof line, "%p %p %p %p\n", (void*)report_places, (void*)&line,
                          heap, mapping);
    return write(1, line, (size_t)length) != length;
}
static void places_of(char* line, size_t size, int fixed) {
    int p[2];
    NEED(pipe(p) == 0);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        NEED(personality(fixed ? ADDR_NO_RANDOMIZE : 0) != -1);
        NEED(dup2(p[1], 1) == 1);
        execve(self, (char*[]){self, "places", NULL}, environ);
        _exit(99);
    }
    close(p[1]);
    memset(line, 0, size);
    NEED(read(p[0], line, size - 1) > 0);
    CHECK_EXITED(status_of(pid), 0);
    close(p[0]);
}
/* Everything lies elsewhere each time, but for who has asked for the same places. */
static void random_places(void) {
    char first[128], next[128];
    places_of(first, sizeof first, 1);
    for (int i = 0; i < 3; i++) {
        places_of(next, sizeof next, 1);
        CHECK(strcmp(first, next) == 0);
    }
    unsigned long before[4], now[4];
    int moved[4] = {0};
    places_of(first, sizeof first, 0);
    NEED(sscanf(first, "%lx %lx %lx %lx", before, before + 1, before + 2, before + 3) == 4);
    for (int i = 0; i < 3; i++) {
        places_of(next, sizeof next, 0);
        NEED(sscanf(next, "%lx %lx %lx %lx", now, now + 1, now + 2, now + 3) == 4);
        for (int j = 0; j < 4; j++) moved[j] += now[j] != before[j];
    }
    CHECK(moved[1] >= 2 && moved[2] >= 2 && moved[3] >= 2); /* the code of a static program stays */
}

static void copy_self(const char* name) {
    static char block[65536];
    int from = open(self, O_RDONLY), to = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    NEED(from >= 0 && to >= 0);
    for (ssize_t got; (got = read(from, block, sizeof block)) > 0;) {
        NEED(write(to, block, (size_t)got) == got);
    }
    close(from);
    close(to);
}

/* execveat(2) in a child; what the program is told that it is called. */
static int run_at(int directory, const char* path, int flags, const char* executed,
                  const char* real, const char* comm) {
    char* words[] = {"x", "names", (char*)executed, (char*)real, (char*)comm, NULL};
    pid_t pid = fork_or_die();
    if (pid == 0) {
        syscall(SYS_execveat, directory, path, words, environ, flags);
        _exit(100 + errno);
    }
    return status_of(pid);
}

/* A program by its descriptor (fexecve), and relative to a directory. */
static void by_descriptor(void) {
    char here[256], real[300], name[64];
    NEED(getcwd(here, sizeof here));
    snprintf(real, sizeof real, "%s/program", here);
    copy_self("program");
    int directory = open(".", O_RDONLY | O_DIRECTORY);
    int program = open("program", O_RDONLY | O_CLOEXEC), handle = open("program", O_PATH);
    NEED(directory >= 0 && program >= 0 && handle >= 0);

    CHECK_EXITED(run_at(AT_FDCWD, "./program", 0, "./program", real, "program"), 0);
    CHECK_EXITED(run_at(-1, real, 0, real, real, "program"), 0);
    snprintf(name, sizeof name, "/dev/fd/%d/program", directory);
    CHECK_EXITED(run_at(directory, "program", 0, name, real, "program"), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", program);
    CHECK_EXITED(run_at(program, "", AT_EMPTY_PATH, name, real, "program"), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", handle);
    CHECK_EXITED(run_at(handle, "", AT_EMPTY_PATH, name, real, "program"), 0);

    CHECK_EXITED(run_at(program, "", 0, "", "", ""), 100 + ENOENT);
    CHECK_EXITED(run_at(program, "program", 0, "", "", ""), 100 + ENOTDIR);
    CHECK_EXITED(run_at(999, "program", 0, "", "", ""), 100 + EBADF);
    CHECK_EXITED(run_at(999, "", AT_EMPTY_PATH, "", "", ""), 100 + EBADF);
    CHECK_EXITED(run_at(directory, "", AT_EMPTY_PATH, "", "", ""), 100 + EACCES);
    CHECK_EXITED(run_at(AT_FDCWD, "program", 0x40, "", "", ""), 100 + EINVAL);
    NEED(symlink("program", "link") == 0);
    CHECK_EXITED(run_at(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, "", "", ""), 100 + ELOOP);
    CHECK_EXITED(run_at(AT_FDCWD, "link", 0, "link", real, "link"), 0);
}

/* A script is read by its interpreter under the name of the descriptor: not, if that is closed. */
static void script_by_descriptor(void) {
    char text[300];
    snprintf(text, sizeof text, "#!%s\n", self);
    script("short", text);
    int open_one = open("short", O_RDONLY), closed_one = open("short", O_RDONLY | O_CLOEXEC);
    NEED(open_one >= 0 && closed_one >= 0);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        syscall(SYS_execveat, open_one, "", (char*[]){"x", NULL}, environ, AT_EMPTY_PATH);
        _exit(100 + errno);
    }
    CHECK_EXITED(status_of(pid), 43);
    CHECK_EXITED(run_at(closed_one, "", AT_EMPTY_PATH, "", "", ""), 100 + ENOENT);
}

/* A program that runs cannot be written to, nor one that is written to be run. */
static void busy_text(void) {
    char path[64], target[256];
    copy_self("program");
    int to = open("program", O_WRONLY);
    CHECK_REFUSED("./program", ETXTBSY);
    close(to);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        execve("./program", (char*[]){"program", "wait", NULL}, environ);
        _exit(99);
    }
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    for (int i = 0; i < 500; i++) {
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length > 8 && memcmp(target + length - 8, "/program", 8) == 0) break;
        usleep(10000);
    }
    CHECK_ERRNO(open("program", O_WRONLY), ETXTBSY);
    CHECK_ERRNO(open("program", O_RDWR | O_TRUNC), ETXTBSY);
    CHECK_ERRNO(truncate("program", 0), ETXTBSY);
    CHECK(open("program", O_RDONLY) >= 0);
    CHECK_EQ(chmod("program", 0700), 0);
    pid_t child = fork_or_die(); /* as many as like may run it */
    if (child == 0) {
        execve("./program", (char*[]){"program", "exit", "5", NULL}, environ);
        _exit(99);
    }
    CHECK_EXITED(status_of(child), 5);
    CHECK_ERRNO(open("program", O_WRONLY), ETXTBSY);
    kill(pid, SIGKILL);
    status_of(pid);
    to = open("program", O_WRONLY);
    for (int i = 0; i < 100 && to == -1; i++) { /* the last of its memory goes a little later */
        usleep(10000);
        to = open("program", O_WRONLY);
    }
    CHECK(to >= 0);
    CHECK_EQ(truncate("program", 0), 0);
}

static int as_program(int argc, char** argv) {
    if (strcmp(argv[1], "wait") == 0) return pause();
    if (strcmp(argv[1], "places") == 0) return report_places();
    if (strcmp(argv[1], "arguments") == 0) return report_arguments(argc, argv);
    if (strcmp(argv[1], "state") == 0) return report_state();
    if (strcmp(argv[1], "names") == 0 && argc == 5) return report_names(argv);
    if (strncmp(argv[1], "/dev/fd/", 8) == 0) return argc == 2 ? 43 : 1;
    if (strcmp(argv[1], "exit") == 0) return atoi(argv[2]);
    if (strcmp(argv[1], "./short") == 0) return argc == 2 ? 42 : 1;
    if (strcmp(argv[1], "script-argument with spaces") == 0) {
        return argc == 4 && strcmp(argv[2], "./s") == 0 && strcmp(argv[3], "one") == 0 ? 0 : 1;
    }
    return 98;
}

int main(int argc, char** argv) {
    if (argc > 1) return as_program(argc, argv);
    NEED(realpath("/proc/self/exe", self) || realpath(argv[0], self));
    return run_cases((struct test_case[]){
        CASE(arguments), CASE(state), CASE(refused), CASE(scripts), CASE(too_big), CASE(images),
        CASE(hostile_images), CASE(by_descriptor), CASE(script_by_descriptor), CASE(busy_text),
        CASE(random_places), END});
}
