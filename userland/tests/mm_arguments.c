/* Every combination of arguments of mmap, mremap, mprotect and madvise that may be wrong. For each
 * a set of errors applies: the call must fail with one of them, or succeed if there is none. */
#include "tests/check.h"

#include <stdbool.h>

#define SIZE(array) (sizeof(array) / sizeof *(array))
enum { kPage = 4096 };
static const unsigned long kUserEnd = 0x7ffffffff000; /* above it nothing can be mapped */

/* The errors that may be the answer. */
struct errors {
    int number[12], count;
};
static void add(struct errors* errors, bool applies, int number) {
    if (applies) errors->number[errors->count++] = number;
}

static int failures;
static void judge(const struct errors* errors, long got, const unsigned long* arguments,
                  int count) {
    int error = got == -1 ? errno : 0;
    bool good = error == 0 && errors->count == 0;
    for (int i = 0; i < errors->count; i++) good |= error == errors->number[i];
    if (good || ++failures > 20) return;
    printf("# got %d, wanted %d (of %d):", error, errors->count ? errors->number[0] : 0,
           errors->count);
    for (int i = 0; i < count; i++) printf(" %lx", arguments[i]);
    printf("\n");
    failed_checks++;
}

/* Four pages in the middle of nothing, written to; the same addresses every time. */
static char* area;
static void make_area(int shared) {
    if (!area) {
        char* room = mmap(NULL, 64 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        NEED(room != MAP_FAILED);
        area = room + 16 * kPage;
    }
    NEED(munmap(area - 16 * kPage, 64 * kPage) == 0);
    void* at = mmap(area, 4 * kPage, PROT_READ | PROT_WRITE,
                    (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    NEED(at == area);
    memset(area, 1, 4 * kPage);
}
static bool is_whole(unsigned long at, unsigned long bytes) {
    unsigned long start = (unsigned long)area;
    return at >= start && at + bytes <= start + 4 * kPage && at + bytes >= at;
}

struct mmap_request {
    unsigned long at, length, offset;
    int kind, extra, protection;
    bool own; /* no file */
    struct file {
        int fd;
        bool readable, writable, mappable;
    } file;
};

static void add_mmap_errors(struct errors* errors, const struct mmap_request* r) {
    const bool fixed = r->extra == MAP_FIXED || r->extra == 0x100000;
    const bool shared = r->kind == MAP_SHARED || r->kind == 3;
    const unsigned long rounded = (r->length + kPage - 1) & -4096ul;
    add(errors, r->length == 0 || r->offset % kPage != 0, EINVAL);
    add(errors, r->length != 0 && (rounded == 0 || rounded > kUserEnd), ENOMEM);
    /* MAP_SHARED_VALIDATE knows only what was there before it. */
    add(errors, r->kind == 3 && r->extra == 0x100000, EOPNOTSUPP);
    add(errors, r->kind == 0 || r->kind > 3 || (r->own && r->kind == 3), EINVAL);
    add(errors, fixed && r->at % kPage != 0, EINVAL);
    add(errors, fixed && (r->at > kUserEnd || rounded > kUserEnd - r->at), ENOMEM);

    add(errors, r->extra == 0x100000 && r->at == (unsigned long)area, EEXIST);
    add(errors, r->extra == MAP_GROWSDOWN && (shared || !r->own), EINVAL);
    add(errors, !r->own && r->offset + rounded > 0x7fffffffffffffff, EOVERFLOW);
    add(errors, !r->own && !r->file.mappable, ENODEV);
    add(errors, !r->own && !r->file.readable, EACCES);
    add(errors, !r->own && shared && (r->protection & PROT_WRITE) && !r->file.writable, EACCES);
    add(errors, !r->own && r->offset == 0x7fffffffffffe000, EOVERFLOW); /* by the file system */
}

static void mmap_arguments(void) {
    make_area(0);
    write_file("f", "x", 1, 0644);
    int both = open("f", O_RDWR), reader = open("f", O_RDONLY), writer = open("f", O_WRONLY);
    int folder = open(".", O_RDONLY);
    int pipes[2];
    NEED(pipe(pipes) == 0);
    const struct file files[] = {{-1, 0, 0, 0},     {both, 1, 1, 1},   {reader, 1, 0, 1},
                                 {writer, 0, 1, 1}, {folder, 1, 0, 0}, {pipes[0], 1, 0, 0}};
    const unsigned long places[] = {0,
                                    (unsigned long)area,
                                    (unsigned long)area + 1,
                                    kUserEnd - kPage,
                                    kUserEnd,
                                    0xffff800000000000,
                                    -4096ul};
    const unsigned long lengths[] = {0, 1, kPage, 1ul << 47, 1ul << 63, -4096ul, -1ul};
    const unsigned long offsets[] = {0, 1, kPage, 0x7fffffffffffe000};
    const int kinds[] = {0, MAP_SHARED, MAP_PRIVATE, 3 /* SHARED_VALIDATE */, 4, 15};
    const int extras[] = {0, MAP_FIXED, 0x100000 /* FIXED_NOREPLACE */, MAP_GROWSDOWN,
                          MAP_ANONYMOUS};
    for (unsigned n = 0; n < SIZE(files) * SIZE(places) * SIZE(lengths) * SIZE(offsets) *
                                 SIZE(kinds) * SIZE(extras) * 2;
         n++) {
        unsigned rest = n;
#define NEXT(array)              \
    (array)[rest % SIZE(array)]; \
    rest /= SIZE(array)
        const unsigned long at = NEXT(places);
        const unsigned long length = NEXT(lengths);
        const unsigned long offset = NEXT(offsets);
        const int kind = NEXT(kinds);
        const int extra = NEXT(extras);
        const unsigned file = rest % SIZE(files);
        const int protection = rest / SIZE(files) ? PROT_READ | PROT_WRITE : PROT_READ;
        const bool own = extra == MAP_ANONYMOUS || file == 0;
        const int flags = kind | extra | (own ? MAP_ANONYMOUS : 0);
        const bool fixed = extra == MAP_FIXED || extra == 0x100000;
        struct errors errors = {.count = 0};
        const struct mmap_request request = {at,    length,     offset, kind,
                                             extra, protection, own,    files[file]};
        add_mmap_errors(&errors, &request);
        if (fixed && at == 0) continue;
        if (!own && offset == 0x7fffffffffffe000 && length <= kPage) continue;
        const long got = syscall(SYS_mmap, at, length, protection, flags, files[file].fd, offset);
        const unsigned long arguments[] = {at, length, protection, flags, file, offset};
        judge(&errors, got, arguments, 6);
        if (got != -1 && got != (long)area) munmap((void*)got, length);
        if (got == (long)area) make_area(0);
    }
}

static void mremap_arguments(void) {
    char* const target = mmap(NULL, 16 * kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(target != MAP_FAILED);
    make_area(0);
    const unsigned long start = (unsigned long)area;
    const unsigned long olds[] = {start, start + kPage, start + 1, start - kPage, kUserEnd};
    const unsigned long old_lengths[] = {0, 1, kPage, 4 * kPage, 5 * kPage, 1ul << 47, -1ul};
    const unsigned long new_lengths[] = {0, kPage, 2 * kPage, 6 * kPage, 1ul << 47, -1ul};
    const unsigned long places[] = {
        (unsigned long)target, (unsigned long)target + 1, start, start + 2 * kPage, kUserEnd,
        0xffff800000000000};
    for (unsigned n = 0; n < SIZE(olds) * SIZE(old_lengths) * SIZE(new_lengths) * SIZE(places) * 9;
         n++) {
        unsigned rest = n;
        const unsigned long old = NEXT(olds);
        const unsigned long old_length = NEXT(old_lengths);
        const unsigned long new_length = NEXT(new_lengths);
        const unsigned long to = NEXT(places);
        const unsigned flags = rest;
        const bool may_move = flags & 1, fixed = flags & 2, keep = flags & 4;
        make_area(0);
        const unsigned long before = (old_length + kPage - 1) & -4096ul;
        const unsigned long after = (new_length + kPage - 1) & -4096ul;
        struct errors errors = {.count = 0};
        add(&errors, flags > 7 || ((fixed || keep) && !may_move), EINVAL);
        add(&errors, keep && old_length != new_length, EINVAL);
        add(&errors, old % kPage != 0 || after == 0, EINVAL);
        add(&errors, before == 0, EINVAL); /* a private area cannot be doubled */
        add(&errors,
            (fixed || keep) && (to % kPage != 0 || after > kUserEnd || to > kUserEnd - after),
            EINVAL);
        add(&errors, (fixed || keep) && to < old + before && old < to + after, EINVAL);
        add(&errors, old < start || old >= start + 4 * kPage, EFAULT);
        add(&errors, !is_whole(old, before) && (after > before || fixed || keep), EFAULT);
        add(&errors, !is_whole(old, before), EFAULT);
        add(&errors, before > kUserEnd || old + before < old || after > kUserEnd, EINVAL);
        add(&errors, after > before && old + before < start + 4 * kPage && !may_move, ENOMEM);
        add(&errors, after > kUserEnd / 2, ENOMEM);
        /* Whether the lengths are compared before or after rounding depends on the version. */
        if (keep && old_length != new_length && before == after) continue;
        /* Shrinking may take along what lies behind the area: not an error on every kernel. */
        if (!fixed && !keep && before >= after && !is_whole(old, before)) continue;
        if (fixed && before > after && !is_whole(old, before)) continue;
        const long got = syscall(SYS_mremap, old, old_length, new_length, flags, to);
        const unsigned long arguments[] = {old, old_length, new_length, flags, to};
        judge(&errors, got, arguments, 5);
        if (got != -1) munmap((void*)got, after);
        void* again =
            mmap(target, 16 * kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        NEED(again == target);
    }
}

static const unsigned long kRangeLengths[] = {0,         1,         kPage,   4 * kPage, 5 * kPage,
                                              1ul << 47, 1ul << 63, -4096ul, -1ul};

static void mprotect_arguments(void) {
    write_file("f", "x", 1, 0644);
    int reader = open("f", O_RDONLY);
    make_area(0);
    const unsigned long start = (unsigned long)area;
    const unsigned long places[] = {start,         start + 1, start + kPage,
                                    start - kPage, kUserEnd,  0xffff800000000000};
    const unsigned long protections[] = {0, 1,    2,     3,         4,         7,
                                         8, 0x10, 0x100, 0x1000000, 0x3000000, 0x80000000};
    for (int of_file = 0; of_file < 2; of_file++) {
        for (unsigned n = 0; n < SIZE(places) * SIZE(kRangeLengths) * SIZE(protections); n++) {
            unsigned rest = n;
            const unsigned long at = NEXT(places);
            const unsigned long length = NEXT(kRangeLengths);
            const unsigned long protection = NEXT(protections);
            make_area(0);
            if (of_file) {
                void* file = mmap(area, 4 * kPage, PROT_READ, MAP_SHARED | MAP_FIXED, reader, 0);
                NEED(file == area);
            }
            const unsigned long rounded = (length + kPage - 1) & -4096ul;
            const unsigned long grows = protection & 0x3000000;
            struct errors errors = {.count = 0};
            if (length != 0 || at % kPage != 0 || grows == 0x3000000) {
                add(&errors, at % kPage != 0 || grows == 0x3000000, EINVAL);
                add(&errors, (protection & ~0x300000ful) != 0, EINVAL);
                add(&errors, length != 0 && !is_whole(at, rounded), ENOMEM);
                add(&errors, length != 0 && rounded == 0, ENOMEM);
                add(&errors, grows == 0x1000000, EINVAL); /* nothing here grows down */
                add(&errors, of_file && (protection & PROT_WRITE), EACCES);
            }
            const long got = syscall(SYS_mprotect, at, length, protection);
            const unsigned long arguments[] = {at, length, protection, of_file};
            judge(&errors, got, arguments, 4);
        }
    }
}

static void madvise_arguments(void) {
    make_area(0);
    const unsigned long start = (unsigned long)area;
    const unsigned long places[] = {start,         start + 1, start + kPage,
                                    start - kPage, kUserEnd,  0xffff800000000000};
    /* MERGEABLE, HUGEPAGE and their like depend on how a kernel was built. */
    const unsigned long advices[] = {0,  1,  2,  3,  4,  8,  10, 11, 16, 17,
                                     18, 19, 20, 21, 22, 23, 5,  7,  99, -1ul};
    for (unsigned n = 0; n < SIZE(places) * SIZE(kRangeLengths) * SIZE(advices); n++) {
        unsigned rest = n;
        const unsigned long at = NEXT(places);
        const unsigned long length = NEXT(kRangeLengths);
        const unsigned long advice = NEXT(advices);
        const bool known = advice <= 23 && advice != 5 && advice != 7;
        const bool populate = advice == 22 || advice == 23;
        /* Everything behind the area, our own stack included, would be advised. */
        if (at < kUserEnd && (length == 1ul << 47 || length == 1ul << 63)) continue;
        make_area(0);
        const unsigned long rounded = (length + kPage - 1) & -4096ul;
        struct errors errors = {.count = 0};
        add(&errors, !known || at % kPage != 0, EINVAL);
        add(&errors, length != 0 && (rounded == 0 || at + rounded < at), EINVAL);
        add(&errors, length != 0 && !is_whole(at, rounded), ENOMEM);
        add(&errors, length != 0 && !is_whole(at, rounded) && populate, EFAULT);
        const long got = syscall(SYS_madvise, at, length, advice);
        const unsigned long arguments[] = {at, length, advice};
        judge(&errors, got, arguments, 3);
    }
    /* What suits only some areas. */
    make_area(1);
    CHECK_ERRNO(madvise(area, kPage, MADV_FREE), EINVAL);
    CHECK_ERRNO(madvise(area, kPage, 18 /* WIPEONFORK */), EINVAL);
    CHECK(mlock(area, kPage) == 0);
    CHECK_ERRNO(madvise(area, 2 * kPage, MADV_DONTNEED), EINVAL);
    CHECK(munlock(area, kPage) == 0);
    /* Over a hole the rest is still done. */
    make_area(0);
    NEED(munmap(area + kPage, kPage) == 0);
    CHECK_ERRNO(madvise(area, 4 * kPage, MADV_DONTNEED), ENOMEM);
    CHECK_EQ(area[3 * kPage], 0);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(mmap_arguments), CASE(mremap_arguments),
                                          CASE(mprotect_arguments), CASE(madvise_arguments), END});
}
