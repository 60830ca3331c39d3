// host-test
#include "lib/format.h"

#include "lib/errno_name.h"
#include "lib/strong.h"
#include "lib/test.h"

namespace {

char room[256];

template <class... Args>
std::string_view text(const char* format, const Args&... args) {
    const usize length = format_to(room, format, args...);
    if (length >= sizeof(room)) return "(too long for the test)";
    if (room[length] != '\0') return "(the NUL is not where the length says)";
    return {room, length};
}

enum class Color : u8 { Red = 3 };

}  // namespace

TEST(format_numbers, "lib.format.numbers") {
    EXPECT_EQ(text("%d %i %u", 0, -7, 42u), "0 -7 42");
    EXPECT_EQ(text("%d", i64{-0x7fffffffffffffff} - 1), "-9223372036854775808");
    EXPECT_EQ(text("%u", ~u64{0}), "18446744073709551615");
    EXPECT_EQ(text("%x %X %#x %#X %o %#o", 255, 255, 255, 255, 8, 8), "ff FF 0xff 0XFF 10 010");
    EXPECT_EQ(text("%#x %#o", 0, 0), "0 0");
    EXPECT_EQ(text("%x", ~u64{0}), "ffffffffffffffff");
    EXPECT_EQ(text("%o", ~u64{0}), "1777777777777777777777");
    // The size of the argument counts, not a modifier.
    EXPECT_EQ(text("%x %x %x %x", i8{-1}, i16{-1}, i32{-1}, i64{-1}),
              "ff ffff ffffffff ffffffffffffffff");
    EXPECT_EQ(text("%hhd %hd %ld %lld %zd %jd %td", 300, 70000, 1, 2, 3, 4, 5),
              "300 70000 1 2 3 4 5");
    EXPECT_EQ(text("%d", u64{1} << 63), "9223372036854775808");  // as it is, not as a signed one
}

TEST(format_sign_and_space, "lib.format.sign") {
    EXPECT_EQ(text("%+d %+d % d % d %+ d", 5, -5, 5, -5, 5), "+5 -5  5 -5 +5");
    EXPECT_EQ(text("%+u % x", 5u, 5u), "5 5");
}

TEST(format_width_and_precision, "lib.format.width") {
    EXPECT_EQ(text("[%5d][%-5d][%05d]", 42, 42, 42), "[   42][42   ][00042]");
    EXPECT_EQ(text("[%5d][%-5d][%05d]", -42, -42, -42), "[  -42][-42  ][-0042]");
    EXPECT_EQ(text("[%-05d][%2d]", 42, 12345), "[42   ][12345]");
    EXPECT_EQ(text("[%.4d][%6.4d][%-6.4d][%06.4d]", 42, 42, 42, 42),
              "[0042][  0042][0042  ][  0042]");
    EXPECT_EQ(text("[%.0d][%.d][%3.0d]", 0, 0, 0), "[][][   ]");
    EXPECT_EQ(text("[%#8x][%#08x][%-#8x]", 0xab, 0xab, 0xab), "[    0xab][0x0000ab][0xab    ]");
    EXPECT_EQ(text("[%50d]", 1).size(), 52);
    EXPECT_EQ(text("[%010d]", 1), "[0000000001]");
}

TEST(format_stars, "lib.format.stars") {
    EXPECT_EQ(text("[%*d][%-*d][%*d]", 5, 42, 5, 42, -5, 42), "[   42][42   ][42   ]");
    EXPECT_EQ(text("[%.*s][%.*s][%*.*s]", 2, "abc", -1, "abc", 4, 1, "abc"), "[ab][abc][   a]");
    EXPECT_EQ(text("[%*s]", usize{3}, "x"), "[  x]");
}

TEST(format_texts, "lib.format.texts") {
    const char unterminated[3] = {'a', 'b', 'c'};
    const char* none = nullptr;
    EXPECT_EQ(text("%s, %s", "init", std::string_view("shell")), "init, shell");
    EXPECT_EQ(text("[%6s][%-6s][%.2s][%6.2s][%.0s]", "abc", "abc", "abc", "abc", "abc"),
              "[   abc][abc   ][ab][    ab][]");
    EXPECT_EQ(text("%.3s", unterminated), "abc");
    EXPECT_EQ(text("%s", std::string_view(unterminated, 2)), "ab");
    EXPECT_EQ(text("%s[%8s]", none, none), "(null)[  (null)]");
    EXPECT_EQ(text("%s%s", std::string_view(), ""), "");
    EXPECT_EQ(text("%c%c[%3c][%-3c]", 'o', 107, 'x', 'y'), "ok[  x][y  ]");
    EXPECT_EQ(text("100%%%s", "!"), "100%!");
    EXPECT_EQ(text("%s %s %d", true, false, true), "true false 1");
}

TEST(format_kernel_types, "lib.format.types") {
    EXPECT_EQ(text("%s %d", ENOENT, EINVAL), "ENOENT 22");
    EXPECT_EQ(text("%s", static_cast<Errno>(9999)), "errno?");
    EXPECT_EQ(text("%#lx", PhysAddr(0xfee00000)), "0xfee00000");
    EXPECT_EQ(text("%d", Color::Red), "3");
    const int* const pointer = reinterpret_cast<const int*>(0xffffffff80100000);
    EXPECT_EQ(text("%p", pointer), "0xffffffff80100000");
    EXPECT_EQ(text("%p", nullptr), "0x0000000000000000");
    EXPECT_EQ(text("[%20p]", pointer), "[  0xffffffff80100000]");
    EXPECT_EQ(text("%p", errno_name).size(), 18);
    EXPECT_EQ(text("%c %d", char{'A'}, char{'A'}), "A 65");
}

TEST(format_wrong_arguments_are_named, "lib.format.wrong") {
    EXPECT_EQ(text("%d"), "%!d(missing)");
    EXPECT_EQ(text("%s %d", 1), "%!s(int) %!d(missing)");
    EXPECT_EQ(text("%d %x %c", "a", std::string_view("b"), "c"),
              "%!d(string) %!x(string) %!c(string)");
    EXPECT_EQ(text("%p %s", -1, 2u), "%!p(int) %!s(unsigned)");
    EXPECT_EQ(text("%d %p", nullptr, ENOENT), "%!d(pointer) %!p(errno)");
    EXPECT_EQ(text("%q %d", 1), "%!q(unknown) 1");
    EXPECT_EQ(text("%f", 1), "%!f(unknown)%!(extra)");
    EXPECT_EQ(text("a", 1), "a%!(extra)");
    EXPECT_EQ(text("%*d", "wide", 1), "%!*(string)d%!(extra)");
    EXPECT_EQ(text("%.*d"), "%!*(missing)d");
    EXPECT_EQ(text("50%"), "50%!(no letter)");
    EXPECT_EQ(text("%-08.3l"), "%!(no letter)");
}

TEST(format_widths_are_bounded, "lib.format.bounded") {
    EXPECT_EQ(format_to({}, "%99999999999999999999d", 1), kMaxFormatWidth);
    EXPECT_EQ(format_to({}, "%.99999999999999999999d", 1), kMaxFormatWidth);
    EXPECT_EQ(format_to({}, "%*d", i64{1} << 62, 1), kMaxFormatWidth);
    EXPECT_EQ(format_to({}, "%*d", -(i64{1} << 62), 1), kMaxFormatWidth);
}

TEST(format_cuts_off_and_terminates, "lib.format.cut") {
    constexpr std::string_view kWhole = "pid 1234: done";
    for (usize size = 0; size < 20; size++) {
        char out[24];
        for (char& c : out) c = '?';
        EXPECT_EQ(format_to(std::span(out).first(size), "pid %d: %s", 1234, "done"), kWhole.size());
        const usize kept = size == 0 ? 0 : size <= kWhole.size() ? size - 1 : kWhole.size();
        EXPECT_EQ(std::string_view(out, kept), kWhole.substr(0, kept));
        if (size > 0) EXPECT_EQ(out[kept], '\0');
        for (usize i = size == 0 ? 0 : kept + 1; i < sizeof(out); i++) EXPECT_EQ(out[i], '?');
    }
}
