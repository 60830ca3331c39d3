/* Core dumps: when there is one, what is in it, how it is called. */
#include "tests/core_file.h"

#include <sys/prctl.h>

static char* heap;
static uint64_t* const kNowhere = (uint64_t*)0x123450;
static void fault(void) {
    heap = page_with(PROT_READ | PROT_WRITE);
    strcpy(heap, "remember me");
    register uint64_t r12 asm("r12") = 0x1212, r15 asm("r15") = 0x1515;
    double real = 2.5;
    asm volatile("movsd %2, %%xmm9\n movq %3, %3\n movl $7, (%4)"
                 :
                 : "r"(r12), "r"(r15), "m"(real), "r"(r12), "b"(kNowhere)
                 : "xmm9", "memory");
}
/* The same address in parent and child, since the child is a copy. */
static void contents(void) {
    heap = page_with(PROT_READ | PROT_WRITE);
    munmap(heap, 4096);
    char* const wanted = heap;
    int status = dumped_by(fault);
    CHECK_KILLED(status, SIGSEGV);
    CHECK(WCOREDUMP(status));
    struct stat st;
    NEED(stat("core", &st) == 0);
    CHECK((st.st_mode & 07777) == 0600 && st.st_uid == geteuid() && st.st_nlink == 1);
    struct core_file core = open_core("core");
    CHECK_EQ(count_notes(&core, NT_PRSTATUS), 1);
    CHECK_EQ(count_notes(&core, NT_PRPSINFO), 1);
    CHECK_EQ(count_notes(&core, NT_SIGINFO), 1);
    CHECK_EQ(count_notes(&core, NT_AUXV), 1);
    CHECK_EQ(count_notes(&core, NT_FILE), 1);
    CHECK_EQ(count_notes(&core, NT_FPREGSET), 1);
    size_t size = 0;
    const struct elf_prstatus* thread = core_note(&core, NT_PRSTATUS, 0, &size);
    const struct user_regs_struct* registers = (const void*)&thread->pr_reg;
    CHECK_EQ(size, sizeof *thread);
    CHECK_EQ(thread->pr_cursig, SIGSEGV);
    CHECK_EQ(thread->pr_ppid, getpid());
    CHECK_EQ(thread->pr_pgrp, getpgrp());
    CHECK_EQ(thread->pr_sid, getsid(0));
    CHECK(registers->r12 == 0x1212 && registers->r15 == 0x1515);
    CHECK(registers->rbx == (uintptr_t)kNowhere && registers->cs == 0x33 && registers->ss == 0x2b);
    const siginfo_t* info = core_note(&core, NT_SIGINFO, 0, &size);
    CHECK(size == sizeof *info && info->si_signo == SIGSEGV && info->si_addr == kNowhere);
    const struct user_fpregs_struct* fpu = core_note(&core, NT_FPREGSET, 0, &size);
    double real;
    memcpy(&real, (const char*)fpu->xmm_space + 9 * 16, sizeof real);
    CHECK(size == sizeof *fpu && real == 2.5);
    const struct elf_prpsinfo* process = core_note(&core, NT_PRPSINFO, 0, &size);
    CHECK(size == sizeof *process && process->pr_pid == thread->pr_pid);
    CHECK(strncmp(process->pr_fname, "coredump", 8) == 0 && process->pr_uid == getuid());
    CHECK(strstr(process->pr_psargs, "coredump") != NULL);
    const char* memory = core_memory(&core, wanted);
    CHECK(memory && strcmp(memory, "remember me") == 0);
    CHECK(core_segment(&core, wanted)->p_flags == (PF_R | PF_W));
    const void* code = core_memory(&core, (const void*)registers->rip);
    CHECK(core_segment(&core, (const void*)registers->rip)->p_flags & PF_X);
    if (code) CHECK(memcmp(code, (const void*)registers->rip, 6) == 0);
    CHECK(core_memory(&core, (const void*)registers->rsp) != NULL);
    close_core(&core);
}

/* NT_FILE names the program, NT_AUXV is what getauxval() reads, XSAVE has its mask. */
static void more_notes(void) {
    CHECK(WCOREDUMP(dumped_by(abort)));
    struct core_file core = open_core("core");
    size_t size = 0;
    const uint64_t* files = core_note(&core, NT_FILE, 0, &size);
    NEED(files && files[0] >= 1 && files[1] == 4096);
    const char *names = (const char*)&files[2 + 3 * files[0]], *end = (const char*)files + size;
    CHECK(strstr(names, "coredump") != NULL);
    unsigned count = 0;
    for (const char* at = names; at < end; at += strlen(at) + 1) count++;
    CHECK_EQ(count, files[0]);
    for (unsigned i = 0; i < files[0]; i++) {
        CHECK(core_segment(&core, (const void*)files[2 + 3 * i]) != NULL);
        CHECK(files[2 + 3 * i] < files[3 + 3 * i]);
    }
    const uint64_t* auxv = core_note(&core, NT_AUXV, 0, &size);
    uint64_t own[64];
    int fd = open("/proc/self/auxv", O_RDONLY);
    ssize_t got = read(fd, own, sizeof own);
    CHECK(got > 0 && (size_t)got == size && memcmp(own, auxv, size) == 0);
    const uint64_t* state = core_note(&core, NT_X86_XSTATE, 0, &size);
    if (state) CHECK(size >= 576 && (state[464 / 8] & 3) == 3); /* x87 and SSE */
    close_core(&core);
}

static void threads(void) {
    int status = dumped_by(crash_among_others);
    CHECK_KILLED(status, SIGILL);
    CHECK(WCOREDUMP(status));
    struct core_file core = open_core("core");
    CHECK_EQ(count_notes(&core, NT_PRSTATUS), 5);
    CHECK_EQ(count_notes(&core, NT_FPREGSET), 5);
    CHECK_EQ(count_notes(&core, NT_PRPSINFO), 1);
    unsigned marks = 0;
    for (int i = 0; i < 5; i++) {
        const struct elf_prstatus* thread = core_note(&core, NT_PRSTATUS, i, NULL);
        if (!thread) break;
        const struct user_regs_struct* registers = (const void*)&thread->pr_reg;
        const uint64_t mark = registers->r13 - 0x7000;
        if (mark < 3) marks |= 1u << mark;
        for (int j = 0; j < i; j++) {
            const struct elf_prstatus* other = core_note(&core, NT_PRSTATUS, j, NULL);
            CHECK(other->pr_pid != thread->pr_pid);
        }
        if (i == 0) { /* the one that crashed comes first */
            const unsigned char* code = (const void*)registers->rip;
            CHECK(code[0] == 0x0f && code[1] == 0x0b);
        } else {
            CHECK(registers->fs_base != 0);
        }
    }
    CHECK_EQ(marks, 7);
    close_core(&core);
}

static int number_to_raise;
static void raise_it(void) { raise(number_to_raise); }
static void which_signals(void) {
    const int with[] = {SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
                        SIGFPE,  SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS};
    const int without[] = {SIGHUP, SIGINT, SIGKILL, SIGUSR1, SIGPIPE, SIGALRM, SIGTERM, SIGVTALRM};
    for (unsigned i = 0; i < sizeof with / sizeof *with; i++) {
        number_to_raise = with[i];
        int status = dumped_by(raise_it);
        CHECK_KILLED(status, with[i]);
        CHECK(WCOREDUMP(status) && has_core());
    }
    for (unsigned i = 0; i < sizeof without / sizeof *without; i++) {
        number_to_raise = without[i];
        int status = dumped_by(raise_it);
        CHECK_KILLED(status, without[i]);
        CHECK(!WCOREDUMP(status) && !has_core());
    }
}

static void none_allowed(void) {
    allow_core(0);
    abort();
}
static void too_little_allowed(void) {
    allow_core(4095);
    abort();
}
static void not_dumpable(void) {
    prctl(PR_SET_DUMPABLE, 0);
    abort();
}
static void no_place(void) {
    if (mkdir("gone", 0700) || chdir("gone") || rmdir("../gone")) _exit(1);
    abort();
}
static void is_directory(void) {
    if (mkdir("core", 0700)) _exit(1);
    abort();
}
static void refused(void) {
    void (*const bodies[])(void) = {none_allowed, too_little_allowed, not_dumpable, no_place,
                                    is_directory};
    for (unsigned i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        int status = dumped_by(bodies[i]);
        CHECK_KILLED(status, SIGABRT);
        CHECK(!WCOREDUMP(status));
        CHECK_EQ(has_core(), bodies[i] == is_directory);
    }
    rmdir("core");
}

/* What stands there already is replaced, never written through. */
static void names(void) {
    need_plain_pattern();
    write_file("precious", "gold", 4, 0644);
    NEED(symlink("precious", "core") == 0);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        allow_core(RLIM_INFINITY);
        abort();
    }
    CHECK(WCOREDUMP(status_of(pid)));
    struct stat st;
    CHECK(lstat("core", &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 4096);
    CHECK(stat("precious", &st) == 0 && st.st_size == 4);
    unlink("core");
    NEED(link("precious", "core") == 0);
    pid = fork_or_die();
    if (pid == 0) {
        allow_core(RLIM_INFINITY);
        abort();
    }
    CHECK(WCOREDUMP(status_of(pid)));
    CHECK(stat("precious", &st) == 0 && st.st_size == 4 && st.st_nlink == 1);
}

static void much_memory(void) {
    char* memory = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 'm', 4 << 20);
    allow_core(300000);
    abort();
}
static void limited(void) {
    int status = dumped_by(much_memory);
    CHECK_KILLED(status, SIGABRT);
    CHECK(WCOREDUMP(status));
    struct stat st;
    NEED(stat("core", &st) == 0);
    CHECK(st.st_size > 4096 && st.st_blocks * 512 <= 300000 + 8192);
}

/* Memory that was never touched takes no room, and none is made for it. */
static char* sparse;
static void mostly_untouched(void) {
    sparse[0] = 'a';
    sparse[200 << 20] = 'z';
    abort();
}
static void holes(void) {
    sparse = mmap(NULL, 256 << 20, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    NEED(sparse != MAP_FAILED);
    CHECK(WCOREDUMP(dumped_by(mostly_untouched)));
    struct stat st;
    NEED(stat("core", &st) == 0);
    CHECK(st.st_size >= 256 << 20 && st.st_blocks * 512 < 16 << 20);
    struct core_file core = open_core("core");
    const char *first = core_memory(&core, sparse),
               *later = core_memory(&core, sparse + (200 << 20));
    CHECK(first && *first == 'a' && later && *later == 'z');
    first = core_memory(&core, sparse + 4096);
    CHECK(first && *first == 0);
    close_core(&core);
}

static char *secret, *shared, *plain, *of_file;
static unsigned filter;
static void choose(void) {
    char text[16];
    int fd = open("/proc/self/coredump_filter", O_RDWR);
    NEED(write(fd, text, (size_t)snprintf(text, sizeof text, "0x%x\n", filter)) > 0);
    close(fd);
    strcpy(secret, "secret");
    strcpy(shared, "shared");
    strcpy(plain, "plain");
    madvise(secret, 4096, MADV_DONTDUMP);
    abort();
}
static void chosen_memory(void) {
    int fd = open("file", O_RDWR | O_CREAT, 0600);
    NEED(ftruncate(fd, 8192) == 0 && pwrite(fd, "file", 5, 0) == 5);
    secret = page_with(PROT_READ | PROT_WRITE);
    plain = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(plain + 4096, 4096, PROT_READ); /* keeps it apart from its neighbours */
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    of_file = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);
    const char* page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    NEED(of_file != MAP_FAILED && shared != MAP_FAILED && page != MAP_FAILED && of_file[0] == 'f');
    const unsigned filters[] = {0x33, 0x00, 0x01, 0x02, 0x04, 0x08, 0x7f};
    for (unsigned i = 0; i < sizeof filters / sizeof *filters; i++) {
        filter = filters[i];
        CHECK(WCOREDUMP(dumped_by(choose)));
        struct core_file core = open_core("core");
        CHECK(core_segment(&core, secret) && !core_memory(&core, secret));
        CHECK_EQ(core_memory(&core, plain) != NULL, filter & 1);
        CHECK_EQ(core_memory(&core, shared) != NULL, filter >> 1 & 1);
        CHECK_EQ(core_memory(&core, of_file) != NULL, filter >> 2 & 1);
        CHECK_EQ(core_memory(&core, page) != NULL, filter >> 3 & 1);
        const char* text = core_memory(&core, shared);
        if (text) CHECK(strcmp(text, "shared") == 0);
        text = core_memory(&core, of_file);
        if (text) CHECK(strcmp(text, "file") == 0);
        close_core(&core);
    }
    /* The setting is inherited, and kept to its known bits. */
    char text[16] = "";
    int setting = open("/proc/self/coredump_filter", O_RDWR);
    CHECK(write(setting, "0xffff\n", 7) == 7);
    CHECK(pread(setting, text, sizeof text, 0) == 9 && strcmp(text, "000001ff\n") == 0);
    CHECK_ERRNO(write(setting, "nonsense\n", 9), EINVAL);
}

/* core_pattern is the whole machine's: not to be changed on one that others use. */
static void write_setting(const char* name, const char* text) {
    int fd = open(name, O_WRONLY);
    NEED(fd >= 0);
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}
static const char kPattern[] = "/proc/sys/kernel/core_pattern";
static const char kUsesPid[] = "/proc/sys/kernel/core_uses_pid";
static pid_t abort_named(void) {
    pid_t pid = fork_or_die();
    if (pid == 0) {
        allow_core(RLIM_INFINITY);
        prctl(PR_SET_NAME, "../a b");
        abort();
    }
    CHECK(WCOREDUMP(status_of(pid)));
    return pid;
}
static void patterns(void) {
    const int is_ours = access("/proc/vitrine_unimplemented", F_OK) == 0;
    if (!is_ours) skip_case("the pattern is everybody's here");
    need_plain_pattern();
    char name[200], host[65] = "";
    gethostname(host, sizeof host - 1);
    mkdir("cores", 0700);
    write_setting(kPattern, "cores/c-%p-%e-%s-%u-%g-%h-%%-%q-%i%\n");
    pid_t pid = abort_named();
    snprintf(name, sizeof name, "cores/c-%d-..!a b-6-%d-%d-%s-%%--%d", pid, getuid(), getgid(),
             host, pid);
    CHECK(access(name, F_OK) == 0);
    write_setting(kPattern, "%e\n"); /* never a way out of the directory */
    abort_named();
    CHECK(access("..!a b", F_OK) == 0);
    write_setting(kPattern, "t%t-%f");
    time_t before = time(NULL);
    abort_named();
    int found = 0;
    for (time_t t = before; t < before + 60 && !found; t++) {
        snprintf(name, sizeof name, "t%ld-coredump", (long)t);
        found = access(name, F_OK) == 0;
    }
    CHECK(found);
    write_setting(kPattern, "core\n");
    write_setting(kUsesPid, "1\n");
    pid = abort_named();
    snprintf(name, sizeof name, "core.%d", pid);
    CHECK(access(name, F_OK) == 0 && !has_core());
    write_setting(kUsesPid, "0\n");
    int fd = open(kPattern, O_WRONLY);
    memset(name, 'x', sizeof name);
    CHECK_ERRNO(write(fd, name, 150), EINVAL);
    CHECK_ERRNO(write(fd, "|/bin/true\n", 11), EINVAL);
    CHECK(has_core() == 0);
    need_plain_pattern();
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(contents), CASE(more_notes), CASE(threads), CASE(which_signals), CASE(refused),
        CASE(names), CASE(limited), CASE(holes), CASE(chosen_memory), CASE(patterns), END});
}
