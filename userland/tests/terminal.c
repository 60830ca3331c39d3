/* The line discipline, seen from both ends of a pseudo terminal. */
#include "tests/pty.h"

static void lines(void) {
    open_pty();
    type("hello\r");
    CHECK_SCREEN("hello\r\n");
    CHECK_READ("hello\n");
    type("one\ntwo\n");
    CHECK_READ("one\n"); /* a read ends with the line */
    CHECK_READ("two\n");
    char room[4];
    type("abcdef\n");
    CHECK_EQ(read(slave, room, 4), 4);
    CHECK_READ("ef\n");
    int waiting = 0;
    type("xyz\n");
    struct pollfd in = {.fd = slave, .events = POLLIN};
    CHECK_EQ(poll(&in, 1, 10000), 1);
    CHECK(ioctl(slave, FIONREAD, &waiting) == 0 && waiting == 4);
}

static void editing(void) {
    open_pty();
    type("abX\177c\n");
    CHECK_SCREEN("abX\b \bc\r\n");
    CHECK_READ("abc\n");
    type("some words\027x\n");
    CHECK_READ("some x\n");
    type("gone\025kept\n");
    CHECK_READ("kept\n");
    type("\026\003\026\177\n"); /* ^V: as they are */
    CHECK_READ("\003\177\n");
}

static void end_of_file(void) {
    open_pty();
    set_flags(0, ECHO);
    char room[8];
    type("\004");
    CHECK_EQ(read(slave, room, 8), 0);
    type("abc\004");
    CHECK_EQ(read(slave, room, 8), 3);
    type("abc\004de\n");
    CHECK_EQ(read(slave, room, 3), 3); /* exactly: the mark goes with it */
    CHECK_EQ(read(slave, room, 8), 3);
    CHECK(memcmp(room, "de\n", 3) == 0);
}

static void output(void) {
    open_pty();
    CHECK_EQ(write(slave, "a\nb", 3), 3);
    CHECK_SCREEN("a\r\nb");
    struct termios now = settings();
    now.c_oflag &= ~(tcflag_t)OPOST;
    tcsetattr(slave, TCSANOW, &now);
    CHECK_EQ(write(slave, "a\nb", 3), 3);
    CHECK_SCREEN("a\nb");
}

static void echo_flags(void) {
    open_pty();
    set_flags(0, ECHO);
    type("secret\n");
    CHECK_READ("secret\n");
    set_flags(ECHONL, 0);
    type("x\n");
    CHECK_SCREEN("\r\n");
    set_flags(ECHO, ECHOCTL);
    type("\001\n");
    CHECK_SCREEN("\001\r\n");
    set_flags(ECHOCTL, 0);
    type("\001\n");
    CHECK_SCREEN("^A\r\n");
}

static void raw_minimum(void) {
    open_pty();
    raw(1, 0);
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        NEED(write(master, &byte, 1) == 1);
    }
    unsigned char all[300];
    size_t got = 0;
    while (got < 256) {
        ssize_t n = read(slave, all + got, sizeof all - got);
        NEED(n > 0);
        got += (size_t)n;
    }
    for (int c = 0; c < 256; c++) NEED(all[c] == c);
    raw(0, 0);
    CHECK_EQ(read(slave, all, 10), 0); /* returns at once */
    type("z");
    raw(0, 1);
    CHECK_EQ(read(slave, all, 10), 1);
    CHECK_EQ(read(slave, all, 10), 0); /* after a tenth of a second */
    raw(5, 1);
    type("abc");
    CHECK_EQ(read(slave, all, 10), 3); /* no fourth byte within the tenth */
    fcntl(slave, F_SETFL, O_NONBLOCK);
    CHECK_ERRNO(read(slave, all, 10), EAGAIN);
}

static void switching(void) {
    open_pty();
    set_flags(0, ECHO);
    type("half");
    struct termios cooked = settings();
    raw(1, 0);
    CHECK_READ("half"); /* what was typed before is not lost */
    tcsetattr(slave, TCSAFLUSH, &cooked);
    type("line\n");
    CHECK_READ("line\n");
    type("dropped\n");
    char room[10];
    CHECK(tcflush(slave, TCIFLUSH) == 0);
    fcntl(slave, F_SETFL, O_NONBLOCK);
    CHECK_ERRNO(read(slave, room, 10), EAGAIN);
    CHECK_ERRNO(tcflush(slave, 99), EINVAL);
}

static void long_lines(void) {
    open_pty();
    set_flags(0, ECHO);
    char big[6000];
    memset(big, 'l', sizeof big);
    NEED(write(master, big, sizeof big) == sizeof big);
    type("\n");
    CHECK_EQ(read(slave, big, sizeof big), 4096); /* 4095 and the newline; the rest was dropped */
    CHECK(big[4095] == '\n');
}

static void settings_survive(void) {
    open_pty();
    struct termios first = settings(), again;
    CHECK(first.c_lflag & ICANON && first.c_lflag & ECHO && first.c_oflag & OPOST);
    CHECK(first.c_cc[VINTR] == 3 && first.c_cc[VEOF] == 4 && first.c_cc[VERASE] == 127);
    first.c_cc[VINTR] = 1;
    first.c_iflag |= IUTF8;
    CHECK(tcsetattr(slave, TCSADRAIN, &first) == 0);
    again = settings();
    CHECK(memcmp(&first.c_cc, &again.c_cc, 17) == 0 && again.c_iflag == first.c_iflag);
    CHECK_ERRNO(ioctl(slave, TCGETS, (void*)8), EFAULT);
    CHECK_ERRNO(ioctl(slave, TCSETS, (void*)8), EFAULT);
    CHECK_ERRNO(tcgetattr(open("/dev/null", O_RDWR), &again), ENOTTY);
    CHECK_ERRNO(ioctl(slave, 0x54ff, 0), ENOTTY);
    struct winsize size = {24, 80, 0, 0}, seen;
    CHECK(ioctl(master, TIOCSWINSZ, &size) == 0 && ioctl(slave, TIOCGWINSZ, &seen) == 0);
    CHECK(seen.ws_row == 24 && seen.ws_col == 80);
}

static void polling(void) {
    open_pty();
    struct pollfd in = {.fd = slave, .events = POLLIN | POLLOUT};
    CHECK_EQ(poll(&in, 1, 0), 1);
    CHECK_EQ(in.revents, POLLOUT);
    type("no line yet");
    CHECK_EQ(poll(&in, 1, 0), 1);
    CHECK_EQ(in.revents, POLLOUT);
    type("\n");
    in.events = POLLIN;
    CHECK_EQ(poll(&in, 1, 10000), 1);
    CHECK_EQ(in.revents, POLLIN);
}

static void closing(void) {
    char room[8];
    open_pty();
    close(slave);
    CHECK_ERRNO(read(master, room, 8), EIO);
    open_pty();
    close(master);
    CHECK_EQ(read(slave, room, 8), 0);
    CHECK_ERRNO(write(slave, "x", 1), EIO);
    struct pollfd in = {.fd = slave, .events = POLLIN};
    CHECK(poll(&in, 1, 0) == 1 && in.revents & POLLHUP);
}

static void locking(void) {
    char name[64];
    int number;
    master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    if (master < 0) skip_case("no /dev/ptmx");
    NEED(ioctl(master, TIOCGPTN, &number) == 0);
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    CHECK_ERRNO(open(name, O_RDWR | O_NOCTTY), EIO); /* before unlockpt() */
    NEED(unlockpt(master) == 0);
    slave = open(name, O_RDWR | O_NOCTTY);
    struct stat st;
    CHECK(fstat(slave, &st) == 0 && S_ISCHR(st.st_mode) &&
          st.st_rdev == (dev_t)(136 << 8 | number));
    close(slave);
    close(master);
    CHECK_ERRNO(stat(name, &st), ENOENT);
}

int main(void) {
    return run_cases((struct test_case[]){CASE(lines), CASE(editing), CASE(end_of_file),
                                          CASE(output), CASE(echo_flags), CASE(raw_minimum),
                                          CASE(switching), CASE(long_lines), CASE(settings_survive),
                                          CASE(polling), CASE(closing), CASE(locking), END});
}
