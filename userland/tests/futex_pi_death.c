/* Holders of locks with priority inheritance that end, or whose program does: who waits gets the
 * lock, and the word says what has happened. Robust lists with such locks; locks in memory that
 * processes share. */
#include "tests/futex_pi.h"

static word_t word;

/* --- threads --- */

/* A thread that ends with the lock, once somebody waits for it. */
static void* die_with_it(void* tid) {
    *(word_t*)tid = self();
    CHECK_EQ(lock_pi(&word), 0);
    UNTIL(word & FUTEX_WAITERS);
    usleep(20000);
    return NULL;
}
static void waiter_inherits(void) {
    pthread_t thread;
    word_t dead = 0;
    NEED(pthread_create(&thread, NULL, die_with_it, &dead) == 0);
    UNTIL(word != 0);
    CHECK_EQ(lock_pi(&word), 0);
    CHECK_EQ(word, FUTEX_OWNER_DIED | FUTEX_WAITERS | self());
    NEED(pthread_join(thread, NULL) == 0);
    CHECK_EQ(unlock_pi(&word), 0);
    CHECK_EQ(word, 0);
}

/* Several wait; each that gets it hands it on as if nothing had happened. */
static void several_inherit(void) {
    pthread_t thread;
    word_t dead = 0;
    struct locker waiters[3] = {0};
    NEED(pthread_create(&thread, NULL, die_with_it, &dead) == 0);
    UNTIL(word != 0);
    for (int i = 0; i < 3; i++) {
        waiters[i].word = &word;
        start_locker(&waiters[i]);
    }
    int seen_dead = 0;
    for (int left = 3; left > 0; left--) {
        struct locker* holder = NULL;
        while (!holder) {
            for (int i = 0; i < 3; i++) {
                if (waiters[i].has_it && !waiters[i].may_go) holder = &waiters[i];
            }
            nap();
        }
        CHECK_EQ(holder->result, 0);
        CHECK_EQ(word & FUTEX_TID_MASK, holder->tid);
        seen_dead += (word & FUTEX_OWNER_DIED) != 0;
        end_locker(holder);
    }
    CHECK_EQ(seen_dead, 1);
    NEED(pthread_join(thread, NULL) == 0);
    CHECK_EQ(word, 0);
}

/* --- robust lists --- */

struct robust_lock {
    uint64_t next;
    word_t word;
};
struct robust_head {
    uint64_t next;
    long offset;
    uint64_t pending;
};
enum { kPi = 1 };

static struct robust_lock locks[3];
static struct robust_head head;
static word_t dead_tid;

static uint64_t link_to(void* what, int pi) { return (uint64_t)what | (uint64_t)pi; }
static void* die_with_list(void* argument) {
    dead_tid = self();
    head = (struct robust_head){.next = link_to(&locks[0], kPi),
                                .offset = (char*)&locks[0].word - (char*)&locks[0],
                                .pending = link_to(&locks[2], kPi)};
    locks[0].next = link_to(&locks[1], kPi);
    locks[1].next = link_to(&head, 0);
    NEED(syscall(SYS_set_robust_list, &head, sizeof head) == 0);
    for (int i = 0; i < 3; i++) CHECK_EQ(lock_pi(&locks[i].word), 0);
    if (argument) UNTIL(locks[1].word & FUTEX_WAITERS);
    return NULL;
}
static void robust_list_is_heeded(void) {
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, die_with_list, NULL) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(locks[i].word, FUTEX_OWNER_DIED);
        CHECK_EQ(lock_pi(&locks[i].word), 0);
        CHECK_EQ(locks[i].word, FUTEX_OWNER_DIED | self());
        CHECK_EQ(unlock_pi(&locks[i].word), 0);
    }
}
static void robust_list_with_waiter(void) {
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, die_with_list, &word) == 0);
    UNTIL(locks[2].word != 0);
    CHECK_EQ(lock_pi(&locks[1].word), 0);
    CHECK_EQ(locks[1].word, FUTEX_OWNER_DIED | FUTEX_WAITERS | self());
    CHECK_EQ(locks[0].word, FUTEX_OWNER_DIED);
    CHECK_EQ(unlock_pi(&locks[1].word), 0);
    NEED(pthread_join(thread, NULL) == 0);
}

/* --- processes --- */

static word_t* shared_word(void) {
    word_t* shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(shared != MAP_FAILED);
    return shared;
}
static void between_processes(void) {
    word_t* shared = shared_word();
    pid_t child = fork_or_die();
    if (child == 0) {
        CHECK_EQ(lock_pi(shared), 0);
        UNTIL(*shared & FUTEX_WAITERS);
        CHECK_EQ(unlock_pi(shared), 0);
        CHECK_EQ(lock_pi(shared), 0);
        CHECK_EQ(unlock_pi(shared), 0);
        _exit(failed_checks);
    }
    UNTIL(*shared != 0);
    CHECK_EQ(lock_pi(shared), 0);
    CHECK_EQ(*shared & FUTEX_TID_MASK, self());
    usleep(10000);
    CHECK_EQ(unlock_pi(shared), 0);
    CHECK_EXITED(status_of(child), 0);
    CHECK_EQ(*shared, 0);
}
static void killed_with_it(void) {
    word_t* shared = shared_word();
    pid_t child = fork_or_die();
    if (child == 0) {
        CHECK_EQ(lock_pi(shared), 0);
        for (;;) pause();
    }
    UNTIL(*shared != 0);
    pid_t killer = fork_or_die();
    if (killer == 0) {
        UNTIL(*shared & FUTEX_WAITERS);
        _exit(kill(child, SIGKILL));
    }
    CHECK_EQ(lock_pi(shared), 0);
    CHECK_EQ(*shared, FUTEX_OWNER_DIED | FUTEX_WAITERS | self());
    CHECK_EXITED(status_of(killer), 0);
    CHECK_KILLED(status_of(child), SIGKILL);
    CHECK_EQ(unlock_pi(shared), 0);
}

/* A waiter that is killed leaves the queue. */
static void killed_while_it_waits(void) {
    word_t* shared = shared_word();
    CHECK_EQ(lock_pi(shared), 0);
    pid_t child = fork_or_die();
    if (child == 0) {
        lock_pi(shared);
        _exit(1);
    }
    UNTIL(*shared & FUTEX_WAITERS);
    NEED(kill(child, SIGKILL) == 0);
    CHECK_KILLED(status_of(child), SIGKILL);
    CHECK_EQ(unlock_pi(shared), 0);
    CHECK_EQ(*shared, 0);
}

/* A holder that calls execve() is another program then, and has no locks. */
static void exec_lets_go(void) {
    word_t* shared = shared_word();
    pid_t child = fork_or_die();
    if (child == 0) {
        CHECK_EQ(lock_pi(shared), 0);
        UNTIL(*shared & FUTEX_WAITERS);
        execlp("sh", "sh", "-c", "exec sleep 1000", (char*)NULL);
        _exit(1);
    }
    UNTIL(*shared != 0);
    CHECK_EQ(lock_pi(shared), 0);
    CHECK_EQ(*shared, FUTEX_OWNER_DIED | FUTEX_WAITERS | self());
    CHECK_EQ(unlock_pi(shared), 0);
    CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
    NEED(kill(child, SIGKILL) == 0);
    CHECK_KILLED(status_of(child), SIGKILL);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(waiter_inherits), CASE(several_inherit), CASE(robust_list_is_heeded),
        CASE(robust_list_with_waiter), CASE(between_processes), CASE(killed_with_it),
        CASE(killed_while_it_waits), CASE(exec_lets_go), END});
}
