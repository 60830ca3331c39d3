/* The commands of schedtool, and what they share. See schedtool.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "schedtool/schedtool.h"

uint64_t now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

void sleep_until_ns(uint64_t when) {
    const struct timespec at = {(time_t)(when / 1000000000), (long)(when % 1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0) continue;
}

uint64_t common_moment(uint64_t ns) {
    const uint64_t step = 100000000;
    return (now_ns() + ns + step - 1) / step * step;
}

size_t read_all(void* to, size_t room) {
    size_t got = 0;
    ssize_t more;
    while (got < room && (more = read(0, (char*)to + got, room - got)) > 0) got += (size_t)more;
    return got;
}

int write_all(const void* from, size_t bytes) {
    for (size_t done = 0; done < bytes;) {
        const ssize_t more = write(1, (const char*)from + done, bytes - done);
        if (more <= 0) return 1;
        done += (size_t)more;
    }
    return 0;
}

void* shared_memory(size_t bytes) {
    void* at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) _exit(2);
    return at;
}

static uint64_t number(const char* text) { return strtoull(text, NULL, 0); }

int main(int argc, char** argv) {
    if (argc == 4 && strcmp(argv[1], "load") == 0) {
        return run_load(number(argv[2]), number(argv[3]));
    }
    if (argc == 5 && strcmp(argv[1], "keep") == 0) {
        return run_keep((unsigned)number(argv[2]), number(argv[3]), number(argv[4]));
    }
    if (argc == 4 && strcmp(argv[1], "pairs") == 0) {
        return run_pairs((unsigned)number(argv[2]), (unsigned)number(argv[3]));
    }
    return 64;
}
