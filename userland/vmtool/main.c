/* The dispatcher: hands out orders one by one, and writes down the answers. See vmtool.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vmtool/vmtool.h"

struct common* common;
int order_pipe[MOST][2], answer_pipe[2], scratch;

static unsigned maker[MOST]; /* who forked it; 0: the dispatcher */
static uint64_t number[MOST];

static void nap(uint64_t microseconds) {
    const struct timespec time = {(time_t)(microseconds / 1000000),
                                  (long)(microseconds % 1000000 * 1000)};
    nanosleep(&time, NULL);
}

static void await_signal(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int which;
    sigwait(&set, &which);
}

static uint64_t ask(const struct order* order) {
    uint64_t value;
    if (write(order_pipe[order->who][1], order, sizeof *order) != sizeof *order) exit(2);
    if (read(answer_pipe[0], &value, sizeof value) != sizeof value) exit(2);
    return value;
}

static uint64_t stop(unsigned who) {
    struct post* const post = &common->post[who];
    post->stop = 1;
    while (!post->ended) nap(50);
    return post->fault ? FAULT | post->fault : post->rounds;
}

/* Who has no maker any more is waited for by init, some day; it is enough that it is gone. */
static uint64_t leave(unsigned who) {
    const struct order go = {.who = who, .what = LEAVE};
    ask(&go);
    const struct order reap = {maker[who], REAP, 0, who, number[who]};
    const uint64_t done = maker[who] && number[maker[who]] ? ask(&reap) : 0;
    if (maker[who] == 0) waitpid((pid_t)number[who], NULL, 0);
    while (maker[who] && kill((pid_t)number[who], 0) == 0) nap(100);
    number[who] = 0;
    return done;
}

static uint64_t dispatch(const struct order* order) {
    switch (order->what) {
    case PAUSE: await_signal(); return 0;
    case NAP: nap(order->n); return 0;
    case STOP: return stop((unsigned)order->who);
    case LAST: return common->post[order->who].last;
    case LEAVE: return leave((unsigned)order->who);
    case FORK:
    case THREAD: {
        const uint64_t made = ask(order);
        number[order->n] = made;
        maker[order->n] = (unsigned)order->who;
        return made;
    }
    default: return ask(order);
    }
}

static void write_down(uint64_t value) {
    if (write(1, &value, sizeof value) != sizeof value) exit(2);
}

static int read_order(struct order* order) {
    size_t got = 0;
    ssize_t more;
    while (got < sizeof *order && (more = read(0, (char*)order + got, sizeof *order - got)) > 0) {
        got += (size_t)more;
    }
    return got == sizeof *order;
}

static void end_all(void) {
    for (unsigned slot = 1; slot < MOST; slot++) {
        if (number[slot]) kill((pid_t)number[slot], SIGKILL);
    }
}

/* This program, and who started it, stay on the first processor: what happens on the others is the
 * orders' doing alone. */
static void leave_the_others_alone(void) {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    sched_setaffinity(0, sizeof first, &first);
    sched_setaffinity(getppid(), sizeof first, &first);
}

static void set_up(void) {
    leave_the_others_alone();
    common = mmap(NULL, sizeof *common, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    scratch = open("/vmtool.scratch", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (common == MAP_FAILED || scratch < 0) exit(2);
    unlink("/vmtool.scratch");
    if (ftruncate(scratch, SCRATCH_PAGES * PAGE_BYTES) != 0 || pipe(answer_pipe) != 0) exit(2);
    for (unsigned slot = 0; slot < MOST; slot++) {
        if (pipe(order_pipe[slot]) != 0) exit(2);
    }
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(void) {
    set_up();
    const pid_t first = fork();
    if (first < 0) return 2;
    if (first == 0) work(1);
    number[1] = (uint64_t)first;
    struct order order;
    while (read_order(&order)) {
        const int known = order.who < MOST && order.n < UINT32_MAX && number[order.who];
        const int makes = order.what == FORK || order.what == THREAD;
        const int own = order.what == PAUSE || order.what == NAP;
        if ((!known && !own) || (makes && (order.n >= MOST || number[order.n]))) {
            end_all();
            return 64;
        }
        if (order.what == PAUSE) write_down(0); /* the one who looks must know that he may */
        const uint64_t answered = dispatch(&order);
        if (order.what != PAUSE) write_down(answered);
    }
    end_all();
    return 0;
}
