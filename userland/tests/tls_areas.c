/* set_thread_area and get_thread_area, which only int $0x80 has: three segments for each thread. */
#include "tests/segment.h"

#include <sched.h>
#include <sys/time.h>

enum { CLONE32 = 120, SET_THREAD_AREA = 243, GET_THREAD_AREA = 244, ARCH_PRCTL32 = 384 };
enum { FIRST = 12, LAST = 14 };
#define GS_OF(slot) ((slot)*8u | 3u)

static struct user_desc32* info; /* where a pointer of 32 bits can find it */
static uint32_t* words;

static void prepare(void) {
    info = low_memory(4096);
    words = (uint32_t*)(info + 16);
    for (unsigned i = 0; i < 8; i++) words[i] = 100 + i;
}
static int set(uint32_t slot, const void* base, uint32_t limit, uint32_t flags) {
    *info = (struct user_desc32){slot, LOW(base), limit, flags};
    return call32(SET_THREAD_AREA, LOW(info), 0, 0, 0, 0);
}
static int get(uint32_t slot) {
    memset(info, 0xff, sizeof *info);
    info->entry_number = slot;
    return call32(GET_THREAD_AREA, LOW(info), 0, 0, 0, 0);
}
#define PLAIN (SEG_32BIT | IN_PAGES | USEABLE)

static void set_and_get(void) {
    prepare();
    CHECK_EQ(set((uint32_t)-1, &words[3], 0xfffff, PLAIN), 0);
    CHECK_EQ(info->entry_number, FIRST);
    LOAD(gs, GS_OF(FIRST));
    CHECK_EQ(at_gs(), 103);
    CHECK_EQ(get(FIRST), 0);
    CHECK_EQ(info->entry_number, FIRST);
    CHECK_EQ(info->base, LOW(&words[3]));
    CHECK_EQ(info->limit, 0xfffff);
    CHECK_EQ(info->flags & 0xff, PLAIN);
    CHECK_EQ(set((uint32_t)-1, words, 7, SEG_32BIT | EXPAND_DOWN | READ_EXEC_ONLY), 0);
    CHECK_EQ(info->entry_number, FIRST + 1);
    CHECK_EQ(get(FIRST + 1), 0);
    CHECK_EQ(info->flags & 0xff, SEG_32BIT | EXPAND_DOWN | READ_EXEC_ONLY);
    CHECK_EQ(info->limit, 7);
    CHECK_EQ(limit_of(GS_OF(FIRST + 1)), 7);
    CHECK_EQ(set((uint32_t)-1, words, 1, PLAIN), 0);
    CHECK_EQ(info->entry_number, LAST);
    CHECK_EQ(set((uint32_t)-1, words, 1, PLAIN), -ESRCH);
    CHECK_EQ(set(FIRST + 1, &words[5], 0xfffff, PLAIN), 0); /* over the old one */
    LOAD(gs, GS_OF(FIRST + 1));
    CHECK_EQ(at_gs(), 105);
    LOAD(gs, 0);
}

/* What is loaded follows at once, and is gone when the slot is. */
static void changed_while_loaded(void) {
    prepare();
    NEED(set(FIRST, &words[1], 0xfffff, PLAIN) == 0);
    LOAD(gs, GS_OF(FIRST));
    LOAD(ds, GS_OF(FIRST));
    CHECK_EQ(at_gs(), 101);
    NEED(set(FIRST, &words[2], 0xfffff, PLAIN) == 0);
    CHECK_EQ(at_gs(), 102);
    CHECK_EQ(set(FIRST, NULL, 0, READ_EXEC_ONLY | NOT_PRESENT), 0);
    CHECK_EQ(SELECTOR(gs), 0);
    CHECK_EQ(SELECTOR(ds), 0);
    CHECK_EQ(rights_of(GS_OF(FIRST)), -1);
    CHECK_EQ(CATCH(LOAD(gs, GS_OF(FIRST))).signal, SIGSEGV);
    NEED(set(FIRST, words, 1, PLAIN) == 0 && set(FIRST, NULL, 0, 0) == 0); /* zeros mean the same */
    CHECK_EQ(rights_of(GS_OF(FIRST)), -1);
    CHECK_EQ(get(FIRST), 0);
    CHECK_EQ(info->base | info->limit, 0);
}

static void refused(void) {
    prepare();
    const uint32_t bad_slots[] = {0,         1,        5,  6,  8,          10,
                                  FIRST - 1, LAST + 1, 15, 16, 0x7fffffff, (uint32_t)-2};
    for (unsigned i = 0; i < sizeof bad_slots / sizeof *bad_slots; i++) {
        CHECK_EQ(set(bad_slots[i], words, 1, PLAIN), -EINVAL);
        CHECK_EQ(get(bad_slots[i]), -EINVAL);
    }
    CHECK_EQ(get((uint32_t)-1), -EINVAL);
    CHECK_EQ(set(FIRST, words, 1, SEG_32BIT | CODE), -EINVAL);
    CHECK_EQ(set(FIRST, words, 1, SEG_32BIT | CONFORMING), -EINVAL);
    CHECK_EQ(set(FIRST, words, 1, PLAIN | NOT_PRESENT), -EINVAL);
    CHECK_EQ(set(FIRST, words, 1, IN_PAGES), -EINVAL); /* 16 bits */
    CHECK_EQ(rights_of(GS_OF(FIRST)), -1);
    CHECK_EQ(call32(SET_THREAD_AREA, 8, 0, 0, 0, 0), -EFAULT);
    CHECK_EQ(call32(GET_THREAD_AREA, 8, 0, 0, 0, 0), -EFAULT);
    CHECK_EQ(call32(SET_THREAD_AREA, 0xfffff000, 0, 0, 0, 0), -EFAULT);
    CHECK_ERRNO(syscall(SYS_set_thread_area, info), ENOSYS); /* not at the first door */
    CHECK_ERRNO(syscall(SYS_get_thread_area, info), ENOSYS);
}

/* Whatever the bits are, a descriptor is data of ring 3 or there is none. */
static void nothing_but_data(void) {
    prepare();
    for (uint32_t flags = 0; flags < 256; flags++) {
        const int result = set(FIRST, (void*)0x12345678, 0xabcde, flags);
        const long rights = rights_of(GS_OF(FIRST));
        if (result != 0) {
            CHECK_EQ(result, -EINVAL);
        } else {
            CHECK_EQ(rights & 0xf800, 0xf000); /* present, ring 3, no system, no code */
            CHECK_EQ(rights & 0x200000, 0);    /* no 64-bit code */
        }
        NEED(set(FIRST, NULL, 0, 0) == 0);
    }
}

/* Limits bind outside 64-bit mode only, but even here FS and GS have their base. */
static void bases_wrap(void) {
    prepare();
    NEED(set(FIRST, (char*)words - 16, 0xfffff, PLAIN) == 0);
    LOAD(gs, GS_OF(FIRST));
    uint32_t value;
    asm volatile("movl %%gs:16, %0" : "=r"(value));
    CHECK_EQ(value, 100);
    NEED(set(FIRST, (void*)0xffffffff, 0xfffff, PLAIN) == 0);
    CHECK_EQ(CATCH(at_gs()).signal, SIGSEGV);
}

static void on_one_processor(void) {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    sched_setaffinity(0, sizeof first, &first);
}

/* Two with the same slot, one without any, take turns on one processor. */
static void survive_switches(void) {
    on_one_processor();
    prepare();
    NEED(set(FIRST, &words[1], 0xfffff, PLAIN) == 0);
    LOAD(gs, GS_OF(FIRST));
    pid_t bare = fork_or_die();
    if (bare == 0) {
        CHECK_EQ(at_gs(), 101); /* inherited */
        NEED(set(FIRST, NULL, 0, 0) == 0);
        for (unsigned i = 0; i < 300; i++) {
            sched_yield();
            CHECK_EQ(rights_of(GS_OF(FIRST)), -1);
            CHECK_EQ(SELECTOR(gs), 0);
        }
        _exit(failed_checks != 0);
    }
    pid_t other = fork_or_die();
    if (other == 0) NEED(set(FIRST, &words[2], 0xfffff, PLAIN) == 0);
    for (unsigned i = 0; i < 300; i++) {
        sched_yield();
        CHECK_EQ(at_gs(), other == 0 ? 102 : 101);
        CHECK_EQ(SELECTOR(gs), GS_OF(FIRST));
    }
    if (other == 0) _exit(failed_checks != 0);
    CHECK_EXITED(status_of(bare), 0);
    CHECK_EXITED(status_of(other), 0);
}

/* clone() with a segment for the child. It runs on the parent's stack, in a copy of its memory. */
static int clone32(long flags, const void* area) {
    return call32(CLONE32, flags, 0, 0, (long)LOW(area), 0);
}
static void clone_with_area(void) {
    prepare();
    NEED(set(FIRST, &words[1], 0xfffff, PLAIN) == 0);
    LOAD(gs, GS_OF(FIRST));
    *info = (struct user_desc32){FIRST, LOW(&words[4]), 0xfffff, PLAIN};
    int child = clone32(CLONE_SETTLS | SIGCHLD, info);
    if (child == 0) {
        CHECK_EQ(SELECTOR(gs), GS_OF(FIRST));
        CHECK_EQ(at_gs(), 104);
        sched_yield();
        CHECK_EQ(at_gs(), 104);
        _exit(failed_checks != 0);
    }
    NEED(child > 0);
    CHECK_EQ(at_gs(), 101);
    CHECK_EXITED(status_of(child), 0);
    info->entry_number = (uint32_t)-1; /* no slot is looked for */
    CHECK_EQ(clone32(CLONE_SETTLS | SIGCHLD, info), -EINVAL);
    info->entry_number = FIRST;
    info->flags |= NOT_PRESENT;
    CHECK_EQ(clone32(CLONE_SETTLS | SIGCHLD, info), -EINVAL);
    CHECK_EQ(clone32(CLONE_SETTLS | SIGCHLD, (void*)8), -EFAULT);
    CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD);
}

/* A thread on a stack of its own, with both numbers of its clone() at their places. */
static volatile uint32_t seen_by_thread, thread_lives = 1;
static void thread_body(void) {
    seen_by_thread = at_gs();
    thread_lives = 0;
    for (;;) call32(1, 0, 0, 0, 0, 0);
}
static void clone_a_thread(void) {
    prepare();
    uint64_t* stack = low_memory(16384);
    int* numbers = low_memory(4096);
    stack[2040] = (uintptr_t)thread_body;
    *info = (struct user_desc32){LAST, LOW(&words[6]), 0xfffff, PLAIN};
    LOAD(gs, USER_DS);
    const long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                       CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID;
    long result;
    asm volatile(
        "int $0x80; test %%eax, %%eax; jnz 1f;"
        "mov %[gs], %%ecx; mov %%ecx, %%gs; ret; 1:"
        : "=a"(result)
        : "0"(CLONE32), "b"(flags), "c"(&stack[2040]), "d"(&numbers[0]), "S"(info),
          "D"(&numbers[1]), [gs] "i"(GS_OF(LAST))
        : "memory", "r8", "r9", "r10", "r11");
    NEED((int)result > 0);
    while (thread_lives) sched_yield();
    CHECK_EQ(seen_by_thread, 106);
    CHECK_EQ(numbers[0], result);
    CHECK_EQ(numbers[1], result);
    CHECK_EQ(rights_of(GS_OF(LAST)), -1); /* the thread's alone */
}

/* A new program starts without. */
static void gone_after_exec(void) {
    prepare();
    NEED(set(FIRST, words, 0xfffff, PLAIN) == 0);
    pid_t child = fork_or_die();
    if (child == 0) {
        LOAD(gs, GS_OF(FIRST));
        execl("/proc/self/exe", "tls_areas", "--is-there", NULL);
        _exit(99);
    }
    CHECK_EXITED(status_of(child), 0);
}

static volatile unsigned handled;
static void handler(int signal) {
    (void)signal;
    handled += SELECTOR(gs) == GS_OF(FIRST) && at_gs() == 103;
}
static void kept_over_signals(void) {
    prepare();
    NEED(set(FIRST, &words[3], 0xfffff, PLAIN) == 0);
    LOAD(gs, GS_OF(FIRST));
    signal(SIGALRM, handler);
    struct itimerval often = {{0, 2000}, {0, 2000}};
    NEED(setitimer(ITIMER_REAL, &often, NULL) == 0);
    while (handled < 10) CHECK_EQ(at_gs(), 103);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
}

/* The options that both doors have, and those of the first only. */
static void arch_prctl_of_both(void) {
    prepare();
    CHECK_EQ(syscall(SYS_arch_prctl, 0x1011, 0), 1);
    CHECK_EQ(call32(ARCH_PRCTL32, 0x1011, 0, 0, 0, 0), 1);
    uint64_t* features = (uint64_t*)words;
    *features = 0;
    if (syscall(SYS_arch_prctl, 0x1021, features) == 0) {
        CHECK_EQ(*features & 3, 3);
        CHECK_ERRNO(syscall(SYS_arch_prctl, 0x1021, 8), EFAULT);
        CHECK_EQ(syscall(SYS_arch_prctl, 0x1022, features), 0);
        CHECK_EQ(*features & 3, 3);
        CHECK_ERRNO(syscall(SYS_arch_prctl, 0x1023, 2), EOPNOTSUPP);
        CHECK_ERRNO(syscall(SYS_arch_prctl, 0x1023, 64), EINVAL);
        CHECK_EQ(call32(ARCH_PRCTL32, 0x1021, LOW(features), 0, 0, 0), 0);
    }
    CHECK_EQ(call32(ARCH_PRCTL32, 0x1002, LOW(words), 0, 0, 0), -EINVAL);
    CHECK_EQ(call32(ARCH_PRCTL32, 0x1003, LOW(words), 0, 0, 0), -EINVAL);
    CHECK_EQ(call32(ARCH_PRCTL32, -1, 0, 0, 0, 0), -EINVAL);
}

int main(int argc, char** argv) {
    if (argc > 1 && strcmp(argv[1], "--is-there") == 0) {
        prepare();
        return get(FIRST) != 0 || (info->base | info->limit) != 0 || SELECTOR(gs) != 0;
    }
    return run_cases((struct test_case[]){
        CASE(set_and_get), CASE(changed_while_loaded), CASE(refused), CASE(nothing_but_data),
        CASE(bases_wrap), CASE(survive_switches), CASE(clone_with_area), CASE(clone_a_thread),
        CASE(gone_after_exec), CASE(kept_over_signals), CASE(arch_prctl_of_both), END});
}
