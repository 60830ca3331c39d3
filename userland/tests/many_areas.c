/* Nobody makes the kernel slow with many areas: finding room, finding an area and faulting cost
 * about the same among tens of thousands as among few. */
#include "tests/check.h"

#include <time.h>

enum { kPage = 4096, kMany = 60000 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

/* The time of some calls of each kind. */
static double work(void) {
    double start = now();
    for (int i = 0; i < 500; i++) {
        char* at =
            mmap(NULL, 4 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        NEED(at != MAP_FAILED);
        at[kPage] = 1;
        NEED(mprotect(at + kPage, kPage, PROT_READ) == 0);
        NEED(madvise(at, kPage, MADV_DONTNEED) == 0);
        NEED(munmap(at, 4 * kPage) == 0);
    }
    return now() - start;
}

/* Areas of one page that cannot be united, one behind the other. */
static int split_up(int wanted) {
    char* at =
        mmap(NULL, (size_t)2 * wanted * kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(at != MAP_FAILED);
    for (int i = 0; i < wanted; i++) {
        if (mprotect(at + (size_t)2 * i * kPage, kPage, PROT_NONE) != 0) return i;
    }
    return wanted;
}

static void not_slower(void) {
    work();
    double few = work();
    NEED(split_up(kMany / 2) == kMany / 2);
    double many = work();
    if (many > few * 8 + 0.1) printf("# %f s among few, %f s among many\n", few, many);
    CHECK(many <= few * 8 + 0.1);
}

int main(void) { return run_cases((struct test_case[]){CASE(not_slower), END}); }
