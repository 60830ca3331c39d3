/* A pseudo terminal for tests: open both ends, type into one, read the screen. */
#ifndef VITRINE_TEST_PTY_H
#define VITRINE_TEST_PTY_H

#include "tests/check.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

static int master = -1, slave = -1;

static inline void open_pty(void) {
    char name[64];
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    if (master < 0) skip_case("no /dev/ptmx");
    NEED(grantpt(master) == 0 && unlockpt(master) == 0);
    int number = -1;
    NEED(ioctl(master, TIOCGPTN, &number) == 0);
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    slave = open(name, O_RDWR | O_NOCTTY);
    NEED(slave >= 0);
    NEED(isatty(slave));
}

static inline void type(const char* keys) {
    NEED(write(master, keys, strlen(keys)) == (ssize_t)strlen(keys));
}

/* What has appeared on the screen: waits until it is `wanted`, or for some seconds. */
static inline int screen_is(const char* wanted, int line) {
    char seen[4096];
    size_t length = 0, want = strlen(wanted);
    struct pollfd ready = {.fd = master, .events = POLLIN};
    while (length < want && poll(&ready, 1, 10000) == 1) {
        ssize_t n = read(master, seen + length, sizeof seen - 1 - length);
        if (n <= 0) break;
        length += (size_t)n;
    }
    seen[length] = 0;
    if (length == want && memcmp(seen, wanted, want) == 0) return 1;
    printf("# line %d: the screen shows", line);
    for (size_t i = 0; i < length; i++) printf(" %02x", (unsigned char)seen[i]);
    printf("\n");
    return 0;
}
#define CHECK_SCREEN(text) CHECK(screen_is(text, __LINE__))

/* One read of the slave; its length. */
static inline ssize_t next_read(char* room, size_t size) {
    memset(room, 0, size);
    return read(slave, room, size - 1);
}
#define CHECK_READ(text)                                        \
    do {                                                        \
        char room_[4096];                                       \
        CHECK_EQ(next_read(room_, sizeof room_), strlen(text)); \
        CHECK(strcmp(room_, text) == 0);                        \
    } while (0)

static inline struct termios settings(void) {
    struct termios now;
    NEED(tcgetattr(slave, &now) == 0);
    return now;
}
static inline void set_flags(tcflag_t on, tcflag_t off) {
    struct termios now = settings();
    now.c_lflag = (now.c_lflag | on) & ~off;
    NEED(tcsetattr(slave, TCSANOW, &now) == 0);
}
static inline void raw(int min, int time) {
    struct termios now = settings();
    cfmakeraw(&now);
    now.c_cc[VMIN] = (cc_t)min;
    now.c_cc[VTIME] = (cc_t)time;
    NEED(tcsetattr(slave, TCSANOW, &now) == 0);
}

#endif
