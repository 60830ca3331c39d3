/* A worker: threads that make calls, and one that pulls memory away and wakes who is stuck. */
#include "fuzz/fuzz.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

struct thread {
    unsigned number;
    const struct plan* plan;
    struct board* board;
    pid_t process;
    volatile pid_t tid;
    volatile bool done;
    pthread_t handle;
};

static struct ground ground;
static volatile unsigned running;

static void ignore(int signal) { (void)signal; }

/* The call itself. A child or thread that it made comes back here as well, perhaps without a usable
 * stack, and ends at once. `tid` is the caller's. */
static long make_call(long number, long* argument, long tid) {
    long result;
    register long r10 __asm__("r10") = argument[3];
    register long r8 __asm__("r8") = argument[4];
    register long r9 __asm__("r9") = argument[5];
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 2f\n\t"
        "mov %[gettid], %%eax\n\t"
        "syscall\n\t"
        "cmp %[tid], %%rax\n\t"
        "je 1f\n\t"
        "xor %%edi, %%edi\n\t"
        "mov %[exit], %%eax\n\t"
        "syscall\n"
        "1:\txor %%eax, %%eax\n"
        "2:"
        : "=a"(result), "+D"(argument[0]), "+S"(argument[1]), "+d"(argument[2]), "+r"(r10),
          "+r"(r8), "+r"(r9)
        : "a"(number), [tid] "b"(tid), [gettid] "i"(SYS_gettid), [exit] "i"(SYS_exit)
        : "rcx", "r11", "memory");
    return result;
}

/* Signals stay open and caught, or the next blocking call is the worker's last. */
static void open_signals(void) {
    const uint64_t none = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
}
static void catch_signal(long signal) {
    if (signal <= 0 || signal >= 64) return;
    sigaction((int)signal, &(struct sigaction){.sa_handler = ignore}, NULL);
}
static void undo(const struct call* call, const long* argument) {
    if (call->number == SYS_rt_sigprocmask) open_signals();
    if (call->number == SYS_rt_sigaction) catch_signal(argument[0]);
}

static bool may_make(const struct call* call, const struct plan* plan) {
    if (plan->only >= 0 && call->number != plan->only) return false;
    if (call->only_self && plan->root) return false;
    if (call->number == SYS_exit || call->number == SYS_exit_group ||
        call->number == SYS_rt_sigreturn) {
        return false; /* the worker's end; the supervisor's own ends come by other calls */
    }
    return true;
}

static void count_call(struct thread* self, long result) {
    struct board* const board = self->board;
    board->current[self->number] = -1;
    board->calls[self->number]++;
    board->results[result >= 0 || result < -4095 ? 0
                   : result == -EFAULT           ? 1
                   : result == -ENOSYS           ? 2
                                                 : 3]++;
}

/* Call `index`, all arguments good but that at `place` (6: none; 7: chance decides for each). */
static void one_call(struct thread* self, struct chance* from, unsigned index, unsigned place,
                     unsigned which, char* scratch) {
    const struct call call = call_at(index);
    if (!may_make(&call, self->plan)) return;
    const size_t known = strlen(call.arguments);
    long argument[6];
    for (unsigned i = 0; i < 6; i++) {
        const bool bad = place == 7 ? below(from, 4) == 0 : i == place;
        argument[i] = bad ? bad_value(place == 7 ? below(from, BAD_VALUES) : which, &ground, from)
                          : good_value(i < known ? call.arguments[i] : 'x', &ground, scratch, from);
    }
    struct board* const board = self->board;
    board->current[self->number] = call.number;
    const long result = make_call(call.number, argument, self->tid);
    undo(&call, argument);
    if (call.number >= 0 && call.number < CALL_NUMBERS) board->made[call.number]++;
    count_call(self, result);
}

/* A call of i386's, whatever comes: unprivileged workers only, for it may end the session. */
static void one_call_386(struct thread* self, struct chance* from, char* low) {
    const struct call386 made = call_386(&ground, low, from, self->tid);
    if (made.changed_mask) open_signals();
    if (made.changed_action) catch_signal(made.changed_action);
    self->board->made_386[made.number]++;
    count_call(self, made.result);
}

static void* make_calls(void* argument) {
    struct thread* const self = argument;
    self->tid = (pid_t)syscall(SYS_gettid);
    struct chance from = {self->plan->seed * 31 + self->number};
    char* const scratch = map_fenced(2, PROT_READ | PROT_WRITE);
    char* const low = map_low();
    if (!scratch || !low) _exit(3);
    const unsigned cases = self->plan->systematic ? call_count() * 6 * BAD_VALUES : 0;
    for (unsigned i = self->number; i < cases; i += self->plan->threads) {
        const unsigned which = i % BAD_VALUES, place = i / BAD_VALUES % 6;
        one_call(self, &from, i / (6 * BAD_VALUES), place, which, scratch);
    }
    const bool both_doors = !self->plan->root && self->plan->only < 0;
    while (self->board->calls[self->number] < self->plan->calls) {
        if (both_doors && below(&from, 8) == 0) one_call_386(self, &from, low);
        one_call(self, &from, below(&from, call_count()), below(&from, 8) ? 7 : 6, 0, scratch);
    }
    self->done = true;
    __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* Pulls the racing page, puts it back, and sends a signal to threads that have not moved. */
static void disturb(struct thread* threads, const struct plan* plan, struct board* board,
                    struct chance* from) {
    static const char wakers[] = {SIGHUP,  SIGINT, SIGUSR2, SIGALRM, SIGTERM,
                                  SIGCHLD, SIGIO,  SIGPWR,  40,      60};
    uint64_t seen[MAX_THREADS] = {0};
    unsigned stuck_for[MAX_THREADS] = {0};
    while (running > 0) {
        pull_page(&ground);
        const struct timespec pause = {0, 20000 + below(from, 200000)};
        nanosleep(&pause, NULL);
        put_page(&ground);
        nanosleep(&pause, NULL);
        for (unsigned i = 0; i < plan->threads; i++) {
            const bool stuck = !threads[i].done && seen[i] == board->calls[i];
            stuck_for[i] = stuck ? stuck_for[i] + 1 : 0;
            seen[i] = board->calls[i];
            if (!stuck || !threads[i].tid) continue;
            const int signal = stuck_for[i] < 4 ? SIGUSR1 : wakers[below(from, sizeof wakers)];
            syscall(SYS_tgkill, threads[0].process, threads[i].tid, signal);
        }
    }
}

/* What a worker destroys shall be its own: a root worker sees no file outside of its directory,
 * another may change none. */
static void shut_in(const struct plan* plan) {
    setsid();
    struct rlimit limit = {64 << 20, 64 << 20};
    setrlimit(RLIMIT_AS, &limit);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){1 << 20, 1 << 20});
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){256, 256});
    for (int file = 0; file < 3; file++) close(file);
    if (plan->root) {
        if (chroot(".")) _exit(3);
        return;
    }
    setgroups(0, NULL);
    if (setgid(UNPRIVILEGED) || setuid(UNPRIVILEGED)) _exit(3);
}

_Noreturn void work(const struct plan* plan, struct board* board) {
    shut_in(plan);
    if (!lay_ground(&ground)) _exit(3);
    for (int signal = 1; signal < 64; signal++) {
        if (signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE) continue;
        sigaction(signal, &(struct sigaction){.sa_handler = ignore}, NULL);
    }
    static struct thread threads[MAX_THREADS];
    running = plan->threads;
    for (unsigned i = 0; i < plan->threads; i++) {
        threads[i] =
            (struct thread){.number = i, .plan = plan, .board = board, .process = getpid()};
        if (pthread_create(&threads[i].handle, NULL, make_calls, &threads[i])) _exit(3);
    }
    struct chance from = {plan->seed};
    disturb(threads, plan, board, &from);
    _exit(0);
}
