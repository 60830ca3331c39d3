/* int $0x80: the numbers and registers of i386. */
#include "fuzz/fuzz.h"

#include <sys/mman.h>

/* As make_call() in worker.c: a child ends at once. A function of its own, for rbx and rbp are
 * arguments. */
long fuzz_call_386(long number, const uint32_t* argument, long tid);
__asm__(
    ".globl fuzz_call_386\n"
    "fuzz_call_386:\n\t"
    "push %rbx\n\t"
    "push %rbp\n\t"
    "push %r12\n\t"
    "mov %rdx, %r12\n\t"
    "mov %rdi, %rax\n\t"
    "mov %rsi, %r8\n\t"
    "mov 0(%r8), %ebx\n\t"
    "mov 4(%r8), %ecx\n\t"
    "mov 8(%r8), %edx\n\t"
    "mov 12(%r8), %esi\n\t"
    "mov 16(%r8), %edi\n\t"
    "mov 20(%r8), %ebp\n\t"
    "int $0x80\n\t"
    "test %eax, %eax\n\t"
    "jnz 2f\n\t"
    "mov $186, %eax\n\t" /* gettid */
    "syscall\n\t"
    "cmp %r12, %rax\n\t"
    "je 1f\n\t"
    "xor %edi, %edi\n\t"
    "mov $60, %eax\n\t" /* exit */
    "syscall\n"
    "1:\txor %eax, %eax\n"
    "2:\tcltq\n\t"
    "pop %r12\n\t"
    "pop %rbp\n\t"
    "pop %rbx\n\t"
    "ret\n");

enum { kExit = 1, kExitGroup = 252, kSigaction = 174, kSigprocmask = 175 };

char* map_low(void) {
    char* const at = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

/* Something that is good for something: a path, a file, a pointer to small numbers, a number. */
static uint32_t some_word(const struct ground* ground, char* low, struct chance* from) {
    static const char kinds[] = "fpbslniFmxSIctw01";
    if (below(from, 4) == 0) return (uint32_t)bad_value(below(from, BAD_VALUES), ground, from);
    const char kind = kinds[below(from, sizeof kinds - 1)];
    return (uint32_t)good_value(kind, ground, low, from);
}

struct call386 call_386(const struct ground* ground, char* low, struct chance* from, long tid) {
    uint32_t argument[6];
    struct call386 made = {.number = (short)below(from, CALL_NUMBERS)};
    while (made.number == kExit || made.number == kExitGroup) {
        made.number = (short)below(from, CALL_NUMBERS);
    }
    for (unsigned i = 0; i < 6; i++) argument[i] = some_word(ground, low, from);
    made.changed_mask = made.number == kSigprocmask;
    if (made.number == kSigaction) made.changed_action = argument[0];
    made.result = fuzz_call_386(made.number, argument, tid);
    return made;
}
