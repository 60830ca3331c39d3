/* Clocks: the vDSO and the calls agree, what may be set and by whom, and time never steps back,
 * whatever it is read from. What changes the machine's clock is done in the guest only. */
#include "tests/check.h"

#include <elf.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>

#define SOURCE "/sys/devices/system/clocksource/clocksource0/"

static int in_guest(void) {
    struct utsname name;
    return uname(&name) == 0 && strstr(name.release, "vitrine") != NULL;
}

static long long ns_of(struct timespec t) { return t.tv_sec * 1000000000ll + t.tv_nsec; }

static long long by_library(clockid_t clock) {
    struct timespec now;
    NEED(clock_gettime(clock, &now) == 0);
    NEED(now.tv_nsec >= 0 && now.tv_nsec < 1000000000);
    return ns_of(now);
}
static long long by_call(clockid_t clock) {
    struct timespec now;
    NEED(syscall(SYS_clock_gettime, clock, &now) == 0);
    return ns_of(now);
}

static void library_and_call_agree(void) {
    const clockid_t clocks[] = {
        CLOCK_REALTIME, CLOCK_MONOTONIC,       CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE,
        CLOCK_BOOTTIME, CLOCK_REALTIME_COARSE, CLOCK_TAI,           CLOCK_MONOTONIC};
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        for (int k = 0; k < 300; k++) {
            long long a = by_call(clocks[i]), b = by_library(clocks[i]), c = by_call(clocks[i]);
            NEED(a <= b && b <= c);
        }
    }
    CHECK(by_library(CLOCK_MONOTONIC_COARSE) <= by_library(CLOCK_MONOTONIC));
    struct timeval day, called;
    CHECK(gettimeofday(&day, NULL) == 0 && syscall(SYS_gettimeofday, &called, NULL) == 0);
    CHECK(called.tv_sec - day.tv_sec <= 60 && called.tv_sec >= day.tv_sec);
    long moment = time(NULL);
    CHECK(syscall(SYS_time, NULL) - moment <= 60);
    CHECK(syscall(SYS_gettimeofday, NULL, NULL) == 0);
    CHECK_ERRNO(syscall(SYS_gettimeofday, 8, NULL), EFAULT);
    CHECK_ERRNO(syscall(SYS_time, 8), EFAULT);
    CHECK_ERRNO(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8), EFAULT);
}

static void resolutions(void) {
    struct timespec precise, coarse, called;
    const clockid_t fine[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI,
                              CLOCK_MONOTONIC_RAW};
    CHECK(clock_getres(CLOCK_MONOTONIC_COARSE, &coarse) == 0);
    CHECK(ns_of(coarse) >= 1000000 && ns_of(coarse) <= 10000000);
    CHECK(clock_getres(CLOCK_MONOTONIC, &precise) == 0);
    CHECK(ns_of(precise) == 1 || ns_of(precise) == ns_of(coarse)); /* highres=off */
    printf("# resolution: %ld ns\n", (long)ns_of(precise));
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        CHECK(clock_getres(fine[i], &called) == 0 && ns_of(called) == ns_of(precise));
        CHECK(syscall(SYS_clock_getres, fine[i], &called) == 0 && ns_of(called) == ns_of(precise));
    }
    CHECK(syscall(SYS_clock_getres, CLOCK_REALTIME_COARSE, &called) == 0);
    CHECK_EQ(ns_of(called), ns_of(coarse));
    CHECK(syscall(SYS_clock_getres, CLOCK_MONOTONIC, NULL) == 0);
    CHECK_ERRNO(syscall(SYS_clock_getres, 10, &called), EINVAL);
    CHECK_ERRNO(syscall(SYS_clock_getres, 99, &called), EINVAL);
    CHECK_ERRNO(syscall(SYS_clock_getres, CLOCK_MONOTONIC, 8), EFAULT);
}

/* Finds a line of /proc/self/maps by its last word. */
static int find_area(const char* label, unsigned long* start, unsigned long* end, char* rights) {
    char line[512];
    FILE* maps = fopen("/proc/self/maps", "r");
    int found = 0;
    while (maps != NULL && !found && fgets(line, sizeof line, maps) != NULL) {
        found = strstr(line, label) != NULL && sscanf(line, "%lx-%lx %4s", start, end, rights) == 3;
    }
    if (maps != NULL) fclose(maps);
    return found;
}

static void vdso_is_an_elf_image(void) {
    unsigned long header = getauxval(AT_SYSINFO_EHDR), start, end;
    char rights[8];
    NEED(header != 0 && header % 4096 == 0);
    const Elf64_Ehdr* elf = (const Elf64_Ehdr*)header;
    CHECK(memcmp(elf->e_ident, ELFMAG, SELFMAG) == 0);
    CHECK_EQ(elf->e_type, ET_DYN);
    CHECK_EQ(elf->e_machine, EM_X86_64);
    NEED(find_area("[vdso]", &start, &end, rights));
    CHECK_EQ(start, header);
    CHECK(strcmp(rights, "r-xp") == 0);
    NEED(find_area("[vvar]", &start, &end, rights));
    CHECK(strcmp(rights, "r--p") == 0);
    CHECK(end <= header);
    CHECK_ERRNO(mprotect((void*)start, 4096, PROT_READ | PROT_WRITE), EACCES);
}

static int child_dies_of(void (*body)(void)) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        body();
        _exit(0);
    }
    int status;
    NEED(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}
static void write_vdso(void) { *(volatile char*)getauxval(AT_SYSINFO_EHDR) = 1; }
static volatile sig_atomic_t caught;
static void catch_signal(int signal) { caught = signal; }
static void unmap_vdso(void) {
    unsigned long start, end;
    char rights[8];
    if (!find_area("[vdso]", &start, &end, rights)) _exit(1);
    if (munmap((void*)start, end - start) != 0) _exit(2);
    signal(SIGUSR1, catch_signal);
    raise(SIGUSR1); /* comes back by way of the library's own code */
    if (caught != SIGUSR1) abort();
}

static void vdso_cannot_be_written(void) {
    CHECK_EQ(child_dies_of(write_vdso), SIGSEGV);
    CHECK_EQ(child_dies_of(unmap_vdso), 0);
}

/* Counts this process's clock_gettime calls while it reads the clock a thousand times. */
static void library_makes_no_call(void) {
    int events = open("/sys/kernel/tracing/set_event", O_WRONLY | O_TRUNC);
    if (!in_guest() || events < 0) return;
    NEED(write(events, "raw_syscalls:sys_enter", 22) == 22 || write(events, "sys_enter", 9) == 9);
    for (int i = 0; i < 1000; i++) (void)by_library(CLOCK_MONOTONIC);
    for (int i = 0; i < 3; i++) (void)by_call(CLOCK_REALTIME);
    close(events);
    close(open("/sys/kernel/tracing/set_event", O_WRONLY | O_TRUNC));
    FILE* trace = fopen("/sys/kernel/tracing/trace", "r");
    NEED(trace != NULL);
    char line[512];
    int calls = 0;
    while (fgets(line, sizeof line, trace) != NULL) {
        calls += strstr(line, "sys_enter: id=228 ") != NULL;
    }
    fclose(trace);
    CHECK_EQ(calls, 3);
}

static void bad_arguments(void) {
    struct timespec bad = {0, 1000000000}, fine = {1, 0};
    CHECK_ERRNO(syscall(SYS_clock_gettime, 10, &fine), EINVAL);
    CHECK_ERRNO(clock_settime(CLOCK_MONOTONIC, &fine), EINVAL);
    CHECK_ERRNO(clock_settime(CLOCK_TAI, &fine), EINVAL);
    CHECK_ERRNO(clock_settime(99, &fine), EINVAL);
    CHECK_ERRNO(clock_settime(CLOCK_THREAD_CPUTIME_ID, &fine), EINVAL);
    clockid_t own, of_a_file = ~3 * 8 + 3;
    NEED(clock_getcpuclockid(0, &own) == 0);
    CHECK_ERRNO(clock_settime(own, &fine), EPERM);
    pid_t gone = fork_or_die();
    if (gone == 0) _exit(0);
    status_of(gone);
    CHECK_ERRNO(clock_settime(~(clockid_t)gone * 8 + 2, &fine), EINVAL);
    CHECK_ERRNO(clock_settime(of_a_file, &fine), EINVAL);
    CHECK_ERRNO(clock_settime(CLOCK_REALTIME, &bad), EINVAL);
    CHECK_ERRNO(syscall(SYS_clock_settime, CLOCK_REALTIME, 8), EFAULT);
    struct timeval late = {1, 1000001};
    CHECK_ERRNO(syscall(SYS_settimeofday, &late, NULL), EINVAL);
    CHECK_ERRNO(syscall(SYS_settimeofday, 8, NULL), EFAULT);
    struct timex timex = {0};
    CHECK_ERRNO(clock_adjtime(CLOCK_MONOTONIC, &timex), EOPNOTSUPP);
    CHECK_ERRNO(clock_adjtime(99, &timex), EINVAL);
    CHECK_ERRNO(syscall(SYS_adjtimex, 8), EFAULT);
    timex.modes = 0x8000; /* ADJ_ADJTIME alone */
    CHECK_ERRNO(syscall(SYS_adjtimex, &timex), EINVAL);
}

static void looking_at_the_discipline(void) {
    struct timex timex = {0};
    int state = adjtimex(&timex);
    CHECK(state >= TIME_OK && state <= TIME_ERROR);
    CHECK_EQ(state == TIME_ERROR, (timex.status & (STA_UNSYNC | STA_CLOCKERR)) != 0);
    CHECK(timex.tick >= 9000 && timex.tick <= 11000);
    CHECK_EQ(timex.precision, 1);
    CHECK_EQ(timex.tolerance, 32768000);
    CHECK(llabs(timex.time.tv_sec - (long long)time(NULL)) <= 60);
}

static void without_the_right(void) {
    if (geteuid() != 0) return;
    pid_t child = fork();
    if (child == 0) {
        if (setresuid(1000, 1000, 1000) != 0) _exit(1);
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        CHECK_ERRNO(clock_settime(CLOCK_REALTIME, &now), EPERM);
        CHECK_ERRNO(syscall(SYS_settimeofday, NULL, NULL), EPERM);
        struct timex timex = {.modes = ADJ_TICK, .tick = 10000};
        CHECK_ERRNO(adjtimex(&timex), EPERM);
        timex.modes = ADJ_OFFSET_SS_READ;
        CHECK(adjtimex(&timex) >= 0);
        _exit(failed_checks != 0);
    }
    int status;
    NEED(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
}

static void setting_moves_realtime_only(void) {
    if (!in_guest()) return;
    struct timespec now, then;
    long long mono = by_library(CLOCK_MONOTONIC), raw = by_library(CLOCK_MONOTONIC_RAW);
    clock_gettime(CLOCK_REALTIME, &now);
    then = (struct timespec){now.tv_sec + 5000, now.tv_nsec};
    NEED(clock_settime(CLOCK_REALTIME, &then) == 0);
    CHECK(by_library(CLOCK_REALTIME) >= ns_of(then) && by_call(CLOCK_REALTIME) >= ns_of(then));
    CHECK(time(NULL) >= then.tv_sec);
    CHECK(by_library(CLOCK_MONOTONIC) - mono < 1000000000000ll);
    CHECK(by_library(CLOCK_MONOTONIC_RAW) - raw < 1000000000000ll);
    struct timex timex = {.modes = ADJ_SETOFFSET, .time = {-5000, 0}};
    CHECK(adjtimex(&timex) >= 0);
    CHECK(by_library(CLOCK_REALTIME) < ns_of(then));
    CHECK(by_library(CLOCK_REALTIME) >= ns_of(now));
    struct timespec before_boot = {0, 1};
    CHECK_ERRNO(clock_settime(CLOCK_REALTIME, &before_boot), EINVAL);
    timex = (struct timex){.modes = ADJ_TAI, .constant = 37};
    CHECK(adjtimex(&timex) >= 0);
    CHECK_EQ(timex.tai, 37);
    long long real = by_call(CLOCK_REALTIME), tai = by_call(CLOCK_TAI);
    CHECK(tai - real >= 37000000000ll && tai - real < 300000000000ll);
    timex = (struct timex){.modes = ADJ_TAI, .constant = 0};
    CHECK(adjtimex(&timex) >= 0);
}

static void zone_is_kept(void) {
    if (!in_guest()) return;
    struct timezone zone = {0, 1}, got = {5, 5};
    struct timeval now;
    gettimeofday(&now, NULL);
    CHECK(syscall(SYS_settimeofday, &now, &zone) == 0);
    zone.tz_minuteswest = -60;
    CHECK(syscall(SYS_settimeofday, NULL, &zone) == 0);
    CHECK(syscall(SYS_gettimeofday, NULL, &got) == 0);
    CHECK_EQ(got.tz_minuteswest, -60);
    CHECK_EQ(got.tz_dsttime, 1);
    zone.tz_minuteswest = 901;
    CHECK_ERRNO(syscall(SYS_settimeofday, NULL, &zone), EINVAL);
    zone = (struct timezone){0, 0};
    CHECK(syscall(SYS_settimeofday, NULL, &zone) == 0);
}

static void frequency_and_limits(void) {
    if (!in_guest()) return;
    struct timex timex = {.modes = ADJ_FREQUENCY, .freq = 600 << 16};
    CHECK(adjtimex(&timex) >= 0);
    CHECK_EQ(timex.freq, 500 << 16);
    timex = (struct timex){.modes = ADJ_TICK, .tick = 11001};
    CHECK_ERRNO(adjtimex(&timex), EINVAL);
    timex = (struct timex){.modes = ADJ_TICK | ADJ_FREQUENCY, .tick = 10000, .freq = 0};
    CHECK(adjtimex(&timex) >= 0);
    timex = (struct timex){.modes = ADJ_STATUS | ADJ_MAXERROR, .status = STA_PLL};
    CHECK_EQ(adjtimex(&timex), TIME_OK);
    timex = (struct timex){.modes = ADJ_STATUS, .status = STA_PLL | STA_UNSYNC};
    CHECK_EQ(adjtimex(&timex), TIME_ERROR);
}

/* Four threads read, each must see at least what any of them saw before. */
static _Atomic long long latest;
static atomic_int running, steps_back;
static void* read_on(void* reads) {
    for (long i = 0; i < (long)reads; i++) {
        long long seen = atomic_load(&latest);
        long long now = i % 8 == 0 ? by_call(CLOCK_MONOTONIC) : by_library(CLOCK_MONOTONIC);
        if (now < seen) atomic_fetch_add(&steps_back, 1);
        while (now > seen && !atomic_compare_exchange_weak(&latest, &seen, now)) {
        }
    }
    atomic_fetch_sub(&running, 1);
    return NULL;
}

static int switch_to(const char* name) {
    int file = open(SOURCE "current_clocksource", O_WRONLY);
    if (file < 0) return -1;
    int result = write(file, name, strlen(name)) == (ssize_t)strlen(name) ? 0 : -1;
    close(file);
    return result;
}

static void no_step_back_across_switches(void) {
    const char* reads_text = getenv("CLOCK_READS"); /* all threads together */
    long reads = reads_text != NULL ? atol(reads_text) : 80000;
    pthread_t threads[4];
    atomic_store(&running, 4);
    for (int i = 0; i < 4; i++) {
        NEED(pthread_create(&threads[i], NULL, read_on, (void*)(reads / 4)) == 0);
    }
    const char* names[] = {"acpi_pm", "tsc", "hpet", "tsc"};
    for (int turn = 0; atomic_load(&running) > 0; turn++) {
        if (in_guest()) (void)switch_to(names[turn % 4]);
        usleep(2000);
    }
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    CHECK_EQ(atomic_load(&steps_back), 0);
}

static void sources_are_listed(void) {
    if (!in_guest()) return;
    char list[256] = "", current[64] = "";
    FILE* file = fopen(SOURCE "available_clocksource", "r");
    NEED(file != NULL && fgets(list, sizeof list, file) != NULL);
    fclose(file);
    CHECK(strstr(list, "acpi_pm ") != NULL);
    NEED(switch_to("acpi_pm\n") == 0);
    file = fopen(SOURCE "current_clocksource", "r");
    NEED(file != NULL && fgets(current, sizeof current, file) != NULL);
    fclose(file);
    CHECK(strcmp(current, "acpi_pm\n") == 0);
    library_and_call_agree(); /* the library must ask the kernel now */
    CHECK_ERRNO(switch_to("sundial"), EINVAL);
    (void)switch_to("tsc");
}

static void processor_number(void) {
    unsigned cpu, node, called;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    NEED(sched_setaffinity(0, sizeof one, &one) == 0);
    CHECK(syscall(SYS_getcpu, &called, &node, NULL) == 0);
    CHECK((cpu = (unsigned)sched_getcpu()) == called);
    CHECK_EQ(cpu, 0);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(library_and_call_agree), CASE(resolutions), CASE(vdso_is_an_elf_image),
        CASE(vdso_cannot_be_written), CASE(library_makes_no_call), CASE(bad_arguments),
        CASE(looking_at_the_discipline), CASE(without_the_right), CASE(setting_moves_realtime_only),
        CASE(zone_is_kept), CASE(frequency_and_limits), CASE(no_step_back_across_switches),
        CASE(sources_are_listed), CASE(processor_number), END});
}
