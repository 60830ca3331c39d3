/* Reads /proc. */
#include "stress/tell.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Prints a file of /proc, if there is one. */
static void tell_file(const char* folder, const char* name) {
    char path[600], text[2000] = "";
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE* const file = fopen(path, "r");
    if (!file) return;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    if (text[0]) printf("  %s: %s%s", name, text, strchr(text, '\n') ? "" : "\n");
}

static pid_t group_of(const char* folder) {
    char path[300], text[400] = "";
    snprintf(path, sizeof path, "/proc/%s/stat", folder);
    FILE* const file = fopen(path, "r");
    if (!file) return 0;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    int parent, group = 0;
    const char* const name_end = strrchr(text, ')');
    if (!name_end || sscanf(name_end, ") %*c %d %d", &parent, &group) != 2) return 0;
    return group;
}

static void tell_threads(const char* process) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/task", process);
    DIR* const threads = opendir(path);
    for (struct dirent* entry; threads && (entry = readdir(threads));) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        char folder[580];
        snprintf(folder, sizeof folder, "%s/%s", path, entry->d_name);
        printf("%s\n", folder);
        tell_file(folder, "stat");
        tell_file(folder, "wchan");
        tell_file(folder, "syscall");
        tell_file(folder, "stack");
    }
    if (threads) closedir(threads);
}

void tell_group(pid_t group) {
    DIR* const processes = opendir("/proc");
    for (struct dirent* entry; processes && (entry = readdir(processes));) {
        if (isdigit((unsigned char)entry->d_name[0]) && group_of(entry->d_name) == group) {
            tell_threads(entry->d_name);
        }
    }
    if (processes) closedir(processes);
    fflush(stdout);
}
