/* /proc/slabinfo, /sys/kernel/slab, /proc/vmallocinfo: what they say of the kernel's own memory.
 * Linux in a container may hide them; then the cases are skipped there. */
#include <dirent.h>

#include "tests/check.h"

static char text[1 << 18];

/* Skips the case where the file cannot be read. */
static const char* read_text(const char* path) {
    const int fd = open(path, O_RDONLY);
    if (fd < 0) exit(SKIPPED);
    size_t got = 0;
    for (ssize_t more; got < sizeof text - 1; got += (size_t)more) {
        more = read(fd, text + got, sizeof text - 1 - got);
        if (more < 0) exit(SKIPPED);
        if (more == 0) break;
    }
    close(fd);
    text[got] = 0;
    return text;
}

struct slab_line {
    char name[64];
    long active, objects, size, per_slab, pages, slabs;
};

static int parse_line(const char* line, struct slab_line* out) {
    long active_slabs;
    return sscanf(line, "%63s %ld %ld %ld %ld %ld : tunables %*d %*d %*d : slabdata %ld %ld %*d",
                  out->name, &out->active, &out->objects, &out->size, &out->per_slab, &out->pages,
                  &active_slabs, &out->slabs) == 8;
}

/* The line of a cache; false if there is none. */
static int find_cache(const char* name, struct slab_line* out) {
    for (const char* line = read_text("/proc/slabinfo"); line; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        if (parse_line(line, out) && strcmp(out->name, name) == 0) return 1;
    }
    return 0;
}

static void every_line_parses(void) {
    const char* at = read_text("/proc/slabinfo");
    CHECK(strncmp(at, "slabinfo - version: 2.1\n# name ", 31) == 0);
    at = strchr(strchr(at, '\n') + 1, '\n') + 1;
    int lines = 0;
    for (; *at; at = strchr(at, '\n') + 1, lines++) {
        struct slab_line line;
        NEED(parse_line(at, &line));
        CHECK(line.active <= line.objects && line.size > 0);
        CHECK(line.per_slab * line.size <= line.pages * 4096);
        CHECK(line.objects <= line.slabs * line.per_slab);
    }
    CHECK(lines > 20);
}

static void open_files_are_objects(void) {
    enum { kFiles = 800 };
    struct slab_line before, during;
    NEED(find_cache("filp", &before));
    for (int i = 0; i < kFiles; i++) NEED(open("/", O_RDONLY) >= 0);
    NEED(find_cache("filp", &during));
    CHECK(during.active >= before.active + kFiles / 2); /* Linux' count is that of whole slabs */
    CHECK(during.objects >= kFiles);
}

static void new_names_are_dentries(void) {
    struct slab_line before, during;
    NEED(find_cache("dentry", &before));
    char name[32];
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "file%d", i);
        const int fd = open(name, O_CREAT | O_WRONLY, 0600);
        NEED(fd >= 0);
        close(fd);
    }
    NEED(find_cache("dentry", &during));
    CHECK(during.active >= before.active + 500 || during.objects >= before.objects + 500);
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "file%d", i);
        unlink(name);
    }
}

#define SLAB "/sys/kernel/slab/"
static long number_in(const char* path) { return strtol(read_text(path), NULL, 10); }

static void a_folder_for_each_cache(void) {
    const long size = number_in(SLAB "kmalloc-64/object_size");
    CHECK_EQ(size, 64);
    CHECK(number_in(SLAB "kmalloc-64/slab_size") >= 64);
    CHECK(number_in(SLAB "kmalloc-64/objs_per_slab") > 0);
    CHECK(number_in(SLAB "kmalloc-64/order") <= 3);
    CHECK(number_in(SLAB "kmalloc-64/min_partial") >= 5);
    CHECK(number_in(SLAB "kmalloc-64/total_objects") > 0);
    CHECK(number_in(SLAB "kmalloc-64/slabs") > 0);
    CHECK(number_in(SLAB "kmalloc-64/aliases") >= 0);
    for (const char** each =
             (const char*[]){"objects", "partial", "cpu_slabs", "align", "red_zone", "poison",
                             "store_user", "sanity_checks", "hwcache_align", "destroy_by_rcu",
                             "cpu_partial", "reclaim_account", "ctor", "shrink", "validate", NULL};
         *each; each++) {
        char path[100];
        snprintf(path, sizeof path, SLAB "kmalloc-64/%s", *each);
        CHECK_EQ(access(path, F_OK), 0);
    }
    CHECK_ERRNO(open(SLAB "no-such-cache/order", O_RDONLY), ENOENT);
    CHECK_ERRNO(open(SLAB "kmalloc-64/no-such-file", O_RDONLY), ENOENT);
    DIR* const dir = opendir(SLAB);
    NEED(dir != NULL);
    int caches = 0, found = 0;
    for (struct dirent* entry; (entry = readdir(dir)); caches++) {
        found += strcmp(entry->d_name, "dentry") == 0;
    }
    closedir(dir);
    CHECK(caches > 20);
    CHECK_EQ(found, 1);
}

static void shrink_takes_1_only(void) {
    if (access(SLAB "dentry/shrink", W_OK) < 0) exit(SKIPPED);
    const int fd = open(SLAB "dentry/shrink", O_WRONLY);
    NEED(fd >= 0);
    CHECK_EQ(write(fd, "1", 1), 1);
    CHECK_ERRNO(write(fd, "0", 1), EINVAL);
    CHECK_ERRNO(write(fd, "yes", 3), EINVAL);
    close(fd);
    CHECK_ERRNO(open(SLAB "dentry/order", O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
}

/* The region has stacks in it, each area is whole pages, and they do not overlap. */
static void vmalloc_areas(void) {
    unsigned long last = 0, from, to, bytes;
    int areas = 0;
    for (const char* at = read_text("/proc/vmallocinfo"); *at; at = strchr(at, '\n') + 1, areas++) {
        NEED(sscanf(at, "0x%lx-0x%lx %lu ", &from, &to, &bytes) == 3);
        if (from >> 63 == 0) exit(SKIPPED); /* hidden addresses */
        CHECK(to - from == bytes && bytes % 4096 == 0);
        const char* const freed = strstr(at, "unpurged"); /* Linux lists these last */
        if (freed && freed < strchr(at, '\n')) continue;
        CHECK(from >= last);
        last = to;
    }
    CHECK(areas > 0);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(every_line_parses), CASE(open_files_are_objects), CASE(new_names_are_dentries),
        CASE(a_folder_for_each_cache), CASE(shrink_takes_1_only), CASE(vmalloc_areas), END});
}
