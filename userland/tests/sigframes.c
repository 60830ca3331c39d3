/* rt_sigreturn with every field of the frame hostile: the program dies of SIGSEGV or goes on, and
 * the kernel does not care. */
#include "tests/catch.h"

enum { CSGSFS = REG_CSGSFS };

static void (*spoil)(ucontext_t* context);

static void spoiler(int signal, siginfo_t* info, void* context) {
    (void)signal;
    (void)info;
    spoil(context);
}

/* In a child: raises a signal whose handler spoils the frame. */
static void return_through_it(void) {
    struct sigaction action = {.sa_sigaction = spoiler, .sa_flags = SA_SIGINFO};
    NEED(sigaction(SIGUSR1, &action, NULL) == 0);
    raise(SIGUSR1);
    _exit(42);
}
static int after(void (*how)(ucontext_t*)) {
    spoil = how;
    return in_child(return_through_it);
}

#define GREG(context, reg) ((context)->uc_mcontext.gregs[reg])
#define SPOIL(name, statement) \
    static void name(ucontext_t* context) { statement; }

SPOIL(nothing, (void)context)
SPOIL(rip_zero, GREG(context, REG_RIP) = 0)
SPOIL(rip_noncanonical, GREG(context, REG_RIP) = 0x800000000000)
SPOIL(rip_other_half, GREG(context, REG_RIP) = (greg_t)0x8000000000000000)
SPOIL(rip_kernel, GREG(context, REG_RIP) = (greg_t)0xffffffff80100000)
SPOIL(rip_last, GREG(context, REG_RIP) = -1)
SPOIL(rip_end_of_users, GREG(context, REG_RIP) = 0x7fffffffffff)
SPOIL(cs_zero, GREG(context, CSGSFS) &= ~0xffffL)
SPOIL(cs_kernel, GREG(context, CSGSFS) = (GREG(context, CSGSFS) & ~0xffffL) | 0x10)
SPOIL(cs_data, GREG(context, CSGSFS) = (GREG(context, CSGSFS) & ~0xffffL) | 0x2b)
SPOIL(cs_tss, GREG(context, CSGSFS) = (GREG(context, CSGSFS) & ~0xffffL) | 0x40)
SPOIL(cs_ldt, GREG(context, CSGSFS) = (GREG(context, CSGSFS) & ~0xffffL) | 7)
SPOIL(cs_beyond, GREG(context, CSGSFS) |= 0xffff)
SPOIL(ss_zero, GREG(context, CSGSFS) &= 0xffffffffffffL)
SPOIL(ss_code, GREG(context, CSGSFS) = (GREG(context, CSGSFS) & 0xffffffffffffL) | 0x33L << 48)
SPOIL(ss_beyond, GREG(context, CSGSFS) |= (greg_t)(0xffffUL << 48))
SPOIL(stack_noncanonical, GREG(context, REG_RSP) = 0x900000000000)
SPOIL(flags_all, GREG(context, REG_EFL) = -1)
SPOIL(flags_privileged, GREG(context, REG_EFL) |= 0x3000 | 0x4000 | 0x20000 | 0x100000)
SPOIL(fpu_kernel, context->uc_mcontext.fpregs = (fpregset_t)0xffffffff80100000)
SPOIL(fpu_unmapped, context->uc_mcontext.fpregs = (fpregset_t)4096)
SPOIL(fpu_noncanonical, context->uc_mcontext.fpregs = (fpregset_t)0x8000000000000000)
SPOIL(fpu_none, context->uc_mcontext.fpregs = (fpregset_t)0)
SPOIL(mxcsr_reserved, ((uint32_t*)context->uc_mcontext.fpregs)[6] = 0xffffffff)
SPOIL(xstate_everywhere, memset((char*)context->uc_mcontext.fpregs + 512, 0xff, 64))
SPOIL(mask_all, memset(&context->uc_sigmask, 0xff, 8))
SPOIL(stack_of_context, memset(&context->uc_stack, 0xff, sizeof context->uc_stack))

#define CHECK_DIES(how) CHECK_KILLED(after(how), SIGSEGV)
#define CHECK_LIVES(how) CHECK_EXITED(after(how), 42)

static void untouched(void) { CHECK_LIVES(nothing); }

static void bad_rip(void) {
    CHECK_DIES(rip_zero);
    CHECK_DIES(rip_noncanonical);
    CHECK_DIES(rip_other_half);
    CHECK_DIES(rip_kernel);
    CHECK_DIES(rip_last);
    CHECK_DIES(rip_end_of_users);
}

static void bad_segments(void) {
    CHECK_DIES(cs_zero);
    CHECK_DIES(cs_kernel);
    CHECK_DIES(cs_data);
    CHECK_DIES(cs_tss);
    CHECK_DIES(cs_ldt);
    CHECK_DIES(cs_beyond);
    CHECK_DIES(ss_code);
    CHECK_DIES(ss_beyond);
    CHECK(WIFSIGNALED(after(ss_zero)) ||
          WIFEXITED(after(ss_zero))); /* null: allowed for 64-bit code */
}

static void bad_stack(void) {
    int status =
        after(stack_noncanonical); /* by way of the stack segment: SIGBUS; emulators differ */
    CHECK(WIFSIGNALED(status) && (WTERMSIG(status) == SIGBUS || WTERMSIG(status) == SIGSEGV));
}

static void bad_flags(void) {
    int status =
        after(flags_all); /* TF is the program's to set, and steps into SIGTRAP; so is AC */
    CHECK(WIFSIGNALED(status) && (WTERMSIG(status) == SIGTRAP || WTERMSIG(status) == SIGBUS));
    CHECK_LIVES(flags_privileged);
}

static void bad_fpu(void) {
    CHECK_DIES(fpu_kernel);
    CHECK_DIES(fpu_unmapped);
    CHECK_DIES(fpu_noncanonical);
    CHECK_LIVES(fpu_none);
    CHECK_DIES(mxcsr_reserved);
    int status = after(xstate_everywhere); /* a processor without XSAVE has no such header */
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) ||
          (WIFEXITED(status) && WEXITSTATUS(status) == 42));
}

static void bad_mask_and_stack(void) {
    CHECK_LIVES(mask_all);
    CHECK_LIVES(stack_of_context);
}

/* No frame at all. */
static void call_it_plainly(void) { syscall(SYS_rt_sigreturn); }
static void call_it_without_stack(void) {
    asm volatile("xor %%esp, %%esp; syscall" ::"a"(SYS_rt_sigreturn) : "rcx", "r11", "memory");
}
static void no_frame(void) {
    CHECK_KILLED(in_child(call_it_plainly), SIGSEGV);
    CHECK_KILLED(in_child(call_it_without_stack), SIGSEGV);
}

/* A fault of the way back is caught like any other, with the bad address in the frame. */
static void caught_on_the_way(void) {
    struct sigaction action = {.sa_sigaction = spoiler, .sa_flags = SA_SIGINFO};
    NEED(sigaction(SIGUSR1, &action, NULL) == 0);
    spoil = rip_noncanonical;
    struct caught c = CATCH(raise(SIGUSR1));
    CHECK_EQ(c.signal, SIGSEGV);
    CHECK_EQ(c.code, SI_KERNEL);
    CHECK_EQ(c.trapno, 13);
    spoil = cs_tss;
    c = CATCH(raise(SIGUSR1));
    CHECK_EQ(c.signal, SIGSEGV);
    spoil = rip_kernel;
    c = CATCH(raise(SIGUSR1));
    CHECK_EQ(c.signal, SIGSEGV);
    CHECK_EQ(c.code, SEGV_MAPERR);
    CHECK_EQ(c.address, 0xffffffff80100000);
}

/* Random frames, none of which may matter to anybody else. */
static unsigned seed;
static void scramble(ucontext_t* context) {
    srandom(seed);
    for (int i = 0; i < 6; i++) {
        char* field =
            (char*)&context->uc_mcontext + 8 * (random() % (sizeof context->uc_mcontext / 8));
        uint64_t value = (uint64_t)random() << 40 ^ (uint64_t)random() << 20 ^ random();
        if (random() % 2) {
            memcpy(field, &value, 8);
        } else {
            *field ^= 1 << random() % 8;
        }
    }
}
static void random_frames(void) {
    for (seed = 1; seed <= 200; seed++) {
        int status = after(scramble);
        CHECK(WIFSIGNALED(status) || WIFEXITED(status));
    }
}

int main(void) {
    return run_cases((struct test_case[]){CASE(untouched), CASE(bad_rip), CASE(bad_segments),
                                          CASE(bad_stack), CASE(bad_flags), CASE(bad_fpu),
                                          CASE(bad_mask_and_stack), CASE(no_frame),
                                          CASE(caught_on_the_way), CASE(random_frames), END});
}
