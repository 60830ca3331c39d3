/* Trees of processes: fork, exec, exit and wait. A node's exit code is the sum of its children's
 * and one; whoever draws the same tree knows what the root must say. */
#include "stress/stress.h"

#include <fcntl.h>
#include <sys/resource.h>

#define DEPTH 3
#define CHILDREN 4

enum how { FORKED, EXECED, KILLED, WAYS };
static volatile unsigned* born;

_Noreturn void trees_leaf(int code) { _exit(code); }

/* What a node ends with, and how many nodes the tree has; draws as grow() does. */
static unsigned expected(struct chance from, unsigned depth, unsigned* nodes) {
    unsigned sum = 1;
    ++*nodes;
    for (unsigned i = depth == 0 ? 0 : below(&from, CHILDREN + 1); i > 0; i--) {
        const enum how how = below(&from, WAYS);
        const struct chance child = {draw(&from)};
        if (how == FORKED) sum += expected(child, depth - 1, nodes);
        if (how == EXECED) sum += 7;
    }
    return sum % 256;
}

static _Noreturn void be_execed(void) {
    char* argv[] = {(char*)"stress", (char*)"leaf", (char*)"7", NULL};
    char* environment[] = {NULL};
    if (draw(&(struct chance){(uint64_t)getpid()}) % 2) {
        const pid_t quick =
            vfork(); /* the parent shall find its memory and its child as it left them */
        if (quick == 0) {
            execve("/proc/self/exe", argv, environment);
            _exit(99);
        }
        DEMAND(quick > 0);
        expect_exit(quick, 7);
    }
    execve("/proc/self/exe", argv, environment);
    _exit(98);
}

static unsigned grow(struct chance from, unsigned depth) {
    __atomic_add_fetch(born, 1, __ATOMIC_SEQ_CST);
    unsigned sum = 1;
    pid_t child[CHILDREN], killed[CHILDREN];
    unsigned children = 0, victims = 0;
    for (unsigned i = depth == 0 ? 0 : below(&from, CHILDREN + 1); i > 0; i--) {
        const enum how how = below(&from, WAYS);
        const struct chance seed = {draw(&from)};
        const pid_t pid = fork_child();
        if (pid == 0) {
            if (how == KILLED) {
                for (;;) pause();
            }
            if (how == EXECED) be_execed();
            _exit((int)grow(seed, depth - 1));
        }
        if (how == KILLED) {
            killed[victims++] = pid;
        } else {
            child[children++] = pid;
        }
    }
    while (victims > 0) {
        const pid_t victim = killed[--victims];
        siginfo_t info = {0};
        DEMAND(kill(victim, SIGKILL) == 0);
        DEMAND(waitid(P_PID, (id_t)victim, &info, WEXITED) == 0);
        DEMAND_EQUAL(info.si_code, CLD_KILLED);
        DEMAND_EQUAL(info.si_status, SIGKILL);
    }
    for (; children > 0; children--) { /* in any order */
        int status = 0;
        const pid_t found = waitpid(-1, &status, 0);
        bool known = false;
        for (unsigned i = 0; i < CHILDREN; i++) known |= found > 0 && child[i] == found;
        DEMAND(known);
        DEMAND(WIFEXITED(status));
        sum += (unsigned)WEXITSTATUS(status);
        did(1);
    }
    DEMAND(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
    return sum % 256;
}

static void trees_round(struct chance* from) {
    born = share(4096);
    const struct chance seed = {draw(from)};
    unsigned nodes = 0;
    const unsigned code = expected(seed, DEPTH, &nodes);
    const pid_t root = fork_child();
    if (root == 0) _exit((int)grow(seed, DEPTH));
    expect_exit(root, (int)code);
    DEMAND_EQUAL(*born, nodes);
    munmap((void*)born, 4096);
}

const struct kind kTrees = {"trees", trees_round, "trees of fork, exec, exit and wait"};
