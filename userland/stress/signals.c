/* Signals between two processes: none of the queued ones is lost, real-time ones come in order,
 * each with its value; ordinary ones come at least once, and as often as they were answered. */
#include "stress/stress.h"

#define FIRST SIGRTMIN
#define NUMBERS 3

struct exchange {
    volatile uint32_t answered; /* by the child, of the ping-pong */
    volatile uint32_t ready;
};

/* Takes `each` signals of each number that were queued, by sigwaitinfo. */
static void take_queued(unsigned each, const sigset_t* set) {
    int next[NUMBERS] = {0};
    for (unsigned left = each * NUMBERS; left > 0; left--) {
        siginfo_t info;
        int number;
        while ((number = sigwaitinfo(set, &info)) == -1 && errno == EINTR) continue;
        DEMAND(number >= FIRST && number < FIRST + NUMBERS);
        DEMAND_EQUAL(info.si_code, SI_QUEUE);
        DEMAND_EQUAL(info.si_pid, getppid());
        DEMAND_EQUAL(info.si_value.sival_int, next[number - FIRST]++);
        did(1);
    }
    for (unsigned i = 0; i < NUMBERS; i++) DEMAND_EQUAL(next[i], each);
}

static void queue_some(struct chance* from, const sigset_t* set) {
    const unsigned each = 5 + below(from, 60);
    const pid_t child = fork_child();
    if (child == 0) {
        take_queued(each, set);
        _exit(0);
    }
    int sent[NUMBERS] = {0};
    for (unsigned left = each * NUMBERS; left > 0; left--) {
        unsigned which = below(from, NUMBERS);
        while (sent[which] == (int)each) which = (which + 1) % NUMBERS;
        while (sigqueue(child, FIRST + (int)which, (union sigval){sent[which]}) != 0) {
            DEMAND(errno == EAGAIN); /* RLIMIT_SIGPENDING */
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        }
        sent[which]++;
    }
    expect_exit(child, 0);
}

static volatile sig_atomic_t caught;
static void count_it(int number) {
    (void)number;
    caught++;
}

/* kill to and fro: each waits in sigsuspend until the other's has come. */
static void ping_pong(struct chance* from) {
    struct exchange* const exchange = share(4096);
    const unsigned turns = 20 + below(from, 100);
    sigset_t usual;
    sigprocmask(SIG_SETMASK, NULL, &usual);
    sigset_t open = usual;
    sigdelset(&open, SIGUSR1);
    DEMAND(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = count_it}, NULL) == 0);
    caught = 0;
    const pid_t parent = getpid(), child = fork_child();
    const pid_t other = child == 0 ? parent : child;
    if (child != 0) DEMAND(kill(other, SIGUSR1) == 0);
    for (int turn = 1; turn <= (int)turns; turn++) {
        while (caught < turn) DEMAND(sigsuspend(&open) == -1 && errno == EINTR);
        DEMAND_EQUAL(caught, turn); /* the other sends the next only after our answer */
        if (child == 0) exchange->answered++;
        if (child == 0 || turn < (int)turns) DEMAND(kill(other, SIGUSR1) == 0);
        did(1);
    }
    if (child == 0) _exit(0);
    expect_exit(child, 0);
    DEMAND_EQUAL(exchange->answered, turns);
    munmap(exchange, 4096);
}

static void signals_round(struct chance* from) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    for (int i = 0; i < NUMBERS; i++) sigaddset(&set, FIRST + i);
    DEMAND(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    sigdelset(&set, SIGUSR1);
    queue_some(from, &set);
    ping_pong(from);
}

const struct kind kSignals = {"signals", signals_round,
                              "kill and sigqueue between processes, real-time signals in order"};
