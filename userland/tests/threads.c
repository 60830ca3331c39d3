/* Threads of musl's pthreads, and the futex beneath them. */
#include "tests/futex.h"

#include <limits.h>
#include <sys/prctl.h>

enum { kThreads = 8, kRounds = 2000 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long counter, turn;

static void* count(void* argument) {
    for (int i = 0; i < kRounds; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
    }
    return argument;
}
static void mutexes(void) {
    pthread_t threads[kThreads];
    for (long i = 0; i < kThreads; i++) {
        NEED(pthread_create(&threads[i], NULL, count, (void*)i) == 0);
    }
    for (long i = 0; i < kThreads; i++) {
        void* result;
        NEED(pthread_join(threads[i], &result) == 0);
        CHECK_EQ((long)result, i);
    }
    CHECK_EQ(counter, kThreads * kRounds);
}

/* Each thread waits for its turn: a lost wake-up would hang. */
static void* take_turns(void* argument) {
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&mutex);
        while (turn % kThreads != (long)argument) pthread_cond_wait(&changed, &mutex);
        turn++;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}
static void conditions(void) {
    pthread_t threads[kThreads];
    for (long i = 0; i < kThreads; i++) {
        NEED(pthread_create(&threads[i], NULL, take_turns, (void*)i) == 0);
    }
    for (long i = 0; i < kThreads; i++) NEED(pthread_join(threads[i], NULL) == 0);
    CHECK_EQ(turn, kThreads * 200);
}

static __thread int own = 5;
static void* change_own(void* argument) {
    CHECK_EQ(own, 5);
    own = 6;
    CHECK(getpid() == (pid_t)(long)argument && syscall(SYS_gettid) != getpid());
    return NULL;
}
static void thread_local_storage(void) {
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, change_own, (void*)(long)getpid()) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    CHECK_EQ(own, 5);
}

/* What a thread keeps under a key is given to the key's destructor when it ends, and again if that
 * puts something there anew; not when the key was deleted. */
static pthread_key_t key, deleted;
static _Atomic int destroyed, destroyed_wrongly;
static void destroy(void* value) {
    destroyed++;
    if ((long)value == 2) pthread_setspecific(key, (void*)1);
}
static void never(void* value) {
    (void)value;
    destroyed_wrongly++;
}
static void* keep_values(void* argument) {
    CHECK(pthread_getspecific(key) == NULL);
    pthread_setspecific(key, argument);
    pthread_setspecific(deleted, argument);
    CHECK(pthread_getspecific(key) == argument);
    return NULL;
}
static void keys(void) {
    pthread_t threads[2];
    NEED(pthread_key_create(&key, destroy) == 0 && pthread_key_create(&deleted, never) == 0);
    pthread_setspecific(key, (void*)9);
    for (long i = 0; i < 2; i++) {
        NEED(pthread_create(&threads[i], NULL, keep_values, (void*)(i + 1)) == 0);
        if (i == 0) {
            NEED(pthread_join(threads[0], NULL) == 0);
            CHECK_EQ(destroyed, 1);
            CHECK_EQ(destroyed_wrongly, 1);
            NEED(pthread_key_delete(deleted) == 0);
        }
    }
    NEED(pthread_join(threads[1], NULL) == 0);
    CHECK_EQ(destroyed, 3);
    CHECK_EQ(destroyed_wrongly, 1);
    CHECK(pthread_getspecific(key) == (void*)9);
}

static void* wait_forever(void* argument) {
    for (;;) pause();
    return argument;
}
static void exit_with_threads(void) {
    pthread_t thread;
    for (int i = 0; i < 4; i++) NEED(pthread_create(&thread, NULL, wait_forever, NULL) == 0);
    exit(5); /* takes all of them along */
}
static void kill_with_threads(void) {
    pthread_t thread;
    for (int i = 0; i < 4; i++) NEED(pthread_create(&thread, NULL, wait_forever, NULL) == 0);
    kill(getpid(), SIGKILL);
    for (;;) pause();
}
static void* exec_from_thread(void* argument) {
    execl("/proc/self/exe", "threads", "exec", (char*)NULL);
    return argument;
}
static void exec_with_threads(void) {
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, wait_forever, NULL) == 0);
    NEED(pthread_create(&thread, NULL, exec_from_thread, NULL) == 0);
    for (;;) pause();
}
static void group_ends(void) {
    CHECK_EXITED(in_child(exit_with_threads), 5);
    CHECK_KILLED(in_child(kill_with_threads), SIGKILL);
    CHECK_EXITED(in_child(exec_with_threads), 43); /* keeps the process number */
}

static volatile sig_atomic_t handled_by;
static void note_thread(int signal) {
    (void)signal;
    handled_by = (int)syscall(SYS_gettid);
}
static void* wait_for_signal(void* argument) {
    *(volatile int*)argument = (int)syscall(SYS_gettid);
    while (!handled_by) usleep(1000);
    return NULL;
}
static void thread_signals(void) {
    volatile int id = 0;
    pthread_t thread;
    signal(SIGUSR1, note_thread);
    NEED(pthread_create(&thread, NULL, wait_for_signal, (void*)&id) == 0);
    while (id == 0) usleep(1000);
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    CHECK_EQ(handled_by, id);
    CHECK_ERRNO(syscall(SYS_tgkill, getpid(), 0x7fffff, SIGUSR1), ESRCH);
    CHECK_ERRNO(syscall(SYS_tgkill, 1, getpid(), SIGUSR1), ESRCH);
}

static void futexes(void) {
    int word = 1, other = 0;
    struct timespec brief = {0, 1000000}, bad = {0, -1};
    CHECK_ERRNO(futex(&word, FUTEX_WAIT, 2, NULL, NULL, 0), EAGAIN);
    CHECK_ERRNO(futex(&word, FUTEX_WAIT, 1, &brief, NULL, 0), ETIMEDOUT);
    CHECK_ERRNO(futex(&word, FUTEX_WAIT, 1, &bad, NULL, 0), EINVAL);
    CHECK_ERRNO(futex((int*)((char*)&word + 1), FUTEX_WAIT, 1, &brief, NULL, 0), EINVAL);
    CHECK_ERRNO(futex((int*)8, FUTEX_WAIT, 1, &brief, NULL, 0), EFAULT);
    CHECK_ERRNO(futex((int*)unmapped_page(), FUTEX_WAIT, 0, &brief, NULL, 0), EFAULT);
    CHECK_EQ(futex(&word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 0);
    CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERRNO(futex(&word, FUTEX_CMP_REQUEUE, 1, (void*)1, &other, 7), EAGAIN);
    CHECK_ERRNO(futex(&word, 99, 1, NULL, NULL, 0), ENOSYS);
}

/* Between processes, on a shared page. */
static void shared_futex(void) {
    int* word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(word != MAP_FAILED);
    pid_t child = fork_or_die();
    if (child == 0) {
        while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == 0) {
            futex(word, FUTEX_WAIT, 0, NULL, NULL, 0);
        }
        _exit(7);
    }
    usleep(20000);
    __atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
    futex(word, FUTEX_WAKE, 1, NULL, NULL, 0);
    CHECK_EXITED(status_of(child), 7);
}

/* A thread that dies with a robust mutex leaves word of it. */
static void* die_with_lock(void* argument) {
    pthread_mutex_lock(argument);
    return NULL;
}
static void robust(void) {
    pthread_mutex_t lock;
    pthread_mutexattr_t kind;
    pthread_t thread;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&lock, &kind);
    NEED(pthread_create(&thread, NULL, die_with_lock, &lock) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    CHECK_EQ(pthread_mutex_lock(&lock), EOWNERDEAD);
}

static void names(void) {
    char name[16];
    CHECK(prctl(PR_SET_NAME, "a-rather-long-name") == 0);
    CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "a-rather-long-n") == 0);
}

int main(int argc, char** argv) {
    if (argc > 1) return strcmp(argv[1], "exec") == 0 && getpid() == syscall(SYS_gettid) ? 43 : 1;
    return run_cases((struct test_case[]){
        CASE(mutexes), CASE(conditions), CASE(thread_local_storage), CASE(keys), CASE(group_ends),
        CASE(thread_signals), CASE(futexes), CASE(shared_futex), CASE(robust), CASE(names), END});
}
