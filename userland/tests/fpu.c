/* FPU, SSE and AVX registers: whose they are, and what hostile signal frames can do to them. */
#include "tests/catch.h"

#include <cpuid.h>
#include <pthread.h>
#include <sched.h>
#include <sys/time.h>

enum { MXCSR_DEFAULT = 0x1f80, MXCSR_OTHER = 0x7f80, CW_DEFAULT = 0x37f, CW_OTHER = 0xf7f };
enum { MAGIC1 = 0x46505853, MAGIC2 = 0x46505845, LEGACY = 512, SOFTWARE = 464, HEADER = 512 };

static int has_xsave(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c >> 27 & 1);
}
static int has_avx(void) {
    unsigned a, b, c, d;
    return has_xsave() && __get_cpuid(1, &a, &b, &c, &d) && (c >> 28 & 1);
}

static unsigned mxcsr(void) {
    unsigned value;
    asm volatile("stmxcsr %0" : "=m"(value));
    return value;
}
static unsigned control_word(void) {
    unsigned short value;
    asm volatile("fnstcw %0" : "=m"(value));
    return value;
}
static void set_modes(unsigned sse, unsigned short x87) {
    asm volatile("ldmxcsr %0; fldcw %1" ::"m"(sse), "m"(x87));
}

/* What fills the registers in these tests: two of the sixteen, wide and not, and the x87 stack. */
struct pattern {
    uint64_t low[2], high[2];
    double x87;
};
static struct pattern pattern_of(uint64_t seed) {
    return (struct pattern){{seed, seed * 3}, {seed * 5, seed * 7}, (double)seed};
}
static void load(const struct pattern* p) {
    asm volatile("fninit; fldl %0" ::"m"(p->x87));
    if (has_avx()) {
        asm volatile("vmovdqu (%0), %%ymm7; vmovdqu (%0), %%ymm15" ::"r"(p->low) : "xmm7", "xmm15");
    } else {
        asm volatile("movdqu (%0), %%xmm7; movdqu (%0), %%xmm15" ::"r"(p->low) : "xmm7", "xmm15");
    }
}
static struct pattern stored(void) {
    static struct pattern p;
    memset(&p, 0, sizeof p);
    if (has_avx()) {
        asm volatile("vmovdqu %%ymm15, (%0)" ::"r"(p.low) : "memory");
    } else {
        asm volatile("movdqu %%xmm15, (%0)" ::"r"(p.low) : "memory");
    }
    asm volatile("fstl %0" : "=m"(p.x87));
    return p;
}
static int is_pattern(uint64_t seed) {
    struct pattern is = stored(), want = pattern_of(seed);
    if (!has_avx()) memset(want.high, 0, sizeof want.high);
    return memcmp(&is, &want, sizeof is) == 0;
}

/* --- whose they are ------------------------------------------------------------------------------
 */

static void survive_switches(void) {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    sched_setaffinity(0, sizeof first, &first);
    uint64_t mine = 1000;
    pid_t children[3];
    unsigned who = 0;
    for (unsigned i = 0; i < 3 && who == 0; i++) {
        children[i] = fork_or_die();
        if (children[i] == 0) who = i + 1;
    }
    mine += who;
    const struct pattern p = pattern_of(mine);
    load(&p);
    unsigned wrong = 0;
    for (unsigned i = 0; i < 300; i++) {
        syscall(SYS_sched_yield);
        wrong += !is_pattern(mine);
    }
    CHECK_EQ(wrong, 0);
    if (who != 0) _exit(failed_checks != 0);
    for (unsigned i = 0; i < 3; i++) CHECK_EXITED(status_of(children[i]), 0);
}

static void inherited(void) {
    const struct pattern p = pattern_of(77);
    load(&p);
    set_modes(MXCSR_OTHER, CW_OTHER);
    pid_t child = fork();
    const int same = is_pattern(77);
    CHECK(same);
    CHECK_EQ(mxcsr(), MXCSR_OTHER);
    CHECK_EQ(control_word(), CW_OTHER);
    if (child == 0) _exit(failed_checks != 0);
    CHECK_EXITED(status_of(child), 0);
}

static void* modes_of_thread(void* argument) {
    unsigned* modes = argument;
    modes[0] = mxcsr();
    modes[1] = control_word();
    set_modes(MXCSR_DEFAULT, CW_DEFAULT);
    return NULL;
}
static void of_each_thread(void) {
    unsigned modes[2] = {0, 0};
    pthread_t thread;
    set_modes(MXCSR_OTHER, CW_OTHER);
    NEED(pthread_create(&thread, NULL, modes_of_thread, modes) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    CHECK_EQ(modes[0], MXCSR_OTHER);
    CHECK_EQ(modes[1], CW_OTHER);
    CHECK_EQ(mxcsr(), MXCSR_OTHER);
}

static void fresh_after_exec(void) {
    pid_t child = fork_or_die();
    if (child == 0) {
        const struct pattern p = pattern_of(55);
        load(&p);
        set_modes(MXCSR_OTHER, CW_OTHER);
        execl("/proc/self/exe", "fpu", "--is-fresh", NULL);
        _exit(99);
    }
    CHECK_EXITED(status_of(child), 0);
}

/* --- signals
 * -------------------------------------------------------------------------------------- */

static volatile unsigned handled, wrong_in_handler;
static void scribbler(int signal) {
    (void)signal;
    wrong_in_handler += mxcsr() != MXCSR_DEFAULT || control_word() != CW_DEFAULT;
    const struct pattern p = pattern_of(handled + 5);
    load(&p);
    set_modes(MXCSR_OTHER, CW_OTHER);
    handled++;
}
/* A handler starts afresh, and what it does to the registers is over when it returns. */
static void kept_over_signals(void) {
    signal(SIGALRM, scribbler);
    struct itimerval often = {{0, 2000}, {0, 2000}};
    const struct pattern p = pattern_of(4711);
    unsigned wrong = 0;
    load(&p);
    set_modes(0x3f80, 0x77f);
    NEED(setitimer(ITIMER_REAL, &often, NULL) == 0);
    while (handled < 20) {
        wrong += !is_pattern(4711) || mxcsr() != 0x3f80 || control_word() != 0x77f;
        syscall(SYS_getpid);
    }
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(wrong_in_handler, 0);
}

static uint32_t word_at(const char* frame, unsigned offset) {
    uint32_t value;
    memcpy(&value, frame + offset, 4);
    return value;
}
static void set_word(char* frame, unsigned offset, uint32_t value) {
    memcpy(frame + offset, &value, 4);
}
#define EXTENDED_SIZE(frame) word_at(frame, SOFTWARE + 4)
#define STATE_SIZE(frame) word_at(frame, SOFTWARE + 16)

static void (*spoil)(ucontext_t* context, char* frame);
static void spoiler(int signal, siginfo_t* info, void* context) {
    (void)signal, (void)info;
    spoil(context, (char*)((ucontext_t*)context)->uc_mcontext.fpregs);
}
static void install(void (*how)(ucontext_t*, char*)) {
    struct sigaction action = {.sa_sigaction = spoiler, .sa_flags = SA_SIGINFO};
    NEED(sigaction(SIGUSR1, &action, NULL) == 0);
    spoil = how;
}
/* raise() without the library, whose code may use the registers. */
static void raise_it(void) { syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), SIGUSR1); }

static void look_at_frame(ucontext_t* context, char* frame) {
    CHECK_EQ((uintptr_t)frame % 64, 0);
    CHECK_EQ(context->uc_flags & 1, 1); /* UC_FP_XSTATE */
    CHECK_EQ(word_at(frame, SOFTWARE), MAGIC1);
    CHECK_EQ(EXTENDED_SIZE(frame), STATE_SIZE(frame) + 4);
    CHECK_EQ(word_at(frame, SOFTWARE + 8) & 3, 3);
    CHECK_EQ(word_at(frame, SOFTWARE + 8) >> 2 & 1, has_avx());
    CHECK_EQ(word_at(frame, STATE_SIZE(frame)), MAGIC2);
    CHECK_EQ(word_at(frame, HEADER + 8) | word_at(frame, HEADER + 12), 0);
    CHECK_EQ(word_at(frame, 24), mxcsr()); /* both are the default here */
}
static void frame_tells_its_form(void) {
    if (!has_xsave()) skip_case("no XSAVE: a frame of 512 bytes");
    install(look_at_frame);
    raise_it();
}

static void change_it(ucontext_t* context, char* frame) {
    (void)context;
    const struct pattern p = pattern_of(99);
    memcpy(frame + 160 + 15 * 16, p.low, 16); /* XMM15 */
    set_word(frame, 24, 0x5f80);
    if (has_avx()) memcpy(frame + 576 + 15 * 16, p.high, 16);
}
static void changes_take_effect(void) {
    const struct pattern p = pattern_of(12);
    install(change_it);
    load(&p);
    raise_it();
    struct pattern now = stored(), want = pattern_of(99);
    CHECK_EQ(memcmp(now.low, want.low, 16), 0);
    if (has_avx()) CHECK_EQ(memcmp(now.high, want.high, 16), 0);
    CHECK_EQ(mxcsr(), 0x5f80);
    CHECK(now.x87 == 12.0);
}

/* --- hostile frames
 * -------------------------------------------------------------------------------- */

#define SPOIL(name, ...)                                 \
    static void name(ucontext_t* context, char* frame) { \
        (void)context, (void)frame;                      \
        __VA_ARGS__;                                     \
    }
SPOIL(reserved_component, frame[HEADER + 7] |= 0x40)
SPOIL(unknown_component, frame[HEADER + 5] |= 1)
SPOIL(compact_form, frame[HEADER + 8] |= 1)
SPOIL(reserved_header, frame[HEADER + 16] |= 1)
SPOIL(mxcsr_reserved, set_word(frame, 24, 0xffffffff))
SPOIL(mxcsr_one_bit, set_word(frame, 24, 0x80001f80))
SPOIL(no_magic, set_word(frame, SOFTWARE, 0))
SPOIL(no_second_magic, set_word(frame, STATE_SIZE(frame), 0))
SPOIL(no_size, set_word(frame, SOFTWARE + 16, 0))
SPOIL(small_size, set_word(frame, SOFTWARE + 16, 575))
SPOIL(large_size, set_word(frame, SOFTWARE + 16, 0x7fffffff))
SPOIL(largest_size, set_word(frame, SOFTWARE + 16, 0xffffffff))
SPOIL(extended_too_small, set_word(frame, SOFTWARE + 4, STATE_SIZE(frame) - 1))
SPOIL(no_features, memset(frame + SOFTWARE + 8, 0, 8))
SPOIL(all_features, memset(frame + SOFTWARE + 8, 0xff, 8))
SPOIL(nothing_in_it, memset(frame + HEADER, 0, 8))
SPOIL(without_magic_bad_header, set_word(frame, SOFTWARE, 0); memset(frame + HEADER, 0xff, 64))

static char* moved(const char* frame, char* to, size_t size) { return memmove(to, frame, size); }
static char* room_at(unsigned offset) {
    static char room[8192] __attribute__((aligned(64)));
    return room + offset;
}
#define FPREGS(to) context->uc_mcontext.fpregs = (fpregset_t)(to)
SPOIL(elsewhere, FPREGS(moved(frame, room_at(64), EXTENDED_SIZE(frame))))
SPOIL(by_one, FPREGS(moved(frame, room_at(1), EXTENDED_SIZE(frame))))
SPOIL(by_sixteen, FPREGS(moved(frame, room_at(16), EXTENDED_SIZE(frame))))
SPOIL(by_sixteen_legacy, set_word(frame, SOFTWARE, 0); FPREGS(moved(frame, room_at(16), LEGACY)))
SPOIL(by_eight_legacy, set_word(frame, SOFTWARE, 0); FPREGS(moved(frame, room_at(8), LEGACY)))
SPOIL(cut_in_legacy, FPREGS(moved(frame, before_the_end(256), 256)))
SPOIL(cut_after_legacy, FPREGS(moved(frame, before_the_end(LEGACY), LEGACY)))
SPOIL(cut_after_header, FPREGS(moved(frame, before_the_end(576), 576)))
SPOIL(legacy_at_the_end, set_word(frame, SOFTWARE, 0);
      FPREGS(moved(frame, before_the_end(LEGACY), LEGACY)))

enum outcome { WHOLE, LEGACY_ONLY, INITIAL };
static enum outcome expected;
/* In a child: which part of the registers came back. */
static void return_through_it(void) {
    const struct pattern p = pattern_of(31);
    static const uint64_t zeros[2];
    load(&p);
    set_modes(MXCSR_DEFAULT, CW_OTHER);
    raise_it();
    const unsigned cw = control_word();
    struct pattern now = stored();
    CHECK_EQ(cw, expected == INITIAL ? CW_DEFAULT : CW_OTHER);
    CHECK_EQ(memcmp(now.low, expected == INITIAL ? zeros : p.low, 16), 0);
    if (has_avx()) CHECK_EQ(memcmp(now.high, expected == WHOLE ? p.high : zeros, 16), 0);
}
static int after(void (*how)(ucontext_t*, char*), enum outcome outcome) {
    install(how);
    expected = outcome;
    return in_child(return_through_it);
}
#define CHECK_DIES(how) CHECK_KILLED(after(how, WHOLE), SIGSEGV)
#define CHECK_LIVES(how, outcome) CHECK_EXITED(after(how, outcome), 0)

static void need_xsave(void) {
    if (!has_xsave()) skip_case("no XSAVE: a frame has no header");
}
static void bad_headers(void) {
    need_xsave();
    CHECK_DIES(reserved_component);
    CHECK_DIES(unknown_component);
    CHECK_DIES(compact_form);
    CHECK_DIES(reserved_header);
    CHECK_LIVES(nothing_in_it, INITIAL);
}
static void bad_mxcsr(void) {
    CHECK_DIES(mxcsr_reserved);
    CHECK_DIES(mxcsr_one_bit);
}
/* Frames that are not what they say: their first 512 bytes count. */
static void bad_claims(void) {
    need_xsave();
    CHECK_LIVES(no_magic, LEGACY_ONLY);
    CHECK_LIVES(no_second_magic, LEGACY_ONLY);
    CHECK_LIVES(no_size, LEGACY_ONLY);
    CHECK_LIVES(small_size, LEGACY_ONLY);
    CHECK_LIVES(large_size, LEGACY_ONLY);
    CHECK_LIVES(largest_size, LEGACY_ONLY);
    CHECK_LIVES(extended_too_small, LEGACY_ONLY);
    CHECK_LIVES(without_magic_bad_header, LEGACY_ONLY);
    CHECK_LIVES(no_features, INITIAL);
    CHECK_LIVES(all_features, WHOLE);
}
static void bad_places(void) {
    need_xsave();
    CHECK_LIVES(elsewhere, WHOLE);
    CHECK_DIES(by_one);
    CHECK_DIES(by_sixteen);
    CHECK_LIVES(by_sixteen_legacy, LEGACY_ONLY);
    CHECK_DIES(by_eight_legacy);
    CHECK_DIES(cut_in_legacy);
    CHECK_DIES(cut_after_legacy);
    CHECK_DIES(cut_after_header);
    CHECK_LIVES(legacy_at_the_end, LEGACY_ONLY);
}

/* What was refused is not there afterwards either: the handler's caller finds a state that works.
 */
static void works_after_refusal(void) {
    need_xsave();
    install(reserved_component);
    struct caught c = CATCH(raise_it());
    CHECK_EQ(c.signal, SIGSEGV);
    const struct pattern p = pattern_of(8);
    load(&p);
    syscall(SYS_sched_yield);
    CHECK(is_pattern(8));
}

int main(int argc, char** argv) {
    const unsigned sse = mxcsr(), x87 = control_word();
    if (argc > 1 && strcmp(argv[1], "--is-fresh") == 0) {
        return sse != MXCSR_DEFAULT || x87 != CW_DEFAULT;
    }
    return run_cases((struct test_case[]){
        CASE(survive_switches), CASE(inherited), CASE(of_each_thread), CASE(fresh_after_exec),
        CASE(kept_over_signals), CASE(frame_tells_its_form), CASE(changes_take_effect),
        CASE(bad_headers), CASE(bad_mxcsr), CASE(bad_claims), CASE(bad_places),
        CASE(works_after_refusal), END});
}
