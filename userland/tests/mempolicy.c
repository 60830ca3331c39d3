/* set_mempolicy, get_mempolicy, mbind: from which node a page comes. On a machine with one node
 * only the rules of the calls show; tests/system/test_memory.py runs this on one with two. */
#include "tests/check.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL };
#define MPOL_F_RELATIVE_NODES (1 << 14)
#define MPOL_F_STATIC_NODES (1 << 15)
#define MPOL_F_NODE (1 << 0)
#define MPOL_F_ADDR (1 << 1)
#define MPOL_F_MEMS_ALLOWED (1 << 2)
#define MPOL_MF_STRICT (1 << 0)
#define MPOL_MF_MOVE (1 << 1)
#define MPOL_MF_MOVE_ALL (1 << 2)

#define BITS 1024 /* of a mask: more than any kernel has nodes */
typedef unsigned long mask_t[BITS / 64];

static long set_policy(int mode, const unsigned long* nodes, unsigned long bits) {
    return syscall(SYS_set_mempolicy, mode, nodes, bits);
}
static long get_policy(int* mode, unsigned long* nodes, void* at, unsigned long flags) {
    return syscall(SYS_get_mempolicy, mode, nodes, nodes ? BITS : 0, at, flags);
}
static long bind_area(void* at, size_t bytes, int mode, unsigned long nodes, unsigned flags) {
    return syscall(SYS_mbind, at, bytes, mode, &nodes, 65, flags);
}

static unsigned long nodes_here(void) {
    mask_t nodes;
    int mode;
    NEED(get_policy(&mode, nodes, NULL, MPOL_F_MEMS_ALLOWED) == 0);
    for (int i = 1; i < BITS / 64; i++) CHECK_EQ(nodes[i], 0);
    return nodes[0];
}
static unsigned long first_of(unsigned long nodes) { return nodes & -nodes; }
static unsigned long last_of(unsigned long nodes) { return 1ul << (63 - __builtin_clzl(nodes)); }

static int mode_now(unsigned long* nodes) {
    mask_t mask;
    int mode = -1;
    NEED(get_policy(&mode, mask, NULL, 0) == 0);
    *nodes = mask[0];
    return mode;
}
static int mode_at(void* at, unsigned long* nodes) {
    mask_t mask;
    int mode = -1;
    NEED(get_policy(&mode, mask, at, MPOL_F_ADDR) == 0);
    *nodes = mask[0];
    return mode;
}
static unsigned long node_of(void* at) {
    int node = -1;
    NEED(get_policy(&node, NULL, at, MPOL_F_NODE | MPOL_F_ADDR) == 0);
    return 1ul << node;
}
static char* area_of(int pages) {
    char* area = mmap(NULL, (size_t)pages * 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    NEED(area != MAP_FAILED);
    return area;
}

static void arguments(void) {
    unsigned long one = nodes_here(), none = 0, far = 1ul << 40;
    mask_t wide = {0};
    CHECK_ERRNO(set_policy(MPOL_BIND, &none, 65), EINVAL);
    CHECK_ERRNO(set_policy(MPOL_BIND, NULL, 0), EINVAL);
    CHECK_ERRNO(set_policy(MPOL_INTERLEAVE, &none, 65), EINVAL);
    CHECK_ERRNO(set_policy(MPOL_DEFAULT, &one, 65), EINVAL);
    CHECK_ERRNO(set_policy(MPOL_LOCAL, &one, 65), EINVAL);
    CHECK_ERRNO(set_policy(100, &one, 65), EINVAL);
    CHECK_ERRNO(set_policy(-1, &one, 65), EINVAL);
    CHECK_ERRNO(set_policy(MPOL_BIND | MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES, &one, 65),
                EINVAL);
    CHECK_ERRNO(set_policy(MPOL_PREFERRED | MPOL_F_STATIC_NODES, NULL, 0), EINVAL);
    CHECK_ERRNO(set_policy(MPOL_BIND, &one, 4096 * 8 + 2), EINVAL);
    CHECK_ERRNO(set_policy(MPOL_BIND, (void*)unmapped_page(), 65), EFAULT);
    CHECK_ERRNO(set_policy(MPOL_BIND, &far, 65), EINVAL); /* there is no such node */
    wide[BITS / 64 - 1] = 1;
    CHECK(set_policy(MPOL_BIND, wide, BITS + 1) == -1 && errno == EINVAL);
    CHECK_ERRNO(get_policy(NULL, NULL, NULL, 8), EINVAL);
    CHECK_ERRNO(get_policy(NULL, NULL, NULL, MPOL_F_NODE), EINVAL); /* it does not interleave */
    CHECK_ERRNO(get_policy(NULL, NULL, NULL, MPOL_F_MEMS_ALLOWED | MPOL_F_NODE), EINVAL);
    CHECK_ERRNO(get_policy(NULL, NULL, &one, 0), EINVAL);
    CHECK_ERRNO(get_policy(NULL, NULL, unmapped_page(), MPOL_F_ADDR), EFAULT);
    CHECK_ERRNO(get_policy((void*)unmapped_page(), NULL, NULL, 0), EFAULT);
    CHECK_ERRNO(get_policy(NULL, (void*)unmapped_page(), NULL, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_get_mempolicy, NULL, &one, 0, NULL, 0), EINVAL);
}

static void arguments_of_mbind(void) {
    const unsigned long here = nodes_here();
    char* area = area_of(8);
    CHECK_ERRNO(bind_area(area, 4096, MPOL_BIND, here, 1u << 20), EINVAL);
    CHECK_ERRNO(bind_area(area + 1, 4096, MPOL_BIND, here, 0), EINVAL);
    CHECK_ERRNO(bind_area(area, -4096ul, MPOL_BIND, here, 0), EINVAL);
    CHECK_ERRNO(bind_area(area, 4096, MPOL_BIND, 0, 0), EINVAL);
    CHECK_ERRNO(bind_area(area, 4096, 77, here, 0), EINVAL);
    CHECK(bind_area(area, 0, MPOL_BIND, here, 0) == 0);
    NEED(munmap(area + 4 * 4096, 4096) == 0);
    CHECK_ERRNO(bind_area(area, 8 * 4096, MPOL_BIND, here, 0), EFAULT); /* a hole */
    CHECK_ERRNO(bind_area(unmapped_page(), 4096, MPOL_BIND, here, 0), EFAULT);
    CHECK(bind_area(area, 1, MPOL_BIND, here, 0) == 0); /* all of the page */
    munmap(area, 8 * 4096);
}

static void unprivileged(void) {
    NEED(syscall(SYS_setresuid, 1234, 1234, 1234) == 0);
    char* area = area_of(1);
    CHECK_ERRNO(bind_area(area, 4096, MPOL_BIND, nodes_here(), MPOL_MF_MOVE_ALL), EPERM);
    CHECK(bind_area(area, 4096, MPOL_BIND, nodes_here(), MPOL_MF_MOVE) == 0);
}
static void move_all_needs_a_capability(void) { CHECK_EXITED(in_child(unprivileged), 0); }

static void of_a_task(void) {
    const unsigned long here = nodes_here();
    unsigned long nodes;
    CHECK_EQ(mode_now(&nodes), MPOL_DEFAULT);
    CHECK_EQ(nodes, 0);
    for (int mode = MPOL_PREFERRED; mode <= MPOL_INTERLEAVE; mode++) {
        NEED(set_policy(mode, &here, 65) == 0);
        CHECK_EQ(mode_now(&nodes), mode);
        CHECK_EQ(nodes, mode == MPOL_PREFERRED ? first_of(here) : here);
        area_of(16)[4096] = 1; /* memory can be had */
    }
    int node = -1;
    CHECK(get_policy(&node, NULL, NULL, MPOL_F_NODE) == 0); /* it interleaves */
    CHECK(here >> node & 1);

    unsigned long more = here | 1ul << 40; /* what is not there is left out, */
    NEED(set_policy(MPOL_BIND, &more, 65) == 0);
    CHECK_EQ(mode_now(&nodes), MPOL_BIND);
    CHECK_EQ(nodes, here);
    NEED(set_policy(MPOL_BIND | MPOL_F_STATIC_NODES, &more, 65) ==
         0); /* but told if it was meant */
    CHECK_EQ(mode_now(&nodes), MPOL_BIND | MPOL_F_STATIC_NODES);
    CHECK_EQ(nodes, more);
    more = 1ul << 40; /* relative: counted among those that are there */
    NEED(set_policy(MPOL_INTERLEAVE | MPOL_F_RELATIVE_NODES, &more, 65) == 0);
    CHECK_EQ(mode_now(&nodes), MPOL_INTERLEAVE | MPOL_F_RELATIVE_NODES);

    NEED(set_policy(MPOL_PREFERRED, NULL, 0) == 0); /* without nodes: local */
    CHECK_EQ(mode_now(&nodes), MPOL_LOCAL);
    CHECK_EQ(nodes, 0);
    NEED(set_policy(MPOL_DEFAULT, NULL, 0) == 0);
    CHECK_EQ(mode_now(&nodes), MPOL_DEFAULT);
}

static void child(void) {
    unsigned long nodes;
    CHECK_EQ(mode_now(&nodes), MPOL_BIND);
    CHECK_EQ(nodes, nodes_here());
    set_policy(MPOL_DEFAULT, NULL, 0);
}
static void is_inherited(void) {
    const unsigned long here = nodes_here();
    unsigned long nodes;
    NEED(set_policy(MPOL_BIND, &here, 65) == 0);
    CHECK_EXITED(in_child(child), 0);
    CHECK_EQ(mode_now(&nodes), MPOL_BIND); /* the child's own matter */
    set_policy(MPOL_DEFAULT, NULL, 0);
}

static int lines_of_maps(const char* from, const char* to) {
    FILE* maps = fopen("/proc/self/maps", "r");
    char line[256];
    int count = 0;
    NEED(maps);
    while (fgets(line, sizeof line, maps)) {
        unsigned long start = strtoul(line, NULL, 16);
        count += start >= (unsigned long)from && start < (unsigned long)to;
    }
    fclose(maps);
    return count;
}
static void of_an_area(void) {
    const unsigned long here = nodes_here();
    unsigned long nodes;
    char* area = area_of(9);
    CHECK_EQ(mode_at(area, &nodes), MPOL_DEFAULT);
    NEED(bind_area(area + 3 * 4096, 3 * 4096, MPOL_BIND, here, 0) == 0);
    CHECK_EQ(mode_at(area + 2 * 4096, &nodes), MPOL_DEFAULT);
    CHECK_EQ(mode_at(area + 3 * 4096, &nodes), MPOL_BIND);
    CHECK_EQ(nodes, here);
    CHECK_EQ(mode_at(area + 5 * 4096 + 4095, &nodes), MPOL_BIND);
    CHECK_EQ(mode_at(area + 6 * 4096, &nodes), MPOL_DEFAULT);
    memset(area, 1, 9 * 4096);
    char* moved = mremap(area + 3 * 4096, 3 * 4096, 3 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED,
                         area + 3 * 4096 + (1 << 24));
    NEED(moved != MAP_FAILED); /* the policy goes with the pages */
    CHECK_EQ(mode_at(moved + 4096, &nodes), MPOL_BIND);
    munmap(moved, 3 * 4096);
    munmap(area, 9 * 4096);
}
static void areas_are_merged_again(void) {
    const unsigned long here = nodes_here();
    char* area = area_of(11) + 4096;
    NEED(munmap(area - 4096, 4096) == 0 && munmap(area + 9 * 4096, 4096) == 0); /* no neighbours */
    CHECK_EQ(lines_of_maps(area, area + 9 * 4096), 1);
    NEED(bind_area(area, 3 * 4096, MPOL_BIND, here, 0) == 0);
    NEED(bind_area(area + 6 * 4096, 3 * 4096, MPOL_BIND, here, 0) == 0);
    CHECK_EQ(lines_of_maps(area, area + 9 * 4096), 3);
    NEED(bind_area(area + 3 * 4096, 3 * 4096, MPOL_BIND, here, 0) == 0);
    CHECK_EQ(lines_of_maps(area, area + 9 * 4096), 1);
    NEED(bind_area(area, 9 * 4096, MPOL_DEFAULT, 0, 0) == 0);
    CHECK_EQ(lines_of_maps(area, area + 9 * 4096), 1);
    munmap(area, 9 * 4096);
}

static void shown_in_numa_maps(void) {
    const unsigned long here = nodes_here();
    char* area = area_of(5) + 4096;
    char start[32], line[512], part[32];
    NEED(bind_area(area, 3 * 4096, MPOL_BIND, here, 0) == 0);
    memset(area, 1, 3 * 4096);
    FILE* maps = fopen("/proc/self/numa_maps", "r");
    if (!maps && errno == ENOENT) skip_case("no /proc/self/numa_maps");
    NEED(maps);
    snprintf(start, sizeof start, "%08lx bind:", (unsigned long)area);
    do {
        NEED(fgets(line, sizeof line, maps));
    } while (strncmp(line, start, strlen(start)) != 0);
    fclose(maps);
    CHECK(strstr(line, " anon=3 dirty=3 "));
    CHECK(strstr(line, " kernelpagesize_kB=4\n"));
    int pages = 0;
    for (int node = 0; node < 64; node++) {
        snprintf(part, sizeof part, " N%d=", node);
        const char* found = strstr(line, part);
        if (found) pages += atoi(found + strlen(part));
        if (found) CHECK(here >> node & 1);
    }
    CHECK_EQ(pages, 3);
    munmap(area - 4096, 5 * 4096);
}

/* --- with more than one node ------------------------------------------------------------------ */

static unsigned long two_nodes(void) {
    const unsigned long here = nodes_here();
    if (first_of(here) == here) skip_case("this machine has one node");
    return here;
}

static void pages_lie_where_the_task_says(void) {
    const unsigned long here = two_nodes(), ends[] = {first_of(here), last_of(here)};
    for (int round = 0; round < 4; round++) {
        const unsigned long wanted = ends[round % 2];
        NEED(set_policy(round < 2 ? MPOL_BIND : MPOL_PREFERRED, &wanted, 65) == 0);
        char* area = area_of(200);
        for (int i = 0; i < 200; i++) {
            area[i * 4096] = 1;
            CHECK_EQ(node_of(area + i * 4096), wanted);
        }
        munmap(area, 200 * 4096);
    }
    set_policy(MPOL_DEFAULT, NULL, 0);
}
static void pages_lie_where_the_area_says(void) {
    const unsigned long here = two_nodes(), low = first_of(here), high = last_of(here);
    char* area = area_of(200);
    NEED(set_policy(MPOL_BIND, &low, 65) == 0);
    NEED(bind_area(area, 100 * 4096, MPOL_BIND, high, 0) == 0);
    for (int i = 0; i < 200; i++) {
        area[i * 4096] = 1;
        CHECK_EQ(node_of(area + i * 4096), i < 100 ? high : low);
    }
    if (fork() == 0) { /* copies, too */
        for (int i = 0; i < 200; i++) {
            area[i * 4096] = 2;
            CHECK_EQ(node_of(area + i * 4096), i < 100 ? high : low);
        }
        fflush(stdout);
        _exit(failed_checks != 0);
    }
    CHECK_EXITED(status_of(-1), 0);
    munmap(area, 200 * 4096);
    set_policy(MPOL_DEFAULT, NULL, 0);
}
static void interleaved(void) {
    const unsigned long here = two_nodes();
    NEED(set_policy(MPOL_INTERLEAVE, &here, 65) == 0);
    int on_first = 0;
    char* area = area_of(200);
    for (int i = 0; i < 200; i++) area[i * 4096] = 1;
    for (int i = 0; i < 200; i++) on_first += node_of(area + i * 4096) == first_of(here);
    CHECK(on_first >= 90 && on_first <= 110); /* page tables take their turns, too */
    set_policy(MPOL_DEFAULT, NULL, 0);
    munmap(area, 200 * 4096);

    area = area_of(200); /* by an area's policy: by the page's number */
    NEED(bind_area(area, 200 * 4096, MPOL_INTERLEAVE, here, 0) == 0);
    for (int i = 0; i < 200; i += 2) area[i * 4096] = 1;
    for (int i = 2; i < 200; i += 2) CHECK_EQ(node_of(area + i * 4096), node_of(area));
    area[4096] = 1;
    CHECK(node_of(area + 4096) != node_of(area));
    munmap(area, 200 * 4096);
}
static void strict_and_moved(void) {
    const unsigned long here = two_nodes(), low = first_of(here), high = last_of(here);
    unsigned long nodes;
    char* area = area_of(64);
    NEED(bind_area(area, 64 * 4096, MPOL_BIND, low, 0) == 0);
    for (int i = 0; i < 64; i++) memset(area + i * 4096, i + 1, 4096);
    CHECK_ERRNO(bind_area(area, 64 * 4096, MPOL_BIND, high, MPOL_MF_STRICT), EIO);
    CHECK_EQ(mode_at(area, &nodes), MPOL_BIND);
    CHECK_EQ(nodes, low);
    CHECK(bind_area(area, 64 * 4096, MPOL_BIND, high, MPOL_MF_STRICT | MPOL_MF_MOVE) == 0);
    for (int i = 0; i < 64; i++) {
        CHECK_EQ(node_of(area + i * 4096), high);
        CHECK_EQ(area[i * 4096], i + 1);
        CHECK_EQ(area[i * 4096 + 4095], i + 1);
        area[i * 4096] = 100;
    }
    munmap(area, 64 * 4096);
}

static volatile int stop;
static char* hammered;
static void* hammer(void* unused) {
    unsigned turn = 0;
    while (!stop) { /* each page counts; a write that is lost shows at once */
        turn++;
        for (int i = 0; i < 16; i++) ((volatile unsigned*)(hammered + i * 4096))[7] = turn;
        for (int i = 0; i < 16; i++) {
            if (((volatile unsigned*)(hammered + i * 4096))[7] != turn) return hammered;
        }
    }
    return unused;
}
static void moved_under_a_writer(void) {
    const unsigned long here = two_nodes(), ends[] = {first_of(here), last_of(here)};
    pthread_t writer;
    void* lost = NULL;
    hammered = area_of(16);
    NEED(pthread_create(&writer, NULL, hammer, NULL) == 0);
    for (int round = 0; round < 200; round++) {
        CHECK(bind_area(hammered, 16 * 4096, MPOL_BIND, ends[round % 2], MPOL_MF_MOVE) == 0);
    }
    stop = 1;
    pthread_join(writer, &lost);
    CHECK(!lost);
}

/* Who has bound itself to a node dies of its want, and nobody else. */
static void eat_all(void) {
    const unsigned long here = nodes_here(), low = first_of(here);
    NEED(set_policy(MPOL_BIND, &low, 65) == 0);
    char* area = area_of(1 << 16);
    for (int i = 0; i < 1 << 16; i++) area[(long)i * 4096] = 1;
}
static void bound_to_death(void) {
    two_nodes();
    CHECK_KILLED(in_child(eat_all), SIGKILL);
}

static int has_rdtscp(void) {
    unsigned a = 0x80000001, b, c = 0, d;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return d >> 27 & 1;
}
/* Where a processor is, by the call and by the register that getcpu(3) reads. */
static void node_of_a_processor(void) {
    cpu_set_t all, one;
    NEED(sched_getaffinity(0, sizeof all, &all) == 0);
    unsigned seen = 0;
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &all)) continue;
        unsigned cpu = 99, node = 99, low, high, number;
        CPU_ZERO(&one);
        CPU_SET(i, &one);
        NEED(sched_setaffinity(0, sizeof one, &one) == 0);
        CHECK(syscall(SYS_getcpu, &cpu, &node, NULL) == 0);
        CHECK_EQ(cpu, i);
        CHECK(node < 32);
        seen |= 1u << (node & 31);
        if (!has_rdtscp()) continue;
        __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(number));
        CHECK_EQ(number & 0xfff, cpu);
        CHECK_EQ(number >> 12, node);
    }
    printf("# nodes of processors: %#x\n", seen);
}

int main(int argc, char** argv) {
    (void)argc;
    (void)argv;
    return run_cases((struct test_case[]){
        CASE(arguments), CASE(arguments_of_mbind), CASE(move_all_needs_a_capability),
        CASE(of_a_task), CASE(is_inherited), CASE(of_an_area), CASE(areas_are_merged_again),
        CASE(shown_in_numa_maps), CASE(pages_lie_where_the_task_says),
        CASE(pages_lie_where_the_area_says), CASE(interleaved), CASE(strict_and_moved),
        CASE(moved_under_a_writer), CASE(bound_to_death), CASE(node_of_a_processor), END});
}
