// host-test
// host-sources: drivers/tty/n_tty.cc drivers/tty/n_tty_edit.cc drivers/tty/n_tty_read.cc
// drivers/tty/opost.cc
/// The line discipline: what is typed, what is read, and what the screen shows.
#include "drivers/tty/n_tty.h"

#include "abi/signal.h"
#include "lib/test.h"

using namespace abi;

namespace {

// Too large for a kernel stack; one test runs at a time.
constexpr usize kSize = 8192;
constinit u8 input[kSize] = {};
constinit u64 marks[kSize / 64] = {};
constinit u8 got[6000] = {};

/// A terminal that keeps what would be on the wire.
class FakePort final : public tty::TtyPort {
public:
    usize write_room() const override { return limit - length; }
    usize write(std::span<const u8> bytes) override {
        usize n = 0;
        while (n < bytes.size() && length < limit) text[length++] = static_cast<char>(bytes[n++]);
        return n;
    }
    void start() override {}
    void set_stopped(bool now) override { stopped = now; }
    void discard_output() override { length = 0; }
    usize chars_in_buffer() const override { return length; }
    void send_xchar(u8) override {}
    void set_throttled(bool) override {}

    std::string_view take() {
        const std::string_view all(text, length);
        length = 0;
        return all;
    }

    char text[256];
    usize length = 0;
    usize limit = sizeof text;
    bool stopped = false;
};

/// A line discipline with the settings of a fresh terminal.
struct Bench {
    Bench() {
        for (u64& word : marks) word = 0;
        t.c_iflag = ICRNL | IXON;
        t.c_oflag = OPOST | ONLCR;
        t.c_cflag = CS8 | CREAD;
        t.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
        constexpr u8 kKeys[] = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0};
        for (usize i = 0; i < sizeof kKeys; i++) t.c_cc[i] = kKeys[i];
    }
    void type(std::string_view keys) {
        for (char key : keys) line.receive(static_cast<u8>(key));
    }
    std::string_view read(usize room = sizeof got) {
        const auto taken = line.take(std::span(got, room));
        ended = taken.line_ended;
        return {reinterpret_cast<char*>(got), taken.count};
    }
    void change(u32 lflag) {
        const Termios2 old = t;
        t.c_lflag = lflag;
        line.settings_changed(old);
    }

    Termios2 t{};
    FakePort port;
    tty::NTty line{t, port, input, marks};
    bool ended = false;
};

}  // namespace

TEST(tty_line, "drivers.tty.line") {
    Bench b;
    b.type("hello");
    EXPECT(!b.line.input_available(1));
    b.type("\r");
    EXPECT(b.line.input_available(1));
    EXPECT_EQ(b.line.readable(), usize{6});
    EXPECT_EQ(b.read(), std::string_view("hello\n"));
    EXPECT(b.ended);
    EXPECT_EQ(b.port.take(), std::string_view("hello\r\n"));
    EXPECT(!b.line.input_available(1));
}

TEST(tty_pieces, "drivers.tty.pieces") {
    Bench b;
    b.type("abcdef\nxy\n");
    EXPECT_EQ(b.read(4), std::string_view("abcd"));
    EXPECT(!b.ended);
    EXPECT_EQ(b.read(4), std::string_view("ef\n"));  // never beyond the line
    EXPECT(b.ended);
    EXPECT_EQ(b.read(), std::string_view("xy\n"));
}

TEST(tty_eof, "drivers.tty.eof") {
    Bench b;
    b.type("\4");
    EXPECT(b.line.input_available(1));
    EXPECT_EQ(b.read(), std::string_view(""));
    EXPECT(b.ended);
    EXPECT(!b.line.input_available(1));
    b.type("abc\4");  // not at the start: pushes the line without a newline
    EXPECT_EQ(b.read(3), std::string_view("abc"));
    EXPECT(!b.line.input_available(1));  // and the mark went with it
}

TEST(tty_erase, "drivers.tty.erase") {
    Bench b;
    b.type("ab\x7f");
    EXPECT_EQ(b.port.take(), std::string_view("ab\b \b"));
    b.type("\x7f\x7f\x7f");  // nothing beyond the start
    EXPECT_EQ(b.port.take(), std::string_view("\b \b"));
    b.type("\1\x7f");  // a control character takes two cells
    EXPECT_EQ(b.port.take(), std::string_view("^A\b \b\b \b"));
    b.type("one two_2\x17");
    EXPECT_EQ(b.port.take(), std::string_view("one two_2\b \b\b \b\b \b\b \b\b \b"));
    b.type("x\x15y\n");
    EXPECT_EQ(b.read(), std::string_view("y\n"));
}

TEST(tty_erase_tab, "drivers.tty.erase_tab") {
    Bench b;
    b.line.opost.write(std::span(reinterpret_cast<const u8*>("$ "), 2), 0);  // a prompt
    b.type("a\t");
    EXPECT_EQ(b.port.take(), std::string_view("$ a\t"));
    b.type("\x7f");  // from column 8 back to column 3
    EXPECT_EQ(b.port.take(), std::string_view("\b\b\b\b\b"));
}

TEST(tty_utf8, "drivers.tty.utf8") {
    Bench b;
    b.t.c_iflag |= IUTF8;
    b.type("\xc3\xa4\x7fz\n");
    EXPECT_EQ(b.read(), std::string_view("z\n"));
}

TEST(tty_signals, "drivers.tty.signals") {
    Bench b;
    b.type("half a line\3");
    EXPECT_EQ(b.line.take_signals(), u64{1} << (SIGINT - 1));
    EXPECT_EQ(b.line.take_signals(), u64{0});
    EXPECT_EQ(b.port.take(), std::string_view("^C"));  // pending output was dropped
    b.type("x\n");
    EXPECT_EQ(b.read(), std::string_view("x\n"));  // so was the line
    b.type("\x1a\x1c");
    EXPECT_EQ(b.line.take_signals(), u64{1} << (SIGTSTP - 1) | u64{1} << (SIGQUIT - 1));
    b.change(b.t.c_lflag | NOFLSH);
    b.type("kept\3\n");
    EXPECT_EQ(b.read(), std::string_view("kept\n"));
    b.change(b.t.c_lflag & ~ISIG);
    b.type("\3\n");
    EXPECT_EQ(b.read(), std::string_view("\3\n"));
}

TEST(tty_literal, "drivers.tty.literal") {
    Bench b;
    b.type("\x16\3\x16\x7f\n");
    EXPECT_EQ(b.read(), std::string_view("\3\x7f\n"));
    EXPECT(b.line.take_signals() == 0);
}

TEST(tty_flow, "drivers.tty.flow") {
    Bench b;
    b.type("\x13");
    EXPECT(b.port.stopped);
    b.type("\x11");
    EXPECT(!b.port.stopped);
    b.type("\x13");
    b.type("\3");  // an interrupt lets output go on
    EXPECT(!b.port.stopped);
    EXPECT(!b.line.input_available(1));
}

TEST(tty_raw, "drivers.tty.raw") {
    Bench b;
    b.t.c_iflag = 0;
    b.t.c_oflag = 0;
    b.change(0);
    for (unsigned byte = 0; byte < 256; byte++) b.line.receive(static_cast<u8>(byte));
    EXPECT(b.line.input_available(256));
    EXPECT(!b.line.input_available(257));
    const std::string_view all = b.read();
    REQUIRE(all.size() == 256);
    for (unsigned byte = 0; byte < 256; byte++) EXPECT(static_cast<u8>(all[byte]) == byte);
    EXPECT(b.port.length == 0);
}

TEST(tty_raw_full, "drivers.tty.raw_full") {
    Bench b;
    b.t.c_iflag = 0;
    b.change(0);
    usize fed = 0;
    for (int round = 0; round < 5; round++) {  // across the end of the ring
        while (b.line.room() >= 13) {          // in pieces, as a FIFO yields them
            u8 piece[13];
            for (u8& byte : piece) byte = static_cast<u8>(fed++ * 7);
            b.line.receive(std::span<const u8>(piece));
        }
        while (b.line.has_room()) b.line.receive(static_cast<u8>(fed++ * 7));
        static_assert(sizeof got < kSize);
        const usize first = fed - b.line.readable();
        const std::string_view part = b.read();
        EXPECT(part.size() == sizeof got);
        for (usize i = 0; i < part.size(); i++) {
            REQUIRE(static_cast<u8>(part[i]) == static_cast<u8>((first + i) * 7));
        }
    }
    EXPECT(b.line.overruns() == 0);
}

TEST(tty_long_line, "drivers.tty.long_line") {
    Bench b;
    b.t.c_lflag &= ~ECHO;
    for (int i = 0; i < 9000; i++) b.line.receive('a');
    EXPECT(b.line.has_room());  // a newline can still come
    b.line.receive('\n');
    EXPECT_EQ(b.read().size(), usize{tty::NTty::kMaxLine + 1});
    EXPECT(b.ended);
    EXPECT_EQ(b.line.overruns(), u32{9000 - tty::NTty::kMaxLine});
}

TEST(tty_switch, "drivers.tty.switch") {
    Bench b;
    const u32 cooked = b.t.c_lflag;
    b.type("typed");
    b.change(cooked & ~ICANON);
    EXPECT(b.line.input_available(5));
    EXPECT_EQ(b.read(2), std::string_view("ty"));
    b.change(cooked);
    EXPECT_EQ(b.read(), std::string_view("ped"));
    b.type("z\n");
    EXPECT_EQ(b.read(), std::string_view("z\n"));
}

TEST(tty_break, "drivers.tty.break") {
    Bench b;
    b.t.c_iflag |= BRKINT;
    b.line.receive_error(0, tty::LineError::Break);
    EXPECT_EQ(b.line.take_signals(), u64{1} << (SIGINT - 1));
    b.t.c_iflag = PARMRK | INPCK;
    b.change(0);
    b.line.receive_error('x', tty::LineError::Parity);
    b.line.receive(0xff);
    EXPECT_EQ(b.read(), std::string_view("\xff\0x\xff\xff", 5));
}

TEST(tty_output, "drivers.tty.output") {
    Bench b;
    const auto put = [&](std::string_view text, usize reserve) {
        return b.line.opost.write(std::span(reinterpret_cast<const u8*>(text.data()), text.size()),
                                  reserve);
    };
    EXPECT_EQ(put("a\nb", 0), usize{3});
    EXPECT_EQ(b.port.take(), std::string_view("a\r\nb"));
    b.t.c_oflag |= XTABS;
    EXPECT_EQ(put("\tx", 0), usize{2});
    EXPECT_EQ(b.port.take(), std::string_view("       x"));
    b.port.limit = 5;
    EXPECT_EQ(put("abc\n", 1), usize{3});  // \r\n would not leave the reserve
    EXPECT_EQ(b.port.take(), std::string_view("abc"));
}
