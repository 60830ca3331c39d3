/* ioperm and iopl: ports of the machine for those who may, and for nobody else. */
#include "tests/catch.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

enum { PORT = 0x80, NOBODY = 65534, GP = 13 }; /* where firmware leaves numbers: harmless */

static long ioperm_(unsigned long from, unsigned long count, int on) {
    return syscall(SYS_ioperm, from, count, on);
}
static long iopl_(unsigned level) { return syscall(SYS_iopl, level); }

static void in8(unsigned port) {
    asm volatile("inb %w0, %%al" ::"Nd"((unsigned short)port) : "eax");
}
static void in16(unsigned port) {
    asm volatile("inw %w0, %%ax" ::"Nd"((unsigned short)port) : "eax");
}
static void in32(unsigned port) {
    asm volatile("inl %w0, %%eax" ::"Nd"((unsigned short)port) : "eax");
}

#define CHECK_MAY(access) CHECK_EQ(CATCH(access).signal, 0)
#define CHECK_MAY_NOT(access)                              \
    do {                                                   \
        struct caught raised_ = CATCH(access);             \
        CHECK_TRAP(raised_, SIGSEGV, SI_KERNEL, 0, GP, 0); \
    } while (0)

/* A kernel may be built without; ours is not. */
static void need_ports(void) {
    if (ioperm_(PORT, 1, 1) == 0) {
        NEED(ioperm_(PORT, 1, 0) == 0);
        return;
    }
    if (errno == ENOSYS) skip_case("this Linux gives no ports away");
    NEED(!"ioperm works");
}
static void become_nobody(void) { NEED(syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) == 0); }

static void none_at_first(void) {
    CHECK_MAY_NOT(in8(PORT));
    CHECK_MAY_NOT(in8(0));
    CHECK_MAY_NOT(in32(0xfffc));
    CHECK_MAY_NOT(asm volatile("outb %%al, $0x80" ::"a"(0)));
    need_ports();
    CHECK_EQ(ioperm_(0, 65536, 0), 0); /* to take away what is not there is no offence */
}

static void exactly_those(void) {
    need_ports();
    CHECK_EQ(ioperm_(PORT, 1, 1), 0);
    CHECK_MAY(in8(PORT));
    CHECK_MAY_NOT(in8(PORT - 1));
    CHECK_MAY_NOT(in8(PORT + 1));
    CHECK_MAY_NOT(in16(PORT)); /* all its bytes have to be allowed */
    CHECK_MAY_NOT(in16(PORT - 1));
    CHECK_EQ(ioperm_(PORT, 4, 1), 0);
    CHECK_MAY(in32(PORT));
    CHECK_EQ(ioperm_(PORT + 2, 1, 0), 0);
    CHECK_MAY_NOT(in32(PORT));
    CHECK_MAY(in16(PORT));
    CHECK_EQ(ioperm_(PORT, 4, 0), 0);
    CHECK_MAY_NOT(in8(PORT));
}

static void last_ports(void) {
    need_ports();
    CHECK_EQ(ioperm_(65535, 1, 1), 0);
    CHECK_MAY(in8(65535));
    CHECK_MAY_NOT(in16(65535)); /* the byte behind the table does not allow it */
    CHECK_MAY_NOT(in8(65534));
    CHECK_EQ(ioperm_(0, 65536, 1), 0);
    CHECK_MAY(in8(PORT));
    CHECK_EQ(ioperm_(0, 65536, 0), 0);
    CHECK_MAY_NOT(in8(PORT));
}

static void refused(void) {
    need_ports();
    const unsigned long kTries[][2] = {{0, 0},       {65536, 1},     {65535, 2},     {0, 65537},
                                       {1, 65536},   {-1ul, 1},      {-1ul, 2},      {2, -1ul},
                                       {PORT, -1ul}, {1ul << 32, 1}, {0, 1ul << 63}, {PORT, 0}};
    for (unsigned i = 0; i < sizeof kTries / sizeof *kTries; i++) {
        CHECK_ERRNO(ioperm_(kTries[i][0], kTries[i][1], 1), EINVAL);
        CHECK_ERRNO(ioperm_(kTries[i][0], kTries[i][1], 0), EINVAL);
    }
    CHECK_ERRNO(iopl_(4), EINVAL);
    CHECK_ERRNO(iopl_(-1u), EINVAL);
    CHECK_EQ(iopl_(0), 0);
    CHECK_MAY_NOT(in8(PORT));
}

static void needs_a_capability(void) {
    need_ports();
    NEED(ioperm_(PORT, 1, 1) == 0);
    become_nobody();
    CHECK_MAY(in8(PORT)); /* what one has, one keeps */
    CHECK_ERRNO(ioperm_(PORT + 1, 1, 1), EPERM);
    CHECK_ERRNO(ioperm_(PORT, 1, 1), EPERM);
    CHECK_ERRNO(ioperm_(0, 0, 1), EINVAL); /* first things first */
    CHECK_ERRNO(iopl_(1), EPERM);
    CHECK_ERRNO(iopl_(3), EPERM);
    CHECK_EQ(iopl_(0), 0);
    CHECK_EQ(ioperm_(PORT, 1, 0), 0);
    CHECK_MAY_NOT(in8(PORT));
}

static void every_port(void) {
    need_ports();
    CHECK_EQ(iopl_(3), 0);
    CHECK_MAY(in8(PORT));
    CHECK_MAY(in32(PORT));
    CHECK_MAY(asm volatile("outb %%al, $0x80" ::"a"(0)));
    CHECK_MAY_NOT(asm volatile("hlt"));
    NEED(ioperm_(PORT, 1, 1) == 0);
    become_nobody();
    CHECK_EQ(iopl_(2), 0); /* down is allowed; below 3 means none */
    CHECK_ERRNO(iopl_(3), EPERM);
    CHECK_MAY(in8(PORT)); /* by ioperm() still */
    CHECK_MAY_NOT(in8(PORT + 1));
}

static void* in_a_thread(void* argument) {
    (void)argument;
    CHECK_MAY(in8(PORT)); /* a copy of its maker's */
    CHECK_EQ(ioperm_(PORT, 1, 0), 0);
    CHECK_MAY_NOT(in8(PORT));
    CHECK_EQ(ioperm_(PORT + 1, 1, 1), 0);
    CHECK_MAY(in8(PORT + 1));
    return NULL;
}
static void of_each_thread(void) {
    need_ports();
    NEED(ioperm_(PORT, 1, 1) == 0);
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, in_a_thread, NULL) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    CHECK_MAY(in8(PORT));
    CHECK_MAY_NOT(in8(PORT + 1));
}

/* Those with, with others, with all and without take turns on one processor. */
static void survive_switches(void) {
    need_ports();
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    sched_setaffinity(0, sizeof first, &first);
    NEED(ioperm_(PORT, 1, 1) == 0);
    unsigned who = 0;
    pid_t children[3];
    for (unsigned i = 0; i < 3 && who == 0; i++) {
        children[i] = fork_or_die();
        if (children[i] == 0) who = i + 1;
    }
    CHECK_MAY(in8(PORT));
    if (who != 0) NEED(ioperm_(PORT, 1, 0) == 0);
    if (who == 2) NEED(ioperm_(PORT + 1, 1, 1) == 0);
    if (who == 3) NEED(iopl_(3) == 0);
    for (volatile unsigned i = 0; i < 100; i++) {
        sched_yield();
        const int low = CATCH(in8(PORT)).signal, high = CATCH(in8(PORT + 1)).signal;
        CHECK_EQ(low, who == 0 || who == 3 ? 0 : SIGSEGV);
        CHECK_EQ(high, who == 2 || who == 3 ? 0 : SIGSEGV);
    }
    if (who != 0) _exit(failed_checks != 0);
    for (unsigned i = 0; i < 3; i++) CHECK_EXITED(status_of(children[i]), 0);
}

/* A new program keeps them. */
static void kept_by_execve(void) {
    need_ports();
    for (unsigned i = 0; i < 2; i++) {
        pid_t child = fork_or_die();
        if (child == 0) {
            NEED((i ? iopl_(3) : ioperm_(PORT, 1, 1)) == 0);
            execl("/proc/self/exe", "ioports", i ? "--has-all" : "--has-one", NULL);
            _exit(99);
        }
        CHECK_EXITED(status_of(child), 0);
    }
    CHECK_MAY_NOT(in8(PORT));
}
static int after_exec(int all) {
    CHECK_MAY(in8(PORT));
    CHECK_EQ(CATCH(in8(PORT + 1)).signal, all ? 0 : SIGSEGV);
    return failed_checks != 0;
}

/* Whoever dies with ports leaves none behind for the next on that processor. */
static void gone_with_their_owner(void) {
    need_ports();
    for (volatile unsigned i = 0; i < 30; i++) {
        pid_t child = fork_or_die();
        if (child == 0) {
            NEED((i % 2 ? iopl_(3) : ioperm_(PORT, 1, 1)) == 0);
            _exit(0);
        }
        CHECK_EXITED(status_of(child), 0);
        CHECK_MAY_NOT(in8(PORT));
    }
}

int main(int argc, char** argv) {
    if (argc > 1) return after_exec(strcmp(argv[1], "--has-all") == 0);
    return run_cases((struct test_case[]){
        CASE(none_at_first), CASE(exactly_those), CASE(last_ports), CASE(refused),
        CASE(needs_a_capability), CASE(every_port), CASE(of_each_thread), CASE(survive_switches),
        CASE(kept_by_execve), CASE(gone_with_their_owner), END});
}
