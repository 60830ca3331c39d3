/* What the tests of the labs need done from inside a program, one command each. All numbers are
 * hexadecimal.
 *
 * labtool call: reads calls from the standard input, 7 little-endian u64 each (number, six
 * arguments), makes them, and writes each result as a u64.
 *
 * labtool execute AT CODE: maps a page at AT, puts the machine code CODE at its end and runs it;
 * writes what the handler of the signal found, 7 u64: signo, si_code, si_addr, trapno, err, rip,
 * cr2, or 0 for all if there was no signal.
 *
 * labtool cost: writes what a null system call and a timer interrupt take, 2 u64 in ticks of the
 * time-stamp counter (instructions, where one is one).
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <ucontext.h>
#include <unistd.h>

static int write_all(const uint64_t* words, size_t bytes) {
    return write(1, words, bytes) == (ssize_t)bytes ? 0 : 1;
}

static uint64_t raw_call(const uint64_t* call) {
    uint64_t result;
    register uint64_t r10 __asm__("r10") = call[4];
    register uint64_t r8 __asm__("r8") = call[5];
    register uint64_t r9 __asm__("r9") = call[6];
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(call[0]), "D"(call[1]), "S"(call[2]), "d"(call[3]), "r"(r10), "r"(r8),
                       "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static int make_calls(void) {
    static uint64_t calls[512][7], results[512];
    size_t got = 0;
    ssize_t more;
    while (got < sizeof calls && (more = read(0, (char*)calls + got, sizeof calls - got)) > 0) {
        got += (size_t)more;
    }
    const size_t count = got / sizeof calls[0];
    for (size_t i = 0; i < count; i++) results[i] = raw_call(calls[i]);
    return write_all(results, count * sizeof results[0]);
}

static void report(int number, siginfo_t* info, void* context) {
    const greg_t* regs = ((ucontext_t*)context)->uc_mcontext.gregs;
    const uint64_t words[7] = {(uint64_t)number,        (uint64_t)(int64_t)info->si_code,
                               (uint64_t)info->si_addr, (uint64_t)regs[REG_TRAPNO],
                               (uint64_t)regs[REG_ERR], (uint64_t)regs[REG_RIP],
                               (uint64_t)regs[REG_CR2]};
    _exit(write_all(words, sizeof words));
}

/* The handlers run on a stack of their own: the code may do anything to this one. */
static void watch_signals(void) {
    static char stack[64 * 1024];
    const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, NULL);
    const struct sigaction action = {.sa_sigaction = report, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    const int numbers[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaction(numbers[i], &action, NULL);
    }
}

static size_t parse_code(const char* hex, unsigned char* code, size_t room) {
    size_t count = 0;
    for (; hex[0] && hex[1] && count < room; hex += 2) {
        const char byte[3] = {hex[0], hex[1], 0};
        code[count++] = (unsigned char)strtoul(byte, NULL, 16);
    }
    return count;
}

static int execute(const char* at, const char* hex) {
    char* page = (char*)strtoull(at, NULL, 16);
    unsigned char code[256];
    const size_t count = parse_code(hex, code, sizeof code);
    if (mmap(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != page) {
        return 2;
    }
    memcpy(page + 4096 - count, code, count);
    watch_signals();
    ((void (*)(void))(page + 4096 - count))();
    static const uint64_t nothing[7];
    return write_all(nothing, sizeof nothing);
}

static uint64_t now(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

/* The least that so many calls take: nothing came between. */
static uint64_t least_of_calls(unsigned count) {
    static const uint64_t getppid[7] = {SYS_getppid};
    uint64_t least = ~0ull;
    for (unsigned round = 0; round < 50; round++) {
        const uint64_t start = now();
        for (unsigned i = 0; i < count; i++) raw_call(getppid);
        const uint64_t took = now() - start;
        if (took < least) least = took;
    }
    return least;
}

/* What one interrupt takes away from a program that does nothing but look at the time. */
static uint64_t gap_of_timer(void) {
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    const struct itimerspec soon = {.it_value.tv_nsec = 300 * 1000};
    timerfd_settime(fd, 0, &soon, NULL);
    uint64_t usual = ~0ull, longest = 0;
    for (uint64_t end = now() + 500 * 1000, last = now(); last < end;) {
        const uint64_t at = now();
        if (at - last < usual) usual = at - last;
        if (at - last > longest) longest = at - last;
        last = at;
    }
    uint64_t expired = 0;
    const int worked = read(fd, &expired, sizeof expired) == sizeof expired;
    close(fd);
    return worked ? longest - usual : ~0ull;
}

static int cost(void) {
    uint64_t least = ~0ull;
    for (unsigned round = 0; round < 32; round++) {
        const uint64_t gap = gap_of_timer();
        if (gap < least) least = gap;
    }
    const uint64_t words[2] = {(least_of_calls(192) - least_of_calls(64)) / 128, least};
    return write_all(words, sizeof words);
}

int main(int argc, char** argv) {
    if (argc == 2 && strcmp(argv[1], "call") == 0) return make_calls();
    if (argc == 4 && strcmp(argv[1], "execute") == 0) return execute(argv[2], argv[3]);
    if (argc == 2 && strcmp(argv[1], "cost") == 0) return cost();
    return 64;
}
