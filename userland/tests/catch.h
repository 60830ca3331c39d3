/* Catching what one instruction raises: signal, code, address, and the machine's part of the frame.
 *
 *     struct caught c = CATCH(asm volatile("ud2"));
 *     CHECK_EQ(c.signal, SIGILL);
 */
#ifndef VITRINE_CATCH_H
#define VITRINE_CATCH_H

#include "tests/check.h"

#include <setjmp.h>
#include <ucontext.h>

#ifndef SI_KERNEL
#define SI_KERNEL 0x80
#endif
#ifndef TRAP_HWBKPT
#define TRAP_HWBKPT 4
#endif

struct caught {
    int signal, code; /* 0: nothing was raised */
    uintptr_t address, rip;
    long trapno, error, cr2;
    unsigned cs, ss;
    uintptr_t rsp, rax;
};

static struct caught caught_now;
static sigjmp_buf caught_where;

static void catcher(int signal, siginfo_t* info, void* context) {
    const greg_t* registers = ((ucontext_t*)context)->uc_mcontext.gregs;
    caught_now = (struct caught){.signal = signal,
                                 .code = info->si_code,
                                 .address = (uintptr_t)info->si_addr,
                                 .rip = registers[REG_RIP],
                                 .trapno = registers[REG_TRAPNO],
                                 .error = registers[REG_ERR],
                                 .cr2 = registers[REG_CR2],
                                 .cs = registers[REG_CSGSFS] & 0xffff,
                                 .ss = (uint64_t)registers[REG_CSGSFS] >> 48,
                                 .rsp = registers[REG_RSP],
                                 .rax = registers[REG_RAX]};
    siglongjmp(caught_where, 1);
}

static inline void catch_all(void) {
    static char stack[64 * 1024];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = catcher, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    NEED(sigaltstack(&alternate, NULL) == 0);
    const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
        NEED(sigaction(signals[i], &action, NULL) == 0);
    }
}

#define CATCH(...)                             \
    ({                                         \
        catch_all();                           \
        caught_now = (struct caught){0};       \
        if (sigsetjmp(caught_where, 1) == 0) { \
            __VA_ARGS__;                       \
        }                                      \
        *(volatile struct caught*)&caught_now; \
    })

/* All that a handler sees of an exception; `where` is si_addr. */
#define CHECK_TRAP(what, sig, si, where, number, err) \
    do {                                              \
        struct caught c_ = (what);                    \
        CHECK_EQ(c_.signal, sig);                     \
        CHECK_EQ(c_.code, si);                        \
        CHECK_EQ(c_.address, where);                  \
        CHECK_EQ(c_.trapno, number);                  \
        CHECK_EQ(c_.error, err);                      \
    } while (0)

#endif
