/* modify_ldt: the table of segments, and whose it is. */
#include "tests/ldt.h"

#include <pthread.h>
#include <sched.h>

/* --- the table ------------------------------------------------------------------------------- */

static void empty_at_first(void) {
    need_ldt();
    uint64_t entries[32] = {0};
    memset(entries, 0xff, sizeof entries);
    CHECK_EQ(modify_ldt(READ, entries, sizeof entries), 0);
    CHECK_EQ(entries[0], -1);
    CHECK_EQ(modify_ldt(READ_DEFAULT, entries, sizeof entries), 128);
    for (unsigned i = 0; i < 16; i++) CHECK_EQ(entries[i], 0);
    CHECK_EQ(entries[16], -1);
    CHECK_EQ(modify_ldt(READ_DEFAULT, entries, 5), 5);
    CHECK_EQ(modify_ldt(READ_DEFAULT, (void*)8, 5), -EFAULT);
    CHECK_EQ(rights_of(IN_LDT(0)), -1);
}

static void write_and_read(void) {
    need_ldt();
    uint64_t entries[8] = {0};
    CHECK_EQ(put(2, (void*)0x12345678, 0xabcde, SEG_32BIT | IN_PAGES | USEABLE), 0);
    memset(entries, 0xff, sizeof entries);
    CHECK_EQ(modify_ldt(READ, entries, sizeof entries), sizeof entries);
    CHECK_EQ(entries[0], 0);
    CHECK_EQ(entries[2], 0x12daf3345678bcde);
    CHECK_EQ(entries[3], 0);
    CHECK_EQ(modify_ldt(READ, entries, 20), 20);
    CHECK_EQ(modify_ldt(READ, (void*)8, 64), -EFAULT);
    CHECK_EQ(modify_ldt(READ, before_the_end(24), 64), -EFAULT);
    CHECK_EQ(put_as(WRITE_OLD, 1, (void*)0x1000, 1, SEG_32BIT | CODE | USEABLE), 0);
    CHECK_EQ(modify_ldt(READ, entries, sizeof entries), sizeof entries);
    CHECK_EQ(entries[1], 0x0040fb0010000001);              /* no "useable" in the old mode */
    CHECK_EQ(put_as(WRITE_OLD, 1, NULL, 0, SEG_32BIT), 0); /* there it means empty */
    CHECK_EQ(rights_of(IN_LDT(1)), -1);
    CHECK_EQ(put(1, NULL, 0, SEG_32BIT), 0); /* here one byte */
    CHECK(rights_of(IN_LDT(1)) != -1);
    CHECK_EQ(limit_of(IN_LDT(2)), 0xabcdefff);
    CHECK_EQ(take_away(2), 0);
    CHECK_EQ(rights_of(IN_LDT(2)), -1);
}

static void refused(void) {
    need_ldt();
    struct user_desc32 info = {0, 0, 1, SEG_32BIT};
    CHECK_EQ(modify_ldt(WRITE, &info, sizeof info - 1), -EINVAL);
    CHECK_EQ(modify_ldt(WRITE, &info, sizeof info + 1), -EINVAL);
    CHECK_EQ(modify_ldt(WRITE, &info, 0), -EINVAL);
    CHECK_EQ(modify_ldt(WRITE_OLD, &info, -1ul), -EINVAL);
    CHECK_EQ(modify_ldt(WRITE, (void*)8, sizeof info), -EFAULT);
    CHECK_EQ(modify_ldt(WRITE, (void*)0xffff888000000000, sizeof info), -EFAULT);
    CHECK_EQ(modify_ldt(3, &info, sizeof info), -ENOSYS);
    CHECK_EQ(modify_ldt(-1, &info, sizeof info), -ENOSYS);
    CHECK_EQ(put(8192, NULL, 1, SEG_32BIT), -EINVAL);
    CHECK_EQ(put((uint32_t)-1, NULL, 1, SEG_32BIT), -EINVAL);
    CHECK_EQ(put(0, NULL, 1, SEG_32BIT | CONFORMING), -EINVAL);
    CHECK_EQ(put(0, NULL, 1, SEG_32BIT | CONFORMING | NOT_PRESENT), 0);
    CHECK_EQ(put_as(WRITE_OLD, 0, NULL, 1, SEG_32BIT | CONFORMING | NOT_PRESENT), -EINVAL);
}

static void largest(void) {
    need_ldt();
    static uint64_t entries[8300];
    CHECK_EQ(put(8191, (void*)0x1000, 5, SEG_32BIT), 0);
    CHECK_EQ(limit_of(IN_LDT(8191)), 5);
    CHECK_EQ(rights_of(IN_LDT(8190)), -1);
    memset(entries, 0xff, sizeof entries);
    CHECK_EQ(modify_ldt(READ, entries, sizeof entries), 65536);
    CHECK_EQ(entries[8190], 0);
    CHECK(entries[8191] != 0);
    CHECK_EQ(entries[8192], -1);
}

/* Whatever is described: code or data of ring 3, never code of 64 bits, never a gate. */
static void nothing_but_segments(void) {
    need_ldt();
    for (uint32_t flags = 0; flags < 256; flags++) {
        if (put(1, (void*)0x1000, 1, flags) != 0) continue;
        uint64_t entries[2] = {0};
        NEED(modify_ldt(READ, entries, sizeof entries) == sizeof entries);
        CHECK_EQ(entries[1] >> 44 & 7, 7);
        CHECK_EQ(entries[1] >> 53 & 1, 0);
    }
}

/* --- whose it is -------------------------------------------------------------------------------
 */

static void data_selectors(void) {
    need_ldt();
    uint32_t* word = low_memory(4096);
    *word = 77;
    NEED(put(1, word, 3, SEG_32BIT) == 0);
    NEED(put(2, word, 3, SEG_32BIT | NOT_PRESENT) == 0);
    LOAD(gs, IN_LDT(1));
    CHECK_EQ(at_gs(), 77);
    struct caught c = CATCH(LOAD(gs, IN_LDT(2)));
    CHECK_TRAP(c, SIGBUS, SI_KERNEL, 0, NP, IN_LDT(2) & ~3u);
    LOAD(ds, IN_LDT(1));
    LOAD(es, IN_LDT(1));
    NEED(take_away(1) == 0);
    CHECK_EQ(SELECTOR(ds), 0); /* what is gone is taken out of them */
    CHECK_EQ(SELECTOR(es), 0);
    sched_yield();
    CHECK_EQ(CATCH(LOAD(ds, IN_LDT(1))).signal, SIGSEGV);
}

/* Two processes with tables of their own take turns on one processor. */
static void switched(void) {
    need_ldt();
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    sched_setaffinity(0, sizeof first, &first);
    uint32_t* words = low_memory(4096);
    words[0] = 11, words[1] = 22;
    NEED(put(1, &words[0], 0xfff, SEG_32BIT) == 0);
    LOAD(gs, IN_LDT(1));
    LOAD(ds, IN_LDT(1));
    pid_t child = fork_or_die();
    if (child == 0) {
        CHECK_EQ(at_gs(), 11); /* a copy */
        NEED(put(1, &words[1], 0xffe, SEG_32BIT) == 0);
        LOAD(gs, IN_LDT(1));
    }
    pid_t bare = child == 0 ? 0 : fork_or_die();
    if (child != 0 && bare == 0) execl("/proc/self/exe", "ldt", "--is-empty", NULL);
    for (unsigned i = 0; i < 300; i++) {
        sched_yield();
        CHECK_EQ(at_gs(), child == 0 ? 22 : 11);
        CHECK_EQ(SELECTOR(ds), IN_LDT(1));
        CHECK_EQ(limit_of(IN_LDT(1)), child == 0 ? 0xffe : 0xfff);
    }
    if (child == 0) _exit(failed_checks != 0);
    CHECK_EXITED(status_of(child), 0);
    CHECK_EXITED(status_of(bare), 0);
}
static int is_empty_here(void) { /* after execve() */
    uint64_t entries[4] = {0};
    for (unsigned i = 0; i < 100; i++) {
        if (rights_of(IN_LDT(1)) != -1) return 1;
        sched_yield();
    }
    return modify_ldt(READ, entries, sizeof entries) != 0;
}

static volatile int started, told, finished;
static void* look(void* argument) {
    (void)argument;
    started = 1;
    while (limit_of(IN_LDT(5)) != 0x123) continue; /* in user mode, no call */
    told = 1;
    while (rights_of(IN_LDT(5)) != -1) continue;
    finished = 1;
    return NULL;
}
/* A thread on another processor sees each change, without asking. */
static void shared_by_threads(void) {
    need_ldt();
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, look, NULL) == 0);
    while (!started) sched_yield();
    NEED(put(5, NULL, 0x123, SEG_32BIT) == 0);
    while (!told) sched_yield();
    NEED(take_away(5) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    CHECK(finished);
}

/* Threads write and use it at once; a child of vfork shares it. */
static volatile int stop_writing;
static void* write_all_the_time(void* argument) {
    const uint32_t mine = (uint32_t)(uintptr_t)argument;
    for (unsigned i = 0; !stop_writing; i++) {
        put(mine + i % 8, NULL, i & 0xfff, SEG_32BIT | (i % 3 ? CODE : 0));
    }
    return NULL;
}
static void written_by_many(void) {
    need_ldt();
    pthread_t threads[3];
    for (unsigned i = 0; i < 3; i++) {
        NEED(pthread_create(&threads[i], NULL, write_all_the_time,
                            (void*)(uintptr_t)(10 + 10 * i)) == 0);
    }
    NEED(put(1, NULL, 0x77, SEG_32BIT) == 0);
    for (unsigned i = 0; i < 100; i++) {
        LOAD(es, IN_LDT(1));
        pid_t child = fork_or_die();
        if (child == 0) _exit(limit_of(IN_LDT(1)) != 0x77);
        CHECK_EXITED(status_of(child), 0);
        CHECK_EQ(limit_of(IN_LDT(1)), 0x77);
        CHECK_EQ(SELECTOR(es), IN_LDT(1));
    }
    stop_writing = 1;
    for (unsigned i = 0; i < 3; i++) pthread_join(threads[i], NULL);
}

/* i386's number of it. */
static void at_the_second_door(void) {
    need_ldt();
    struct user_desc32* info = low_memory(4096);
    *info = (struct user_desc32){1, 0, 9, SEG_32BIT};
    CHECK_EQ(call32(123, WRITE, LOW(info), sizeof *info, 0, 0), 0);
    CHECK_EQ(limit_of(IN_LDT(1)), 9);
    CHECK_EQ(call32(123, WRITE, 8, sizeof *info, 0, 0), -EFAULT);
}

int main(int argc, char** argv) {
    if (argc > 1 && strcmp(argv[1], "--is-empty") == 0) return is_empty_here();
    return run_cases((struct test_case[]){
        CASE(empty_at_first), CASE(write_and_read), CASE(refused), CASE(largest),
        CASE(nothing_but_segments), CASE(data_selectors), CASE(switched), CASE(shared_by_threads),
        CASE(written_by_many), CASE(at_the_second_door), END});
}
