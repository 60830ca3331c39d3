/* Futexes that are not locks: who is woken and who only moves, what FUTEX_WAKE_OP does to a word,
 * and which words are one to two processes. Errors of addresses: usercopy.c; locks: futex_pi.c. */
#include "tests/futex.h"

#include <limits.h>

enum { kAny = -1 };

static word_t first, second;

/* A thread that waits once, for the word to change from 0. */
struct waiter {
    word_t* word;
    uint32_t bits; /* 0: plain FUTEX_WAIT */
    int flags;
    word_t tid, is_back;
    long result;
    pthread_t thread;
};

static void* wait_once(void* argument) {
    struct waiter* me = argument;
    me->tid = self();
    const int command = me->bits ? FUTEX_WAIT_BITSET : FUTEX_WAIT;
    me->result = futex(me->word, command | me->flags, 0, NULL, NULL, me->bits);
    if (me->result != 0) me->result = -errno;
    me->is_back = 1;
    return NULL;
}

static void start(struct waiter* who) {
    who->tid = who->is_back = 0;
    NEED(pthread_create(&who->thread, NULL, wait_once, who) == 0);
    UNTIL(who->tid != 0);
    UNTIL(stat_field(who->tid, 3) == 'S');
}
static void join(struct waiter* who) {
    NEED(pthread_join(who->thread, NULL) == 0);
    CHECK_EQ(who->result, 0);
}
static int back_of(const struct waiter* who, int count) {
    int back = 0;
    for (int i = 0; i < count; i++) back += (int)who[i].is_back;
    return back;
}
static void start_all(struct waiter* who, int count) {
    for (int i = 0; i < count; i++) start(&who[i]);
}

/* As many as are asked for, the longest-waiting first, and the answer says how many. */
static void wake_counts(void) {
    struct waiter who[5];
    for (int i = 0; i < 5; i++) who[i] = (struct waiter){.word = &first};
    start_all(who, 5);
    CHECK_EQ(futex(&first, FUTEX_WAKE, 2), 2);
    join(&who[0]);
    join(&who[1]);
    CHECK_EQ(back_of(who, 5), 2);
    CHECK_EQ(futex(&second, FUTEX_WAKE, INT_MAX), 0);
    CHECK_EQ(futex(&first, FUTEX_WAKE, INT_MAX), 3);
    for (int i = 2; i < 5; i++) join(&who[i]);
    CHECK_EQ(futex(&first, FUTEX_WAKE, INT_MAX), 0);
}

/* Less than one is one: so it has been since the first futex. */
static void wake_none_wakes_one(void) {
    struct waiter who[2] = {{.word = &first}, {.word = &first}};
    start_all(who, 2);
    CHECK_EQ(futex(&first, FUTEX_WAKE, 0), 1);
    join(&who[0]);
    CHECK_EQ(futex(&first, FUTEX_WAKE, -1), 1);
    join(&who[1]);
}

static void bits_select(void) {
    struct waiter who[3] = {
        {.word = &first, .bits = 1}, {.word = &first, .bits = 2}, {.word = &first}};
    start_all(who, 3);
    CHECK_ERRNO(futex(&first, FUTEX_WAKE_BITSET, 9, NULL, NULL, 0), EINVAL);
    CHECK_ERRNO(futex(&first, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), EINVAL);
    CHECK_EQ(futex(&first, FUTEX_WAKE_BITSET, 1, NULL, NULL, 2), 1);
    join(&who[1]);
    CHECK_EQ(back_of(who, 3), 1);
    CHECK_EQ(futex(&first, FUTEX_WAKE_BITSET, 9, NULL, NULL, 0x80000000),
             1); /* a plain wait has all */
    join(&who[2]);
    CHECK_EQ(futex(&first, FUTEX_WAKE_BITSET, 9, NULL, NULL, 6), 0);
    CHECK_EQ(futex(&first, FUTEX_WAKE, 9), 1); /* … and so has a plain wake-up */
    join(&who[0]);
}

/* Broadcast: one is woken, the others wait for the second word from now on. */
static void requeue_moves(void) {
    struct waiter who[4];
    for (int i = 0; i < 4; i++) who[i] = (struct waiter){.word = &first};
    start_all(who, 4);
    CHECK_ERRNO(futex(&first, FUTEX_CMP_REQUEUE, 1, 9l, &second, 1), EAGAIN);
    CHECK_ERRNO(futex(&first, FUTEX_CMP_REQUEUE, -1, 9l, &second, 0), EINVAL);
    CHECK_ERRNO(futex(&first, FUTEX_CMP_REQUEUE, 1, -1l, &second, 0), EINVAL);
    CHECK_EQ(back_of(who, 4), 0);
    CHECK_EQ(futex(&first, FUTEX_CMP_REQUEUE, 1, 2l, &second, 0), 3);
    join(&who[0]);
    CHECK_EQ(back_of(who, 4), 1);
    CHECK_EQ(futex(&first, FUTEX_WAKE, 9), 1);
    join(&who[3]);
    CHECK_EQ(futex(&second, FUTEX_WAKE, 1), 1);
    join(&who[1]);
    CHECK_EQ(futex(&second, FUTEX_REQUEUE, 0, 9l, &first), 1); /* and back again */
    CHECK_EQ(futex(&second, FUTEX_WAKE, 9), 0);
    CHECK_EQ(futex(&first, FUTEX_REQUEUE, 0, 0l, &second), 0);
    CHECK_EQ(futex(&first, FUTEX_REQUEUE, 9, 9l, &second), 1);
    join(&who[2]);
}

/* A time-out and a signal find a waiter where it was moved to. */
static void on_alarm(int signal) { (void)signal; }
static void* wait_long(void* word) {
    struct timespec at = in_ms(CLOCK_MONOTONIC, 300);
    const long result = futex(word, FUTEX_WAIT_BITSET, 0, &at, NULL, kAny);
    return (void*)(result == 0 ? 0l : (long)errno);
}
static void moved_and_forgotten(void) {
    pthread_t thread;
    void* result;
    NEED(pthread_create(&thread, NULL, wait_long, (void*)&first) == 0);
    while (futex(&first, FUTEX_REQUEUE, 0, 1l, &second) != 1) nap();
    NEED(pthread_join(thread, &result) == 0);
    CHECK_EQ((long)result, ETIMEDOUT);
    CHECK_EQ(futex(&second, FUTEX_WAKE, 9), 0);

    struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART */
    NEED(sigaction(SIGUSR1, &action, NULL) == 0);
    struct waiter who = {.word = &first};
    start(&who);
    CHECK_EQ(futex(&first, FUTEX_REQUEUE, 0, 1l, &second), 1);
    CHECK_EQ(pthread_kill(who.thread, SIGUSR1), 0);
    NEED(pthread_join(who.thread, NULL) == 0);
    CHECK_EQ(who.result, -EINTR);
    CHECK_EQ(futex(&second, FUTEX_WAKE, 9), 0);
}

/* --- FUTEX_WAKE_OP ------------------------------------------------------------------------------
 */

enum { kSet, kAdd, kOr, kAndNot, kXor, kShift = 8 };
enum { kEq, kNe, kLt, kLe, kGt, kGe };

static long wake_op(unsigned operation, int operand, unsigned compare, int with, long also) {
    const uint32_t code = operation << 28 | compare << 24 | ((unsigned)operand & 0xfff) << 12 |
                          ((unsigned)with & 0xfff);
    return futex(&first, FUTEX_WAKE_OP, 1, also, &second, code);
}

static void op_changes_the_word(void) {
    static const struct {
        unsigned operation;
        int operand;
        uint32_t before, after;
    } kCases[] = {
        {kSet, 7, 100, 7},
        {kSet, -1, 100, 0xffffffff},
        {kSet, -2048, 0, (uint32_t)-2048},
        {kAdd, 5, 100, 105},
        {kAdd, -101, 100, (uint32_t)-1},
        {kOr, 0x0f0, 0x10f, 0x1ff},
        {kAndNot, 0x00f, 0x1ff, 0x1f0},
        {kXor, 0x0ff, 0x1f0, 0x10f},
        {kShift | kSet, 31, 5, 0x80000000},
        {kShift | kAdd, 4, 5, 21},
        {kShift | kAndNot, 1, 7, 5},
        {kShift | kXor, 30, 0x40000001, 1},
    };
    for (unsigned i = 0; i < sizeof kCases / sizeof *kCases; i++) {
        second = kCases[i].before;
        CHECK_EQ(wake_op(kCases[i].operation, kCases[i].operand, kEq, 0, 1), 0);
        CHECK_EQ(second, kCases[i].after);
    }
    second = 9;
    CHECK_ERRNO(wake_op(5, 1, kEq, 0, 1), ENOSYS);
    CHECK_EQ(second, 9);
    CHECK_ERRNO(wake_op(kSet, 1, 6, 0, 1), ENOSYS);
}

/* Who waits for the second word is woken if its old value compares so, as a signed number. */
static void op_compares(void) {
    static const int kWith[] = {-2, -1, 0, 1, 2, 2047, -2048};
    static const int kOld[] = {-2, -1, 0, 1, 2, INT_MAX, INT_MIN};
    for (unsigned compare = kEq; compare <= kGe; compare++) {
        for (unsigned w = 0; w < sizeof kWith / sizeof *kWith; w++) {
            for (unsigned o = 0; o < sizeof kOld / sizeof *kOld; o++) {
                const int old = kOld[o], with = kWith[w];
                const int holds[] = {old == with, old != with, old<with, old <= with, old> with,
                                     old >= with};
                second = 0;
                struct waiter who = {.word = &second};
                /* All of them take long; one in five is enough, and each kind gets some. */
                if ((compare + w * 3 + o * 7) % 5) continue;
                start(&who);
                second = (uint32_t)old;
                CHECK_EQ(wake_op(kAdd, 0, compare, with, 9), holds[compare]);
                CHECK_EQ(futex(&second, FUTEX_WAKE, 9), !holds[compare]);
                join(&who);
            }
        }
    }
}

/* Both words at once, and the sum of those woken. */
static void op_wakes_both(void) {
    struct waiter at_first[2] = {{.word = &first}, {.word = &first}};
    struct waiter at_second[3] = {{.word = &second}, {.word = &second}, {.word = &second}};
    start_all(at_first, 2);
    start_all(at_second, 3);
    CHECK_EQ(wake_op(kSet, 0, kEq, 0, 2), 3);
    join(&at_first[0]);
    join(&at_second[0]);
    join(&at_second[1]);
    CHECK_EQ(back_of(at_first, 2) + back_of(at_second, 3), 3);
    CHECK_EQ(wake_op(kSet, 0, kNe, 0, 2), 1);
    join(&at_first[1]);
    CHECK_EQ(futex(&second, FUTEX_WAKE, 9), 1);
    join(&at_second[2]);
}

/* It is one step, whoever else changes the word: no addition is lost. */
static void* add_often(void* unused) {
    for (int i = 0; i < 20000; i++) wake_op(kAdd, 1, kLt, -2000, 1);
    return unused;
}
static void op_is_atomic(void) {
    pthread_t threads[3];
    second = 0;
    for (int i = 0; i < 3; i++) NEED(pthread_create(&threads[i], NULL, add_often, NULL) == 0);
    for (int i = 0; i < 20000; i++) second++;
    for (int i = 0; i < 3; i++) NEED(pthread_join(threads[i], NULL) == 0);
    CHECK_EQ(second, 80000);
}

/* --- which words are one ------------------------------------------------------------------------
 */

/* A word of private memory has two names: with the flag and without. */
static void flag_is_part_of_the_name(void) {
    struct waiter with = {.word = &first, .flags = FUTEX_PRIVATE}, without = {.word = &first};
    start(&with);
    start(&without);
    CHECK_EQ(futex(&first, FUTEX_WAKE, 9), 1);
    join(&without);
    CHECK_EQ(with.is_back, 0);
    CHECK_EQ(futex(&first, FUTEX_WAKE | FUTEX_PRIVATE, 9), 1);
    join(&with);
}

/* A child waits for `word`, under those flags; how many of the parent's calls wake it? */
static long woken_in_child(word_t* word, word_t* other_name, int flags) {
    word_t* shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(shared != MAP_FAILED);
    pid_t child = fork_or_die();
    if (child == 0) {
        struct timespec at = in_ms(CLOCK_MONOTONIC, 700);
        shared[0] = 1;
        const long result = futex(word, FUTEX_WAIT_BITSET | flags, 0, &at, NULL, kAny);
        _exit(result == 0 ? 0 : errno == ETIMEDOUT ? 2 : 3);
    }
    UNTIL(shared[0]);
    long woken = 0;
    for (int i = 0; i < 200 && woken == 0; i++) {
        woken = futex(other_name, FUTEX_WAKE | flags, 9);
        nap();
    }
    CHECK_EXITED(status_of(child), woken ? 0 : 2);
    return woken;
}
static void shared_words(void) {
    char* anonymous = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(anonymous != MAP_FAILED);
    word_t* word = (word_t*)(anonymous + 4096 + 8);
    CHECK_EQ(woken_in_child(word, word, 0), 1);
    CHECK_EQ(woken_in_child(word, word, FUTEX_PRIVATE), 0);
    CHECK_EQ(woken_in_child(word, word + 1, 0), 0);
    /* Private memory is another's after fork(). */
    CHECK_EQ(woken_in_child(&first, &first, 0), 0);
}
static void words_of_files(void) {
    int fd = open("words", O_RDWR | O_CREAT, 0600);
    NEED(fd >= 0 && ftruncate(fd, 3 * 4096) == 0);
    char* all = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char* last = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 2 * 4096);
    NEED(all != MAP_FAILED && last != MAP_FAILED);
    CHECK_EQ(woken_in_child((word_t*)(all + 2 * 4096 + 16), (word_t*)(last + 16), 0), 1);
    CHECK_EQ(woken_in_child((word_t*)(all + 4096 + 16), (word_t*)(last + 16), 0), 0);
    /* Within one process, too. */
    struct waiter who = {.word = (word_t*)(last + 64)};
    start(&who);
    CHECK_EQ(futex(all + 2 * 4096 + 64, FUTEX_WAKE, 9), 1);
    join(&who);
}

/* The deadline of FUTEX_WAIT is a length, that of FUTEX_WAIT_BITSET a point, on either clock. */
static void deadlines(void) {
    struct timespec brief = {.tv_nsec = 20000000}, past = {.tv_sec = 1};
    const long long end = read_ns(CLOCK_MONOTONIC) + 20 * MS;
    CHECK_ERRNO(futex(&first, FUTEX_WAIT, 0, &brief), ETIMEDOUT);
    CHECK(read_ns(CLOCK_MONOTONIC) >= end);
    const struct {
        clockid_t clock;
        int flag;
    } kClocks[] = {{CLOCK_MONOTONIC, 0}, {CLOCK_REALTIME, FUTEX_CLOCK_REALTIME}};
    for (int i = 0; i < 2; i++) {
        const int wait = FUTEX_WAIT_BITSET | kClocks[i].flag;
        CHECK_ERRNO(futex(&first, wait, 0, &past, NULL, kAny), ETIMEDOUT);
        struct timespec at = in_ms(kClocks[i].clock, 20);
        CHECK_ERRNO(futex(&first, wait, 0, &at, NULL, kAny), ETIMEDOUT);
        CHECK(read_ns(kClocks[i].clock) >= ns_of(at));
    }
    CHECK_ERRNO(futex(&first, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1), ENOSYS);
    CHECK_ERRNO(futex(&first, 99, 1), ENOSYS);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(wake_counts), CASE(wake_none_wakes_one), CASE(bits_select), CASE(requeue_moves),
        CASE(moved_and_forgotten), CASE(op_changes_the_word), CASE(op_compares),
        CASE(op_wakes_both), CASE(op_is_atomic), CASE(flag_is_part_of_the_name), CASE(shared_words),
        CASE(words_of_files), CASE(deadlines), END});
}
