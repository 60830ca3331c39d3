/* The life of a process that takes orders: it begins, works, and leaves. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmtool/vmtool.h"

static _Thread_local sigjmp_buf* back;
static pthread_t thread[MOST];
static unsigned is_thread[MOST];
static volatile uint64_t thread_number;

static void caught(int number) { siglongjmp(*back, number); }

uint64_t attempt(uint64_t (*access)(const struct order*), const struct order* order) {
    sigjmp_buf here;
    back = &here;
    const int number = sigsetjmp(here, 1);
    return number == 0 ? access(order) : FAULT | (uint64_t)number;
}

uint64_t result_of(long returned) { return returned >= 0 ? 0 : REFUSED | (uint64_t)errno; }

void answer(uint64_t value) {
    if (write(answer_pipe[1], &value, sizeof value) != sizeof value) _exit(2);
}

static void* begin_thread(void* slot) {
    thread_number = (uint64_t)syscall(SYS_gettid);
    work((unsigned)(uintptr_t)slot);
    return NULL;
}

static uint64_t make_thread(unsigned slot) {
    thread_number = 0;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 * 1024);
    const int error =
        pthread_create(&thread[slot], &attributes, begin_thread, (void*)(uintptr_t)slot);
    if (error != 0) return REFUSED | (uint64_t)error;
    is_thread[slot] = 1;
    while (thread_number == 0) sched_yield();
    return thread_number;
}

static uint64_t make_process(unsigned slot) {
    const pid_t pid = fork();
    if (pid == 0) work(slot);
    return pid > 0 ? (uint64_t)pid : REFUSED | (uint64_t)errno;
}

static uint64_t reap(const struct order* order) {
    if (!is_thread[order->n]) return result_of(waitpid((pid_t)order->value, NULL, 0));
    is_thread[order->n] = 0;
    return (uint64_t)pthread_join(thread[order->n], NULL);
}

static uint64_t stay_on(unsigned processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    return result_of(sched_setaffinity(0, sizeof set, &set));
}

static uint64_t carry_out(const struct order* order) {
    switch (order->what) {
    case PID: return (uint64_t)syscall(SYS_gettid);
    case CPU: return stay_on((unsigned)order->at);
    case FORK: return make_process((unsigned)order->n);
    case THREAD: return make_thread((unsigned)order->n);
    case REAP: return reap(order);
    case COST_ZERO:
    case COST_COPY:
    case COST_FORK: return cost_of(order);
    default: return attempt(step_in_memory, order);
    }
}

void work(unsigned slot) {
    const struct sigaction action = {.sa_handler = caught, .sa_flags = SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    struct order order;
    while (read(order_pipe[slot][0], &order, sizeof order) == sizeof order) {
        if (order.what == LEAVE) break;
        if (order.what >= READ_ON) {
            go_on(&order);
        } else {
            answer(carry_out(&order));
        }
    }
    answer(0);
    if ((pid_t)syscall(SYS_gettid) == getpid()) _exit(0);
    pthread_exit(NULL);
}
