/* /proc/interrupts, the intr line of /proc/stat, and /proc/irq. */
#include "tests/check.h"

#include <ctype.h>
#include <dirent.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <termios.h>
#include <time.h>

#define MAX_CPUS 64

struct row {
    char label[16];
    unsigned long counts[MAX_CPUS];
    int columns;
    char rest[200]; /* chip, number, names */
};

static int on_vitrine(void) {
    struct utsname name;
    uname(&name);
    return strstr(name.release, "vitrine") != NULL;
}

static int split_row(char* line, struct row* row, int cpus) {
    char* colon = strchr(line, ':');
    if (colon == NULL) return 0;
    *colon = 0;
    while (*line == ' ') line++;
    snprintf(row->label, sizeof row->label, "%s", line);
    char* at = colon + 1;
    for (row->columns = 0; row->columns < cpus; row->columns++) {
        char* end;
        unsigned long count = strtoul(at, &end, 10);
        if (end == at || (*end != ' ' && *end != '\n' && *end != 0)) break;
        row->counts[row->columns] = count;
        at = end;
    }
    snprintf(row->rest, sizeof row->rest, "%s", at);
    row->rest[strcspn(row->rest, "\n")] = 0;
    return 1;
}

/* Reads the row with this label, or the one whose last word is `label`; returns the number of
 * processors, 0 if there is no such row. */
static int read_row(const char* label, struct row* row) {
    static char line[4096];
    FILE* file = fopen("/proc/interrupts", "r");
    int cpus = 0, found = 0;
    NEED(file != NULL && fgets(line, sizeof line, file) != NULL);
    for (const char* at = line; (at = strstr(at, "CPU")) != NULL; at++) cpus++;
    while (!found && fgets(line, sizeof line, file) != NULL) {
        if (!split_row(line, row, cpus)) continue;
        const char* last = strrchr(row->rest, ' ');
        found = strcmp(row->label, label) == 0 || (last != NULL && strcmp(last + 1, label) == 0);
    }
    fclose(file);
    return found ? cpus : 0;
}

static unsigned long sum_of(const char* label) {
    struct row row;
    unsigned long sum = 0;
    NEED(read_row(label, &row) > 0);
    for (int i = 0; i < row.columns; i++) sum += row.counts[i];
    return sum;
}

static void columns_and_rows(void) {
    static const char* const labels[] = {"NMI", "LOC", "SPU", "IWI", "RES", "CAL", "TLB"};
    static const char* const totals[] = {"ERR", "MIS"};
    struct row row;
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        CHECK_EQ(read_row(labels[i], &row), online);
        CHECK_EQ(row.columns, online);
        CHECK(strlen(row.rest) > 3); /* what it means, in words */
    }
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        CHECK(read_row(totals[i], &row) > 0);
        CHECK_EQ(row.columns, 1);
    }
    FILE* file = fopen("/proc/interrupts", "r");
    char line[4096];
    NEED(file != NULL && fgets(line, sizeof line, file) != NULL);
    CHECK(strncmp(line, "           CPU0       ", 22) == 0);
    int devices = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[3] != ':' || !isdigit((unsigned char)line[2])) continue;
        NEED(split_row(line, &row, (int)online));
        CHECK_EQ(row.columns, online);
        devices++;
        /* "  IO-APIC   4-edge      ttyS0" */
        char chip[64], flow[64];
        unsigned hwirq;
        CHECK_EQ(sscanf(row.rest, " %63s %u-%63s", chip, &hwirq, flow), 3);
    }
    CHECK(devices > 0);
    fclose(file);
}

static void timer_counts(void) {
    const unsigned long before = sum_of("LOC");
    const clock_t end = clock() + CLOCKS_PER_SEC / 5;
    while (clock() < end) continue;
    CHECK(sum_of("LOC") >= before + 10);
}

static void total_in_stat(void) {
    static char line[65536];
    unsigned long total[2] = {0, 0}, sum = 0;
    for (int round = 0; round < 2; round++) {
        FILE* file = fopen("/proc/stat", "r");
        NEED(file != NULL);
        int found = 0;
        while (!found && fgets(line, sizeof line, file) != NULL) {
            found = strncmp(line, "intr ", 5) == 0;
        }
        fclose(file);
        NEED(found);
        char* at = line + 5;
        total[round] = strtoul(at, &at, 10);
        sum = 0;
        int numbers = 0;
        for (char* end; *at != '\n'; at = end, numbers++) {
            sum += strtoul(at, &end, 10);
            NEED(end != at);
        }
        CHECK(numbers > 16);
        usleep(20000);
    }
    CHECK(total[1] > total[0]);
    CHECK(total[1] >= sum); /* the timers and the other processors are in it, too */
}

static long read_setting(const char* directory, const char* name, char* text, size_t room) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_RDONLY);
    if (fd < 0) return -1;
    long length = read(fd, text, room - 1);
    text[length > 0 ? length : 0] = 0;
    close(fd);
    return length;
}

static long write_setting(const char* directory, const char* name, const char* text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_WRONLY);
    NEED(fd >= 0);
    long written = write(fd, text, strlen(text));
    int error = errno;
    close(fd);
    errno = error;
    return written;
}

/* The directory of some interrupt that has a handler: the serial line's if there is one. */
static const char* some_irq(char* name, size_t room) {
    static char directory[64];
    struct row row;
    NEED(read_row("ttyS0", &row) > 0);
    snprintf(directory, sizeof directory, "/proc/irq/%s", row.label);
    snprintf(name, room, "ttyS0");
    return directory;
}

static void directory_of_an_irq(void) {
    static const char* const names[] = {"smp_affinity",
                                        "smp_affinity_list",
                                        "effective_affinity",
                                        "effective_affinity_list",
                                        "affinity_hint",
                                        "node",
                                        "spurious"};
    char text[256], handler[64], path[256];
    const char* directory = some_irq(handler, sizeof handler);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CHECK(read_setting(directory, names[i], text, sizeof text) > 0);
    }
    unsigned count, unhandled, ms;
    NEED(read_setting(directory, "spurious", text, sizeof text) > 0);
    CHECK_EQ(
        sscanf(text, "count %u\nunhandled %u\nlast_unhandled %u ms\n", &count, &unhandled, &ms), 3);
    NEED(read_setting(directory, "effective_affinity_list", text, sizeof text) > 0);
    const unsigned long cpu = strtoul(text, NULL, 10);
    NEED(read_setting(directory, "effective_affinity", text, sizeof text) > 0);
    CHECK_EQ(strtoul(text, NULL, 16), 1ul << cpu);
    NEED(read_setting(directory, "smp_affinity", text, sizeof text) > 0);
    CHECK_EQ(text[strlen(text) - 1], '\n');

    struct stat st;
    snprintf(path, sizeof path, "%s/%s", directory, handler);
    CHECK(stat(path, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0555);
    CHECK(stat(directory, &st) == 0 && (st.st_mode & 0777) == 0555);
    snprintf(path, sizeof path, "%s/smp_affinity", directory);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0644);
    snprintf(path, sizeof path, "%s/nobody", directory);
    CHECK_ERRNO(stat(path, &st), ENOENT);
    CHECK_ERRNO(stat("/proc/irq/99999", &st), ENOENT);

    DIR* listing = opendir(directory);
    NEED(listing != NULL);
    int seen = 0, dots = 0;
    for (struct dirent* entry; (entry = readdir(listing)) != NULL;) {
        dots += entry->d_name[0] == '.';
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            seen += strcmp(entry->d_name, names[i]) == 0;
        }
        if (strcmp(entry->d_name, handler) == 0) seen += 100 * (entry->d_type == DT_DIR);
    }
    closedir(listing);
    CHECK_EQ(seen, 107);
    CHECK_EQ(dots, 2);
}

static void bad_affinities(void) {
    char handler[64], before[256], after[256];
    const char* directory = some_irq(handler, sizeof handler);
    NEED(read_setting(directory, "smp_affinity", before, sizeof before) > 0);
    CHECK_ERRNO(write_setting(directory, "smp_affinity", "0\n"), EINVAL);
    CHECK_ERRNO(write_setting(directory, "smp_affinity", "xyz\n"), EINVAL);
    CHECK_ERRNO(write_setting(directory, "smp_affinity", "1;1\n"), EINVAL);
    CHECK_ERRNO(write_setting(directory, "smp_affinity", "123456789\n"), EOVERFLOW);
    CHECK_ERRNO(write_setting(directory, "smp_affinity_list", "one\n"), EINVAL);
    CHECK_ERRNO(write_setting(directory, "smp_affinity_list", "1-0\n"), EINVAL);
    CHECK_ERRNO(write_setting(directory, "smp_affinity_list", "100000\n"), ERANGE);
    CHECK_ERRNO(write_setting("/proc/irq", "default_smp_affinity", "0\n"), EINVAL);
    NEED(read_setting(directory, "smp_affinity", after, sizeof after) > 0);
    CHECK(strcmp(before, after) == 0);
}

/* Makes the serial line interrupt: in loopback, what is written comes back as input. */
static void use_serial_line(void) {
    struct termios before, raw;
    int loop = TIOCM_LOOP;
    int fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY | O_NONBLOCK);
    NEED(fd >= 0 && tcgetattr(fd, &before) == 0);
    raw = before;
    cfmakeraw(&raw);
    NEED(tcsetattr(fd, TCSADRAIN, &raw) == 0);
    NEED(fcntl(fd, F_SETFL, 0) == 0);
    NEED(ioctl(fd, TIOCMBIS, &loop) == 0);
    for (int i = 0; i < 4; i++) {
        const unsigned long seen = sum_of("ttyS0");
        NEED(write(fd, "\017", 1) == 1); /* a shell that waits there does not answer to it */
        for (int tries = 0; tries < 1000 && sum_of("ttyS0") == seen; tries++) usleep(1000);
    }
    NEED(ioctl(fd, TIOCMBIC, &loop) == 0);
    NEED(tcsetattr(fd, TCSAFLUSH, &before) == 0);
    close(fd);
}

/* On Linux it would disturb whoever uses the machine's console. */
static void serial_line_counts(void) {
    if (!on_vitrine()) skip_case("it would disturb whoever uses the console");
    const unsigned long before = sum_of("ttyS0");
    use_serial_line();
    CHECK(sum_of("ttyS0") > before);
}

static void affinity_moves_delivery(void) {
    struct row before, after;
    char handler[64], text[64];
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) skip_case("needs two processors");
    if (!on_vitrine()) skip_case("it would disturb the machine");
    const char* directory = some_irq(handler, sizeof handler);
    for (int cpu = 1; cpu >= 0; cpu--) {
        snprintf(text, sizeof text, "%d\n", cpu);
        CHECK_EQ(write_setting(directory, "smp_affinity_list", text), 2);
        use_serial_line(); /* the first one still arrives at the old place */
        use_serial_line();
        NEED(read_setting(directory, "effective_affinity_list", text, sizeof text) > 0);
        CHECK_EQ(atoi(text), cpu);
        NEED(read_row("ttyS0", &before) > 0);
        use_serial_line();
        NEED(read_row("ttyS0", &after) > 0);
        CHECK(after.counts[cpu] > before.counts[cpu]);
        CHECK_EQ(after.counts[1 - cpu], before.counts[1 - cpu]);
    }
}

static void default_affinity(void) {
    char text[64];
    if (!on_vitrine()) skip_case("it would change the machine");
    NEED(read_setting("/proc/irq", "default_smp_affinity", text, sizeof text) > 0);
    CHECK_EQ(write_setting("/proc/irq", "default_smp_affinity", "1"), 1);
    char now[64];
    NEED(read_setting("/proc/irq", "default_smp_affinity", now, sizeof now) > 0);
    CHECK_EQ(strtoul(now, NULL, 16), 1);
    CHECK(write_setting("/proc/irq", "default_smp_affinity", text) > 0);
}

int main(void) {
    return run_cases((struct test_case[]){
        CASE(columns_and_rows), CASE(timer_counts), CASE(total_in_stat), CASE(directory_of_an_irq),
        CASE(bad_affinities), CASE(serial_line_counts), CASE(affinity_moves_delivery),
        CASE(default_affinity), END});
}
