/* What must be so before counting makes sense. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "holdings/holdings.h"

#define STACKS 400
#define PTYS 1024

bool is_vitrine(void) {
    char text[256] = "";
    FILE* const version = fopen("/proc/version", "r");
    if (version) text[fread(text, 1, sizeof text - 1, version)] = 0, fclose(version);
    return strstr(text, "vitrine") != NULL;
}

static void use_many_stacks(void) {
    static pid_t child[STACKS];
    int count = 0;
    while (count < STACKS && (child[count] = fork()) > 0) count++;
    if (count < STACKS && child[count] == 0) {
        pause();
        _exit(0);
    }
    while (count > 0) kill(child[--count], SIGKILL);
    while (wait(NULL) > 0) continue;
}

static void use_all_ptys(void) {
    int file[PTYS], count = 0;
    while (count < PTYS && (file[count] = open("/dev/ptmx", O_RDWR | O_NOCTTY)) >= 0) count++;
    while (count > 0) close(file[--count]);
}

void use_what_is_kept(void) {
    use_many_stacks();
    use_all_ptys();
}
