/* Users, groups, capabilities, what prctl(2) changes in a process, set-user-id programs, and whose
 * resource usage is whose. Runs as root; capabilities the caller may lack are not used. */
#include "tests/check.h"

#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#define SECBIT(number) (1u << (number))
enum { kNoRoot = 0, kNoFixup = 2, kKeepCaps = 4, kNoAmbient = 6 };
enum { kChown = 0, kKill = 5, kSetgid = 6, kSetuid = 7, kSetpcap = 8, kMknod = 27 };
enum { kUser = 4321 };
#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT 47
#endif
#define CAP(number) (1ull << (number))
#define PRCTL(...) PRCTL_(__VA_ARGS__, 0, 0, 0, 0)
#define PRCTL_(option, a, b, c, d, ...) \
    syscall(SYS_prctl, option, (long)(a), (long)(b), (long)(c), (long)(d))

struct caps {
    unsigned long long effective, permitted, inheritable;
};
static struct caps caps_of_this(void) {
    unsigned header[2] = {0x20080522, 0}, data[6] = {};
    NEED(syscall(SYS_capget, header, data) == 0);
    return (struct caps){data[0] | (unsigned long long)data[3] << 32,
                         data[1] | (unsigned long long)data[4] << 32,
                         data[2] | (unsigned long long)data[5] << 32};
}
static long set_caps(unsigned long long effective, unsigned long long permitted,
                     unsigned long long inheritable) {
    unsigned header[2] = {0x20080522, 0};
    unsigned data[6] = {(unsigned)effective,         (unsigned)permitted,
                        (unsigned)inheritable,       (unsigned)(effective >> 32),
                        (unsigned)(permitted >> 32), (unsigned)(inheritable >> 32)};
    return syscall(SYS_capset, header, data);
}
static unsigned long long ambient_set(void) {
    unsigned long long set = 0;
    for (int i = 0; i <= 40; i++) {
        if (PRCTL(PR_CAP_AMBIENT, 1, i) == 1) set |= CAP(i);
    }
    return set;
}

static int ids_are(unsigned real, unsigned effective, unsigned saved) {
    unsigned r, e, s;
    NEED(syscall(SYS_getresuid, &r, &e, &s) == 0);
    return r == real && e == effective && s == saved;
}
static unsigned fsuid(void) { return (unsigned)syscall(SYS_setfsuid, -1); }

/* --- users ------------------------------------------------------------------------------------ */

static void user_ids(void) {
    CHECK_EQ(syscall(SYS_setresuid, 1, 2, 3), 0);
    CHECK(ids_are(1, 2, 3) && fsuid() == 2);
    CHECK_ERRNO(syscall(SYS_setuid, 4), EPERM);
    CHECK_ERRNO(syscall(SYS_setuid, 2), EPERM); /* the effective one is no reason */
    CHECK_EQ(syscall(SYS_setuid, 3), 0);
    CHECK(ids_are(1, 3, 3) && fsuid() == 3);
    CHECK_EQ(syscall(SYS_setresuid, 3, 1, -1), 0);
    CHECK(ids_are(3, 1, 3));
    CHECK_ERRNO(syscall(SYS_setresuid, 9, -1, -1), EPERM);
    CHECK_ERRNO(syscall(SYS_setresuid, -1, -1, 9), EPERM);
    CHECK_EQ(syscall(SYS_setreuid, 1, 3), 0); /* swaps; the saved one follows */
    CHECK(ids_are(1, 3, 3));
    CHECK_ERRNO(syscall(SYS_setreuid, -1, 9), EPERM);
    CHECK_EQ(syscall(SYS_setresuid, 1, 1, 1), 0);
    CHECK_ERRNO(syscall(SYS_setuid, -1), EINVAL);
    CHECK_EQ(syscall(SYS_setfsuid, 9), 1); /* refused without a word */
    CHECK_EQ(fsuid(), 1);
    CHECK_ERRNO(syscall(SYS_getresuid, unmapped_page(), NULL, NULL), EFAULT);
}

static void group_ids(void) {
    unsigned r, e, s, groups[4] = {7, 8, 9, 10}, back[4] = {};
    CHECK_EQ(syscall(SYS_setgroups, 4, groups), 0);
    CHECK_EQ(syscall(SYS_getgroups, 0, NULL), 4);
    CHECK_ERRNO(syscall(SYS_getgroups, 3, back), EINVAL);
    CHECK_ERRNO(syscall(SYS_getgroups, -1, back), EINVAL);
    CHECK(syscall(SYS_getgroups, 4, back) == 4 && back[0] == 7 && back[3] == 10);
    CHECK_ERRNO(syscall(SYS_setgroups, 1 << 20, groups), EINVAL);
    CHECK_ERRNO(syscall(SYS_setgroups, 1, unmapped_page()), EFAULT);
    CHECK_EQ(syscall(SYS_setresgid, 1, 2, 3), 0);
    CHECK_EQ(syscall(SYS_setresuid, 5, 5, 5), 0);
    CHECK_ERRNO(syscall(SYS_setgroups, 0, NULL), EPERM);
    CHECK_ERRNO(syscall(SYS_setgid, 4), EPERM);
    CHECK_EQ(syscall(SYS_setgid, 3), 0);
    CHECK(syscall(SYS_getresgid, &r, &e, &s) == 0 && r == 1 && e == 3 && s == 3);
    CHECK_EQ(syscall(SYS_setregid, 3, 1), 0);
    CHECK_ERRNO(syscall(SYS_setresgid, -1, 2, -1), EPERM);
    CHECK_EQ(syscall(SYS_setfsgid, 3), 1);
    CHECK_EQ(syscall(SYS_setfsgid, 2), 3);
    CHECK_EQ(syscall(SYS_setfsgid, -1), 3);
}

/* Children, threads' wait status and kill() see the new user; a new user's memory is private. */
static void changes_show(void) {
    CHECK_EQ(PRCTL(PR_GET_DUMPABLE), 1);
    CHECK_EQ(PRCTL(PR_SET_PDEATHSIG, SIGUSR1), 0);
    CHECK_EQ(syscall(SYS_setresuid, -1, kUser, -1), 0);
    int wish = -1;
    CHECK_EQ(PRCTL(PR_GET_DUMPABLE), 0);
    CHECK(PRCTL(PR_GET_PDEATHSIG, &wish) == 0 && wish == 0);
    CHECK_EQ(PRCTL(PR_SET_DUMPABLE, 1), 0);
    CHECK_EQ(syscall(SYS_setresuid, -1, 0, -1), 0);
    CHECK_EQ(PRCTL(PR_GET_DUMPABLE), 0);
    CHECK_EQ(PRCTL(PR_SET_DUMPABLE, 1), 0);
    CHECK_EQ(syscall(SYS_setresgid, -1, -1, 9), 0); /* the saved one is no change of who it is */
    CHECK_EQ(PRCTL(PR_GET_DUMPABLE), 1);
    CHECK_EQ(syscall(SYS_setfsgid, 9), 0);
    CHECK_EQ(PRCTL(PR_GET_DUMPABLE), 0);
    CHECK_ERRNO(PRCTL(PR_SET_DUMPABLE, 2), EINVAL);
}

/* --- capabilities ----------------------------------------------------------------------------- */

static void capabilities_and_users(void) {
    const struct caps all = caps_of_this();
    CHECK(all.effective && all.effective == all.permitted && all.inheritable == 0);
    CHECK_EQ(syscall(SYS_setresuid, -1, kUser, -1), 0); /* effective goes, permitted stays */
    CHECK(caps_of_this().effective == 0 && caps_of_this().permitted == all.permitted);
    CHECK_EQ(syscall(SYS_setresuid, -1, 0, -1), 0); /* and comes back */
    CHECK(caps_of_this().effective == all.permitted);
    CHECK_EQ(syscall(SYS_setfsuid, kUser), 0); /* those about files only */
    CHECK_EQ(caps_of_this().effective & (CAP(kChown) | CAP(kMknod)), 0);
    CHECK(caps_of_this().effective & CAP(kKill));
    CHECK_EQ(syscall(SYS_setfsuid, 0), kUser);
    CHECK(caps_of_this().effective == all.permitted);
    CHECK_EQ(PRCTL(PR_SET_KEEPCAPS, 1), 0);
    CHECK_EQ(syscall(SYS_setresuid, kUser, kUser, kUser), 0); /* kept, not effective */
    CHECK(caps_of_this().effective == 0 && caps_of_this().permitted == all.permitted);
    CHECK_EQ(set_caps(CAP(kSetuid), CAP(kSetuid), 0), 0);
    CHECK_EQ(syscall(SYS_setresuid, 0, 0, 0), 0);
    CHECK_EQ(PRCTL(PR_SET_KEEPCAPS, 0), 0);
    CHECK_EQ(syscall(SYS_setresuid, kUser, kUser, kUser), 0); /* gone */
    CHECK(caps_of_this().effective == 0 && caps_of_this().permitted == 0);
    CHECK_ERRNO(syscall(SYS_setresuid, 0, 0, 0), EPERM);
}

static void setting_capabilities(void) {
    const struct caps all = caps_of_this();
    CHECK_EQ(set_caps(all.effective, all.permitted, CAP(kKill)), 0);
    CHECK(caps_of_this().inheritable == CAP(kKill));
    CHECK_EQ(set_caps(CAP(kKill), CAP(kKill) | CAP(kChown), CAP(kKill)), 0);
    CHECK_ERRNO(set_caps(CAP(kKill), CAP(kKill) | CAP(kMknod), CAP(kKill)),
                EPERM); /* not permitted */
    CHECK_ERRNO(set_caps(CAP(kMknod), CAP(kKill), CAP(kKill)), EPERM);
    CHECK_ERRNO(set_caps(0, CAP(kKill), CAP(kMknod)), EPERM); /* without CAP_SETPCAP */
    CHECK_EQ(set_caps(0, CAP(kKill), CAP(kChown)), 0);        /* permitted, so inheritable */
    CHECK(caps_of_this().permitted == CAP(kKill) && caps_of_this().inheritable == CAP(kChown));
    CHECK_ERRNO(set_caps(0, CAP(kKill) | CAP(kChown), 0), EPERM); /* once gone */
}

static void bad_capability_calls(void) {
    unsigned header[2] = {0x12345678, 0}, data[6] = {};
    CHECK_ERRNO(syscall(SYS_capget, header, data), EINVAL);
    CHECK_EQ(header[0], 0x20080522); /* the version to use */
    header[0] = 0;
    CHECK_EQ(syscall(SYS_capget, header, NULL), 0);
    CHECK_EQ(header[0], 0x20080522);
    header[0] = 0;
    CHECK_ERRNO(syscall(SYS_capset, header, data), EINVAL);
    CHECK_ERRNO(syscall(SYS_capget, unmapped_page(), data), EFAULT);
    CHECK_ERRNO(syscall(SYS_capget, header, unmapped_page()), EFAULT);
    CHECK_ERRNO(syscall(SYS_capset, header, unmapped_page()), EFAULT);
    header[1] = (unsigned)-1;
    CHECK_ERRNO(syscall(SYS_capget, header, data), EINVAL);
    header[1] = 0x7fffffff;
    CHECK_ERRNO(syscall(SYS_capget, header, data), ESRCH);
    header[1] = (unsigned)getppid();
    CHECK_EQ(syscall(SYS_capget, header, data), 0);
    CHECK_ERRNO(syscall(SYS_capset, header, data), EPERM); /* only one's own */
}

static void bounding_and_ambient(void) {
    const struct caps all = caps_of_this();
    CHECK_EQ(PRCTL(PR_CAPBSET_READ, kMknod), 1);
    CHECK_EQ(PRCTL(PR_CAPBSET_DROP, kMknod), 0);
    CHECK_EQ(PRCTL(PR_CAPBSET_READ, kMknod), 0);
    CHECK(caps_of_this().permitted == all.permitted); /* what one has stays */
    CHECK_ERRNO(set_caps(all.effective, all.permitted, CAP(kMknod)), EPERM);
    CHECK_ERRNO(PRCTL(PR_CAPBSET_READ, 99), EINVAL);
    CHECK_ERRNO(PRCTL(PR_CAPBSET_DROP, 99), EINVAL);
    CHECK_ERRNO(PRCTL(PR_CAPBSET_READ, -1), EINVAL);

    CHECK_EQ(ambient_set(), 0);
    CHECK_ERRNO(PRCTL(PR_CAP_AMBIENT, 2, kKill), EPERM); /* not inheritable */
    CHECK_EQ(set_caps(all.effective, all.permitted, CAP(kKill) | CAP(kChown)), 0);
    CHECK_EQ(PRCTL(PR_CAP_AMBIENT, 2, kKill), 0);
    CHECK_EQ(PRCTL(PR_CAP_AMBIENT, 2, kChown), 0);
    CHECK(ambient_set() == (CAP(kKill) | CAP(kChown)));
    CHECK_EQ(PRCTL(PR_CAP_AMBIENT, 3, kChown), 0);
    CHECK(ambient_set() == CAP(kKill));
    CHECK_EQ(set_caps(all.effective, all.permitted, 0), 0);
    CHECK_EQ(ambient_set(), 0); /* no longer inheritable, no longer ambient */
    CHECK_EQ(set_caps(all.effective, all.permitted, CAP(kKill)), 0);
    CHECK_EQ(PRCTL(PR_CAP_AMBIENT, 2, kKill), 0);
    CHECK_EQ(PRCTL(PR_CAP_AMBIENT, 4, 0), 0);
    CHECK_EQ(ambient_set(), 0);
    CHECK_ERRNO(PRCTL(PR_CAP_AMBIENT, 4, 1), EINVAL);
    CHECK_ERRNO(PRCTL(PR_CAP_AMBIENT, 9, kKill), EINVAL);
    CHECK_ERRNO(PRCTL(PR_CAP_AMBIENT, 2, 99), EINVAL);
    CHECK_ERRNO(PRCTL(PR_CAP_AMBIENT, 2, kKill, 1), EINVAL);
    CHECK_EQ(PRCTL(PR_SET_SECUREBITS, SECBIT(kNoAmbient)), 0);
    CHECK_ERRNO(PRCTL(PR_CAP_AMBIENT, 2, kKill), EPERM);
}

static void secure_bits(void) {
    CHECK_EQ(PRCTL(PR_GET_SECUREBITS), 0);
    CHECK_EQ(PRCTL(PR_SET_KEEPCAPS, 1), 0);
    CHECK_EQ(PRCTL(PR_GET_SECUREBITS), SECBIT(kKeepCaps));
    CHECK_EQ(PRCTL(PR_GET_KEEPCAPS), 1);
    CHECK_ERRNO(PRCTL(PR_SET_KEEPCAPS, 2), EINVAL);
    const unsigned locked = SECBIT(kKeepCaps + 1) | SECBIT(kNoFixup) | SECBIT(kNoFixup + 1);
    CHECK_EQ(PRCTL(PR_SET_SECUREBITS, locked), 0);
    CHECK_ERRNO(PRCTL(PR_SET_KEEPCAPS, 1), EPERM);
    CHECK_ERRNO(PRCTL(PR_SET_SECUREBITS, 0), EPERM);
    CHECK_ERRNO(PRCTL(PR_SET_SECUREBITS, locked & ~SECBIT(kNoFixup)), EPERM);
    CHECK_ERRNO(PRCTL(PR_SET_SECUREBITS, locked | 1 << 12), EPERM);
    CHECK_EQ(PRCTL(PR_SET_SECUREBITS, locked | SECBIT(kNoRoot)), 0);
    const struct caps all = caps_of_this();
    CHECK_EQ(syscall(SYS_setresuid, kUser, kUser, kUser), 0); /* nothing is fixed up */
    CHECK(caps_of_this().effective == all.effective);
    CHECK_EQ(set_caps(0, all.permitted, 0), 0);
    CHECK_ERRNO(PRCTL(PR_SET_SECUREBITS, locked), EPERM); /* without CAP_SETPCAP */
    CHECK_ERRNO(PRCTL(PR_CAPBSET_DROP, kKill), EPERM);
}

/* --- programs --------------------------------------------------------------------------------- */

/* What this program prints when it is run as "report": main(). */
struct report {
    unsigned uid, euid, suid, gid, egid;
    unsigned long secure;
    int dumpable, personality, keep_caps, no_new_privs;
    struct caps caps;
    unsigned long long ambient;
    unsigned long stack;
};
static int report(void) {
    struct report now = {0};
    struct rlimit limit;
    now.gid = getgid();
    if (syscall(SYS_getresuid, &now.uid, &now.euid, &now.suid) != 0) return 1;
    now.egid = getegid();
    now.secure = getauxval(AT_SECURE);
    now.dumpable = (int)PRCTL(PR_GET_DUMPABLE);
    now.keep_caps = (int)PRCTL(PR_GET_KEEPCAPS);
    now.no_new_privs = (int)PRCTL(PR_GET_NO_NEW_PRIVS);
    now.personality = (int)syscall(SYS_personality, 0xffffffff);
    now.caps = caps_of_this();
    now.ambient = ambient_set();
    getrlimit(RLIMIT_STACK, &limit);
    now.stack = limit.rlim_cur;
    return write(1, &now, sizeof now) != sizeof now;
}

/* Runs ./program as user `user` after `prepare`, and returns what it reports. */
static struct report run_report(unsigned user, void (*prepare)(void)) {
    int p[2];
    struct report found = {0};
    NEED(pipe(p) == 0);
    pid_t pid = fork_or_die();
    if (pid == 0) {
        char* argv[] = {"report", NULL};
        char* none[] = {NULL};
        dup2(p[1], 1);
        if (prepare) prepare();
        if (user && syscall(SYS_setresuid, user, user, user) != 0) _exit(8);
        execve("./program", argv, none);
        _exit(9);
    }
    close(p[1]);
    NEED(read(p[0], &found, sizeof found) == sizeof found);
    close(p[0]);
    CHECK_EXITED(status_of(pid), 0);
    return found;
}
/* Set-id bits mean nothing where the file system is mounted nosuid, as /tmp may be. */
static char own_place[] = "/credentials.XXXXXX";
static void enter_place_for_set_id(void) {
    struct statvfs info;
    NEED(statvfs(".", &info) == 0);
    if (!(info.f_flag & ST_NOSUID)) return;
    NEED(mkdtemp(own_place) && chdir(own_place) == 0);
}
static void leave_place(void) {
    if (unlink("program") == 0 && chdir("/") == 0) rmdir(own_place);
}
static void install(unsigned owner, mode_t mode) {
    static char bytes[1 << 20];
    int fd = open("/proc/self/exe", O_RDONLY);
    ssize_t count = read(fd, bytes, sizeof bytes);
    close(fd);
    unlink("program");
    NEED(count > 0 && chmod(".", 0755) == 0);
    write_file("program", bytes, (size_t)count, 0755);
    NEED(chown("program", owner, owner) == 0 && chmod("program", mode) == 0);
}

static void plain_programs(void) {
    install(0, 0755);
    const struct caps mine = caps_of_this();
    struct report now = run_report(0, NULL);
    CHECK(now.secure == 0 && now.dumpable == 1 && now.caps.permitted == mine.permitted);
    CHECK(now.caps.effective == mine.permitted && now.caps.inheritable == 0);
    now = run_report(kUser, NULL);
    CHECK(now.uid == kUser && now.euid == kUser && now.secure == 0 && now.dumpable == 1);
    CHECK(now.caps.permitted == 0 && now.caps.effective == 0);
}

static void bad_personality(void) {
    struct rlimit limit = {.rlim_cur = 32 << 20, .rlim_max = RLIM_INFINITY};
    NEED(syscall(SYS_personality, 0x40000 | 0x400000) == 0);
    NEED(setrlimit(RLIMIT_STACK, &limit) == 0);
}
static void no_new_privs(void) { NEED(PRCTL(PR_SET_NO_NEW_PRIVS, 1) == 0); }
static void set_id_programs(void) {
    enter_place_for_set_id();
    install(0, 04755);
    const struct caps mine = caps_of_this();
    struct report now = run_report(kUser, bad_personality);
    CHECK(now.uid == kUser && now.euid == 0 && now.suid == 0 && now.secure == 1);
    CHECK(now.caps.effective == mine.permitted && now.caps.permitted == mine.permitted);
    CHECK(now.dumpable == 0 && now.personality == 0 && now.stack == 8 << 20);
    now = run_report(kUser, no_new_privs); /* then the bit means nothing */
    CHECK(now.euid == kUser && now.caps.permitted == 0 && now.no_new_privs == 1);
    CHECK(now.secure == 0 && now.dumpable == 1);
    install(kUser + 1, 06755);
    now = run_report(0, NULL); /* root's real user keeps what root has permitted */
    CHECK(now.uid == 0 && now.euid == kUser + 1 && now.gid == 0 && now.egid == kUser + 1);
    CHECK(now.caps.permitted == mine.permitted && now.caps.effective == 0);
    now = run_report(kUser, NULL);
    CHECK(now.euid == kUser + 1 && now.caps.permitted == 0 && now.secure == 1);
    install(kUser + 1, 02745); /* no x for the group: not a set-group-id program */
    CHECK_EQ(run_report(kUser, NULL).egid, 0);
    install(0, 0711); /* what one may not read one may not look into */
    CHECK_EQ(run_report(kUser, NULL).dumpable, 0);
    leave_place();
}

static void keep_all(void) {
    const struct caps all = caps_of_this();
    NEED(set_caps(all.effective, all.permitted, CAP(kKill) | CAP(kChown)) == 0);
    NEED(PRCTL(PR_SET_SECUREBITS, SECBIT(kNoFixup)) == 0);
    NEED(PRCTL(PR_CAP_AMBIENT, 2, kKill) == 0);
}
static void no_root(void) { NEED(PRCTL(PR_SET_SECUREBITS, SECBIT(kNoRoot)) == 0); }
static void dropped(void) { NEED(PRCTL(PR_CAPBSET_DROP, kMknod) == 0); }
static void inherited_capabilities(void) {
    install(0, 0755);
    struct report now = run_report(kUser, keep_all);
    CHECK(now.uid == kUser && now.secure == 0);
    CHECK(now.caps.permitted == CAP(kKill) &&
          now.caps.effective == CAP(kKill)); /* the ambient one */
    CHECK(now.ambient == CAP(kKill) && now.caps.inheritable == (CAP(kKill) | CAP(kChown)));
    now = run_report(0, no_root);
    CHECK(now.uid == 0 && now.caps.permitted == 0 && now.caps.effective == 0);
    now = run_report(0, dropped);
    CHECK(now.caps.permitted == (caps_of_this().permitted & ~CAP(kMknod)));
}

/* --- prctl ------------------------------------------------------------------------------------ */

static void small_prctls(void) {
    long address = 0;
    int tid = 0;
    syscall(SYS_set_tid_address, &tid);
    CHECK(PRCTL(40 /* PR_GET_TID_ADDRESS */, &address) == 0 && address == (long)&tid);
    CHECK_ERRNO(PRCTL(40, unmapped_page()), EFAULT);
    CHECK_ERRNO(PRCTL(PR_SET_PDEATHSIG, 65), EINVAL);
    CHECK_ERRNO(PRCTL(PR_SET_PDEATHSIG, -1), EINVAL);
    CHECK_ERRNO(PRCTL(PR_GET_PDEATHSIG, unmapped_page()), EFAULT);
    CHECK_ERRNO(PRCTL(PR_SET_NO_NEW_PRIVS, 0), EINVAL);
    CHECK_ERRNO(PRCTL(PR_SET_NO_NEW_PRIVS, 1, 1), EINVAL);
    CHECK_ERRNO(PRCTL(PR_GET_NO_NEW_PRIVS, 1), EINVAL);
    CHECK_EQ(PRCTL(PR_GET_NO_NEW_PRIVS), 0);
    CHECK_EQ(PRCTL(PR_SET_NO_NEW_PRIVS, 1), 0);
    CHECK_EQ(PRCTL(PR_GET_NO_NEW_PRIVS), 1);
    CHECK_ERRNO(PRCTL(12345), EINVAL);
    CHECK_ERRNO(PRCTL(-1), EINVAL);
    const long slack = PRCTL(PR_GET_TIMERSLACK);
    CHECK_EQ(PRCTL(PR_SET_TIMERSLACK, 1234), 0);
    CHECK_EQ(PRCTL(PR_GET_TIMERSLACK), 1234);
    CHECK_EQ(PRCTL(PR_SET_TIMERSLACK, 0), 0);
    CHECK_EQ(PRCTL(PR_GET_TIMERSLACK), slack);
    NEED(syscall(SYS_setresuid, kUser, kUser, kUser) == 0);
    CHECK_ERRNO(PRCTL(35 /* PR_SET_MM */, 1, 0x10000), EPERM);
}

static volatile int told;
static void on_death(int signal) {
    (void)signal;
    told = 1;
}
/* The parent dies: the child gets its signal, and becomes a child of the next subreaper. */
static void orphans(void) {
    int p[2];
    char c = 0;
    NEED(pipe(p) == 0);
    CHECK_EQ(PRCTL(PR_SET_CHILD_SUBREAPER, 1), 0);
    const pid_t here = getpid();
    pid_t middle = fork_or_die();
    if (middle == 0) {
        const pid_t parent = getpid();
        if (fork() == 0) {
            signal(SIGUSR1, on_death);
            PRCTL(PR_SET_PDEATHSIG, SIGUSR1);
            if (write(p[1], "r", 1) != 1) _exit(1);
            while (!told || getppid() == parent) usleep(1000);
            c = getppid() == here ? 'y' : 'n';
            (void)!write(p[1], &c, 1);
            _exit(5);
        }
        (void)!read(p[0], &c, 1);
        _exit(0);
    }
    CHECK_EXITED(status_of(middle), 0);
    CHECK(read(p[0], &c, 1) == 1 && c == 'y');
    int status = 0;
    CHECK(wait(&status) > 0);
    CHECK_EXITED(status, 5);
    int is_subreaper = 0;
    CHECK(PRCTL(PR_GET_CHILD_SUBREAPER, &is_subreaper) == 0 && is_subreaper == 1);
}

/* --- usage ------------------------------------------------------------------------------------ */

static void burn(long ms) {
    struct rusage now;
    do {
        for (volatile int i = 0; i < 100000; i++) continue;
        getrusage(RUSAGE_SELF, &now);
    } while (now.ru_utime.tv_sec * 1000 + now.ru_utime.tv_usec / 1000 + now.ru_stime.tv_sec * 1000 +
                 now.ru_stime.tv_usec / 1000 <
             ms);
}
static long ms_of(const struct rusage* usage) {
    return usage->ru_utime.tv_sec * 1000 + usage->ru_utime.tv_usec / 1000 +
           usage->ru_stime.tv_sec * 1000 + usage->ru_stime.tv_usec / 1000;
}
static void use_some(void) {
    char* area = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(area != MAP_FAILED);
    madvise(area, 8 << 20, MADV_NOHUGEPAGE);
    memset(area, 1, 8 << 20);
    for (int i = 0; i < 20; i++) usleep(100);
    burn(100);
}
static void use_some_in_a_child(void) { CHECK_EXITED(in_child(use_some), 0); }
static void usage_adds_up(void) {
    struct rusage self, thread, children, one;
    NEED(getrusage(RUSAGE_CHILDREN, &children) == 0);
    CHECK(ms_of(&children) == 0 && children.ru_minflt == 0 && children.ru_maxrss == 0);
    int status;
    pid_t pid = fork_or_die();
    if (pid == 0) { /* what its children used is part of what it used */
        use_some_in_a_child();
        _exit(failed_checks != 0);
    }
    NEED(wait4(pid, &status, 0, &one) == pid);
    CHECK_EXITED(status, 0);
    NEED(getrusage(RUSAGE_CHILDREN, &children) == 0);
    CHECK_EQ(ms_of(&children), ms_of(&one));
    CHECK_EQ(children.ru_minflt, one.ru_minflt);
    CHECK_EQ(children.ru_nvcsw, one.ru_nvcsw);
    CHECK_EQ(children.ru_maxrss, one.ru_maxrss);
    CHECK(ms_of(&one) >= 99 && one.ru_minflt >= 2048 && one.ru_nvcsw >= 20);
    CHECK(one.ru_maxrss >= 8 * 1024 && one.ru_maxrss < 64 * 1024);
    NEED(getrusage(RUSAGE_SELF, &self) == 0 && getrusage(RUSAGE_THREAD, &thread) == 0);
    CHECK(ms_of(&self) < 80 && labs(self.ru_minflt - thread.ru_minflt) < 20);
    CHECK(thread.ru_nvcsw >= self.ru_nvcsw && self.ru_nvcsw > 0);
    CHECK_ERRNO(syscall(SYS_getrusage, 5, &self), EINVAL);
    CHECK_ERRNO(syscall(SYS_getrusage, -3, &self), EINVAL);
    CHECK_ERRNO(syscall(SYS_getrusage, 0, unmapped_page()), EFAULT);
}

int main(int argc, char** argv) {
    if (argc > 0 && strcmp(argv[0], "report") == 0) return report();
    return run_cases((struct test_case[]){
        CASE(user_ids), CASE(group_ids), CASE(changes_show), CASE(capabilities_and_users),
        CASE(setting_capabilities), CASE(bad_capability_calls), CASE(bounding_and_ambient),
        CASE(secure_bits), CASE(plain_programs), CASE(set_id_programs),
        CASE(inherited_capabilities), CASE(small_prctls), CASE(orphans), CASE(usage_adds_up), END});
}
