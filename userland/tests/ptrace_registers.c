/* ptrace: memory and registers of a tracee, and what must not be set. */
#include "tests/tracee.h"

#include <sys/uio.h>

static long shared_word = 1234;
static void exit_word(void) { _exit((int)shared_word); }

static void memory(void) {
    pid_t pid = tracee(exit_word);
    CHECK_EQ(peek(pid, &shared_word), 1234);
    CHECK(trace(PTRACE_POKEDATA, pid, (unsigned long)&shared_word, 42) == 0);
    CHECK_EQ(peek(pid, &shared_word), 42);
    CHECK_EQ(shared_word, 1234); /* its copy, not ours */
    char* gone = unmapped_page();
    unsigned long word;
    CHECK_ERRNO(trace(PTRACE_PEEKDATA, pid, 0, (unsigned long)&word), EIO);
    CHECK_ERRNO(trace(PTRACE_PEEKDATA, pid, -8ul, (unsigned long)&word), EIO);
    CHECK_ERRNO(trace(PTRACE_PEEKDATA, pid, 0x7ffffffffffc, (unsigned long)&word), EIO);
    CHECK_ERRNO(trace(PTRACE_PEEKDATA, pid, 0xffffffff80000000, (unsigned long)&word), EIO);
    CHECK_ERRNO(trace(PTRACE_PEEKDATA, pid, 0x800000000000, (unsigned long)&word), EIO);
    CHECK_ERRNO(trace(PTRACE_PEEKDATA, pid, (unsigned long)gone + (1ul << 46), 8), EIO);
    CHECK_ERRNO(trace(PTRACE_PEEKDATA, pid, (unsigned long)&shared_word, 8), EFAULT);
    CHECK_ERRNO(trace(PTRACE_POKEDATA, pid, 0, 1), EIO);
    CHECK_ERRNO(trace(PTRACE_POKEDATA, pid, 0xffff888000000000, 1), EIO);
    CHECK_ERRNO(trace(PTRACE_POKEDATA, pid, 0xffffffff81000000, 1), EIO);
    resume(pid, 0);
    exits(pid, 42);
}

static void memory_file(void) {
    pid_t pid = tracee(exit_word);
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/mem", pid);
    int fd = open(name, O_RDWR);
    NEED(fd >= 0);
    long word = 0, other = 43;
    CHECK_EQ(pread(fd, &word, sizeof word, (off_t)(uintptr_t)&shared_word), sizeof word);
    CHECK_EQ(word, 1234);
    CHECK_EQ(lseek(fd, (off_t)(uintptr_t)&shared_word, SEEK_SET), (off_t)(uintptr_t)&shared_word);
    CHECK_EQ(write(fd, &other, sizeof other), sizeof other);
    CHECK_EQ(peek(pid, &shared_word), 43);
    CHECK_EQ(read(fd, &word, 0), 0);
    CHECK_ERRNO(pread(fd, &word, sizeof word, 0), EIO);
    CHECK_ERRNO(pwrite(fd, &word, sizeof word, 0), EIO);
    CHECK_ERRNO(pread(fd, (void*)8, 8, (off_t)(uintptr_t)&shared_word), EFAULT);
    resume(pid, 0);
    exits(pid, 43);
    close(fd);
    /* One's own, across pages, up to where nothing is. */
    fd = open("/proc/self/mem", O_RDWR);
    NEED(fd >= 0);
    char* edge = before_the_end(5000 - 904);
    memset(edge, 'x', 4096);
    static char room[9000];
    CHECK_EQ(pread(fd, room, sizeof room, (off_t)(uintptr_t)edge), 5000 - 904);
    CHECK_EQ(room[4095], 'x');
    /* A debugger may write where the program may not, but only to a private copy. */
    char* constant = page_with(PROT_READ);
    CHECK_EQ(pwrite(fd, "y", 1, (off_t)(uintptr_t)constant), 1);
    CHECK_EQ(constant[0], 'y');
    close(fd);
}

static void process_vm(void) {
    pid_t pid = tracee(exit_word);
    long words[2] = {0, 0}, more = 44;
    struct iovec here = {words, sizeof words[0]}, there = {&shared_word, sizeof shared_word};
    CHECK_EQ(process_vm_readv(pid, &here, 1, &there, 1, 0), 8);
    CHECK_EQ(words[0], 1234);
    struct iovec from = {&more, sizeof more};
    CHECK_EQ(process_vm_writev(pid, &from, 1, &there, 1, 0), 8);
    CHECK_EQ(peek(pid, &shared_word), 44);
    CHECK_ERRNO(process_vm_readv(pid, &here, 1, &there, 1, 1), EINVAL);
    CHECK_ERRNO(process_vm_readv(pid, &here, 2000, &there, 1, 0), EINVAL);
    CHECK_ERRNO(process_vm_readv(pid, &here, 1, &there, 2000, 0), EINVAL);
    CHECK_ERRNO(process_vm_readv(0x7ffffff, &here, 1, &there, 1, 0), ESRCH);
    CHECK_ERRNO(process_vm_readv(pid, (void*)8, 1, &there, 1, 0), EFAULT);
    CHECK_ERRNO(process_vm_readv(pid, &here, 1, (void*)8, 1, 0), EFAULT);
    struct iovec nowhere = {(void*)8, 8}, kernel = {(void*)0xffff888000000000, 8};
    CHECK_ERRNO(process_vm_readv(pid, &here, 1, &nowhere, 1, 0), EFAULT);
    CHECK_ERRNO(process_vm_readv(pid, &here, 1, &kernel, 1, 0), EFAULT);
    CHECK_ERRNO(process_vm_writev(pid, &from, 1, &kernel, 1, 0), EFAULT);
    CHECK_EQ(process_vm_readv(pid, &here, 0, &there, 1, 0), 0);
    /* Several pieces, the last one bad: what could be moved. */
    struct iovec two[2] = {{&shared_word, 8}, {(void*)8, 8}}, both = {words, 16};
    CHECK_EQ(process_vm_readv(pid, &both, 1, two, 2, 0), 8);
    resume(pid, 0);
    exits(pid, 44);
    /* Unlike a debugger, this call is bound to what the pages allow. */
    char* constant = page_with(PROT_READ);
    struct iovec into = {constant, 1};
    CHECK_ERRNO(process_vm_writev(getpid(), &from, 1, &into, 1, 0), EFAULT);
}

static void registers(void) {
    pid_t pid = tracee(nothing);
    struct user_regs_struct regs = regs_of(pid), again;
    CHECK_EQ(regs.cs, 0x33);
    CHECK_EQ(regs.ss, 0x2b);
    CHECK_EQ(trace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rip), (unsigned long)&again),
             0);
    CHECK_EQ(*(unsigned long*)&again, regs.rip);
    CHECK(trace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.r12), 77) == 0);
    regs.r13 = 0x123456789abcdef;
    regs.r12 = 77;
    CHECK(set_regs(pid, regs) == 0);
    again = regs_of(pid);
    CHECK(memcmp(&regs, &again, sizeof regs) == 0);
    struct iovec set = {&again, sizeof again};
    memset(&again, 0, sizeof again);
    CHECK(trace(PTRACE_GETREGSET, pid, 1, (unsigned long)&set) == 0);
    CHECK_EQ(set.iov_len, sizeof again);
    CHECK(memcmp(&regs, &again, sizeof regs) == 0);
    CHECK(trace(PTRACE_SETREGSET, pid, 1, (unsigned long)&set) == 0);
    set.iov_len = 16;
    CHECK(trace(PTRACE_GETREGSET, pid, 1, (unsigned long)&set) == 0);
    CHECK_EQ(set.iov_len, 16);
    set.iov_len = 13;
    CHECK_ERRNO(trace(PTRACE_GETREGSET, pid, 1, (unsigned long)&set), EINVAL);
    CHECK_ERRNO(trace(PTRACE_GETREGSET, pid, 0x7777, (unsigned long)&set), EINVAL);
    CHECK_ERRNO(trace(PTRACE_PEEKUSER, pid, 1, (unsigned long)&again), EIO);
    CHECK_ERRNO(trace(PTRACE_PEEKUSER, pid, 0x1000, (unsigned long)&again), EIO);
    CHECK_ERRNO(trace(PTRACE_PEEKUSER, pid, -8ul, (unsigned long)&again), EIO);
    CHECK_ERRNO(trace(PTRACE_POKEUSER, pid, 3, 0), EIO);
    CHECK_ERRNO(trace(PTRACE_POKEUSER, pid, -8ul, 0), EIO);
    resume(pid, 0);
    exits(pid, 0);
}

/* Nothing that a tracer sets gives the tracee more than it has. */
static void privileged_registers(void) {
    pid_t pid = tracee(nothing);
    const struct user_regs_struct good = regs_of(pid);
    struct user_regs_struct regs = good;
    regs.eflags |= 0x3000 | 0x20000; /* IOPL, VM */
    regs.eflags &= ~0x200ul;         /* IF */
    CHECK(set_regs(pid, regs) == 0);
    CHECK_EQ(regs_of(pid).eflags & 0x23200, 0x200);
    for (unsigned long selector = 0; selector < 0x80; selector += 8) { /* the kernel's, and none */
        regs = good;
        regs.cs = selector;
        CHECK_ERRNO(set_regs(pid, regs), EIO);
        regs = good;
        regs.ss = selector;
        CHECK_ERRNO(set_regs(pid, regs), EIO);
        regs = good;
        regs.ds = selector | 1;
        CHECK_ERRNO(set_regs(pid, regs), EIO);
    }
    regs = good;
    regs.fs_base = 0xffff888000000000;
    CHECK_ERRNO(set_regs(pid, regs), EIO);
    regs = good;
    regs.gs_base = 0x8000000000000000;
    CHECK_ERRNO(set_regs(pid, regs), EIO);
    CHECK(set_regs(pid, good) == 0);
    resume(pid, 0);
    exits(pid, 0);
}

/* What only the processor can refuse becomes a fault of the tracee. */
static int status_with(unsigned long long cs, unsigned long long ss, unsigned long long rip) {
    pid_t pid = tracee(nothing);
    struct user_regs_struct regs = regs_of(pid);
    if (cs) regs.cs = cs;
    if (ss) regs.ss = ss;
    if (rip) regs.rip = rip;
    regs.orig_rax = -1;
    CHECK(set_regs(pid, regs) == 0);
    resume(pid, 0);
    int status = next_status(pid);
    if (WIFSTOPPED(status)) end(pid);
    return status;
}
static void impossible_registers(void) {
    CHECK(STOPPED(status_with(0, 0, 0x8000000000000000), SIGSEGV)); /* not canonical */
    CHECK(STOPPED(status_with(0, 0, 0x800000000000), SIGSEGV));
    CHECK(STOPPED(status_with(0, 0, 0xffffffff81000000), SIGSEGV));
    CHECK(STOPPED(status_with(0, 0, 0xffff888000000000), SIGSEGV));
    for (unsigned long long selector = 3; selector < 0x100; selector += 8) {
        CHECK(WIFSTOPPED(status_with(selector, 0, 8)));
        int status = status_with(0, selector, 0);
        CHECK(WIFSTOPPED(status) || WIFEXITED(status));
    }
    CHECK(WIFSTOPPED(status_with(0xffff, 0, 0)));
    CHECK(WIFSTOPPED(status_with(0, 0xffff, 0)));
    /* Data selectors that name nothing. */
    for (unsigned long selector = 3; selector < 0x100; selector += 8) {
        pid_t pid = tracee(nothing);
        struct user_regs_struct regs = regs_of(pid);
        regs.ds = regs.es = selector;
        CHECK(set_regs(pid, regs) == 0);
        resume(pid, 0);
        exits(pid, 0);
    }
}

static double product(double a) {
    double result;
    __asm__ volatile("movsd %1, %%xmm7\n int3\n movsd %%xmm7, %0" : "=m"(result) : "m"(a) : "xmm7");
    return result;
}
static void exit_float(void) { _exit((int)product(3.0)); }
static pid_t at_float(void) {
    pid_t pid = tracee(exit_float);
    resume(pid, 0);
    NEED(STOPPED(next_status(pid), SIGTRAP));
    return pid;
}
static void put_double(void* at, double value) { memcpy(at, &value, sizeof value); }

static void floating_registers(void) {
    pid_t pid = at_float();
    struct user_fpregs_struct fp;
    NEED(trace(PTRACE_GETFPREGS, pid, 0, (unsigned long)&fp) == 0);
    double value;
    memcpy(&value, &fp.xmm_space[7 * 4], sizeof value);
    CHECK(value == 3.0);
    put_double(&fp.xmm_space[7 * 4], 5.0);
    CHECK(trace(PTRACE_SETFPREGS, pid, 0, (unsigned long)&fp) == 0);
    resume(pid, 0);
    exits(pid, 5);

    pid = at_float();
    struct iovec set = {&fp, sizeof fp};
    CHECK(trace(PTRACE_GETREGSET, pid, 2, (unsigned long)&set) == 0);
    CHECK_EQ(set.iov_len, 512);
    put_double(&fp.xmm_space[7 * 4], 6.0);
    CHECK(trace(PTRACE_SETREGSET, pid, 2, (unsigned long)&set) == 0);
    fp.mxcsr = 0xffffffff;
    CHECK_ERRNO(trace(PTRACE_SETREGSET, pid, 2, (unsigned long)&set), EINVAL);
    set.iov_len = 256;
    CHECK_ERRNO(trace(PTRACE_SETREGSET, pid, 2, (unsigned long)&set), EINVAL);
    resume(pid, 0);
    exits(pid, 6);
}

static void extended_state(void) {
    static unsigned char state[16384] __attribute__((aligned(64)));
    pid_t pid = at_float();
    struct iovec set = {state, sizeof state};
    if (trace(PTRACE_GETREGSET, pid, 0x202, (unsigned long)&set) != 0) {
        CHECK_EQ(errno, ENODEV);
        end(pid);
        skip_case("no XSAVE");
    }
    CHECK(set.iov_len >= 576);
    CHECK_EQ(state[464] & 3, 3); /* which features there are: gdb looks here */
    double value;
    memcpy(&value, state + 160 + 7 * 16, sizeof value);
    CHECK(value == 3.0);
    put_double(state + 160 + 7 * 16, 8.0);
    CHECK(trace(PTRACE_SETREGSET, pid, 0x202, (unsigned long)&set) == 0);
    state[512 + 7] = 0x80; /* a feature that nobody has */
    CHECK_ERRNO(trace(PTRACE_SETREGSET, pid, 0x202, (unsigned long)&set), EINVAL);
    state[512 + 7] = 0;
    state[512 + 32] = 1; /* reserved */
    CHECK_ERRNO(trace(PTRACE_SETREGSET, pid, 0x202, (unsigned long)&set), EINVAL);
    set.iov_len = 512;
    CHECK_ERRNO(trace(PTRACE_SETREGSET, pid, 0x202, (unsigned long)&set), EFAULT);
    set.iov_len = 576;
    CHECK(trace(PTRACE_GETREGSET, pid, 0x202, (unsigned long)&set) == 0);
    memcpy(&value, state + 160 + 7 * 16, sizeof value);
    if (value == 8.0) { /* a refused state may leave the old or none at all: as on Linux */
        resume(pid, 0);
        exits(pid, 8);
    } else {
        end(pid);
    }
}

int main(void) {
    return run_cases((struct test_case[]){CASE(memory), CASE(memory_file), CASE(process_vm),
                                          CASE(registers), CASE(privileged_registers),
                                          CASE(impossible_registers), CASE(floating_registers),
                                          CASE(extended_state), END});
}
