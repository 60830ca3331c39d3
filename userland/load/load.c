/* load: processes of which a test knows what they do, for tools that show processes.
 *
 *     load threads N FILE    N threads that sleep
 *     load touch MIB FILE    sleeps with that much memory of its own
 *     load burn FILE         never stops computing
 *
 * Creates FILE when it has got there (burn: after one second of processor time), and stays until it
 * is killed. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void say_ready(const char* file) {
    int fd = open(file, O_WRONLY | O_CREAT, 0644);
    if (fd < 0) _exit(1);
    close(fd);
}

static void* sleep_for_ever(void* unused) {
    while (pause() == -1) continue;
    return unused;
}

static int threads(int count, const char* file) {
    pthread_t thread;
    for (int i = 1; i < count; i++) {
        if (pthread_create(&thread, NULL, sleep_for_ever, NULL) != 0) return 1;
    }
    say_ready(file);
    sleep_for_ever(NULL);
    return 0;
}

static int touch(int mib, const char* file) {
    size_t bytes = (size_t)mib << 20;
    char* at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return 1;
    memset(at, 1, bytes);
    say_ready(file);
    sleep_for_ever(NULL);
    return 0;
}

_Noreturn static void burn(const char* file) {
    struct timespec used;
    do {
        for (volatile int i = 0; i < 100000; i++) continue;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    } while (used.tv_sec < 1);
    say_ready(file);
    for (;;) continue;
}

int main(int argc, char** argv) {
    const char* what = argc > 1 ? argv[1] : "";
    if (argc == 4 && strcmp(what, "threads") == 0) return threads(atoi(argv[2]), argv[3]);
    if (argc == 4 && strcmp(what, "touch") == 0) return touch(atoi(argv[2]), argv[3]);
    if (argc == 3 && strcmp(what, "burn") == 0) burn(argv[2]);
    fprintf(stderr, "usage: load threads N FILE | touch MIB FILE | burn FILE\n");
    return 2;
}
