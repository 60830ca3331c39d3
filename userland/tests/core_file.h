/* A core file as a test reads it: headers, notes, memory by address; and children that leave one.
 */
#ifndef VITRINE_CORE_FILE_H
#define VITRINE_CORE_FILE_H

#include "tests/check.h"

#include <elf.h>
#include <pthread.h>
#include <sched.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/user.h>
#include <time.h>

#ifndef NT_SIGINFO
#define NT_SIGINFO 0x53494749
#endif
#ifndef NT_FILE
#define NT_FILE 0x46494c45
#endif
#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

struct core_file {
    char* bytes;
    size_t size;
    const Elf64_Ehdr* header;
    const Elf64_Phdr* segments; /* the first one is PT_NOTE */
};

static inline struct core_file open_core(const char* name) {
    struct core_file core = {0};
    struct stat st;
    int fd = open(name, O_RDONLY);
    NEED(fd >= 0 && fstat(fd, &st) == 0);
    core.size = (size_t)st.st_size;
    NEED(core.size >= sizeof(Elf64_Ehdr));
    core.bytes = mmap(NULL, core.size, PROT_READ, MAP_PRIVATE, fd, 0);
    NEED(core.bytes != MAP_FAILED);
    close(fd);
    core.header = (const Elf64_Ehdr*)core.bytes;
    NEED(memcmp(core.bytes, ELFMAG, SELFMAG) == 0 && core.header->e_type == ET_CORE);
    NEED(core.header->e_machine == EM_X86_64 && core.header->e_phentsize == sizeof(Elf64_Phdr));
    core.segments = (const Elf64_Phdr*)(core.bytes + core.header->e_phoff);
    NEED(core.segments[0].p_type == PT_NOTE);
    NEED(core.segments[0].p_offset + core.segments[0].p_filesz <= core.size);
    return core;
}
static inline void close_core(struct core_file* core) { munmap(core->bytes, core->size); }

/* The nth note of a type, from 0; null if there is none. */
static inline const void* core_note(const struct core_file* core, unsigned type, int n,
                                    size_t* size) {
    const char* at = core->bytes + core->segments[0].p_offset;
    const char* end = at + core->segments[0].p_filesz;
    while (at + sizeof(Elf64_Nhdr) <= end) {
        const Elf64_Nhdr* note = (const Elf64_Nhdr*)at;
        const char* contents = at + sizeof *note + ((note->n_namesz + 3) & ~3u);
        if (note->n_type == type && n-- == 0) {
            if (size) *size = note->n_descsz;
            return contents;
        }
        at = contents + ((note->n_descsz + 3) & ~3u);
    }
    return NULL;
}
static inline int count_notes(const struct core_file* core, unsigned type) {
    int count = 0;
    while (core_note(core, type, count, NULL)) count++;
    return count;
}

/* The segment that an address lies in; null if none. */
static inline const Elf64_Phdr* core_segment(const struct core_file* core, const void* address) {
    const uint64_t at = (uintptr_t)address;
    for (int i = 1; i < core->header->e_phnum; i++) {
        const Elf64_Phdr* one = &core->segments[i];
        if (one->p_vaddr <= at && at < one->p_vaddr + one->p_memsz) return one;
    }
    return NULL;
}
/* What stood at an address; null if that was not written. */
static inline const void* core_memory(const struct core_file* core, const void* address) {
    const Elf64_Phdr* segment = core_segment(core, address);
    if (!segment) return NULL;
    const uint64_t offset = (uintptr_t)address - segment->p_vaddr;
    if (offset >= segment->p_filesz || segment->p_offset + offset >= core->size) return NULL;
    return core->bytes + segment->p_offset + offset;
}

/* --- programs that dump
 * ---------------------------------------------------------------------------
 */

static inline void allow_core(rlim_t bytes) {
    struct rlimit limit = {bytes, RLIM_INFINITY};
    NEED(setrlimit(RLIMIT_CORE, &limit) == 0);
}
/* Host and guest name it `core` unless somebody has changed that: then these tests mean nothing. */
static inline void need_plain_pattern(void) {
    char pattern[200] = "";
    int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY);
    NEED(fd >= 0 && read(fd, pattern, sizeof pattern - 1) > 0);
    close(fd);
    if (strcmp(pattern, "core\n") != 0) skip_case("core_pattern is not its default");
}
static inline int has_core(void) { return access("core", F_OK) == 0; }
/* The wait status of a child that dumps. */
static inline int dumped_by(void (*body)(void)) {
    need_plain_pattern();
    unlink("core");
    pid_t pid = fork_or_die();
    if (pid == 0) {
        allow_core(RLIM_INFINITY);
        body();
        _exit(0);
    }
    return status_of(pid);
}

static volatile int running;
static inline void* marked_thread(void* mark) {
    register uint64_t r13 asm("r13") = (uintptr_t)mark;
    __atomic_fetch_add(&running, 1, __ATOMIC_SEQ_CST);
    for (;;) asm volatile("pause" : : "r"(r13));
    return NULL;
}
static inline void* sleeping_thread(void* unused) {
    pause();
    return unused;
}
static inline void crash_among_others(void) {
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, i == 3 ? sleeping_thread : marked_thread,
                       (void*)(0x7000 + i));
    }
    while (running < 3) sched_yield();
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    asm volatile("ud2");
}
#endif
