// host-test
#include "lib/parse.h"

#include "lib/format.h"
#include "lib/test.h"

namespace {

u64 value_of(std::string_view text, unsigned base = 0) { return parse_unsigned(text, base).take(); }
Errno error_of(std::string_view text, unsigned base = 0) {
    return parse_unsigned(text, base).error();
}

}  // namespace

TEST(parse_unsigned_numbers, "lib.parse.unsigned") {
    EXPECT_EQ(value_of("0"), 0);
    EXPECT_EQ(value_of("42"), 42);
    EXPECT_EQ(value_of("0x2aF"), 0x2af);
    EXPECT_EQ(value_of("0b101"), 5);
    EXPECT_EQ(value_of("0755"), 0755);
    EXPECT_EQ(value_of("0755", 10), 755);
    EXPECT_EQ(value_of("ff", 16), 255);
    EXPECT_EQ(value_of("18446744073709551615"), ~u64{0});
    EXPECT_EQ(value_of("0xffffffffffffffff"), ~u64{0});
    EXPECT_EQ(error_of("18446744073709551616"), ERANGE);
    EXPECT_EQ(error_of("0x10000000000000000"), ERANGE);
    EXPECT_EQ(error_of("99999999999999999999999"), ERANGE);
    for (const char* bad : {"", " 1", "1 ", "-1", "+1", "0x", "0b", "0b2", "08", "12a", "0xg"}) {
        EXPECT_EQ(error_of(bad), EINVAL);
    }
    EXPECT_EQ(error_of("0x1f", 16), EINVAL);  // a prefix is only for base 0
}

TEST(parse_signed_numbers, "lib.parse.signed") {
    EXPECT_EQ(parse_signed("-0x10").take(), -16);
    EXPECT_EQ(parse_signed("+7").take(), 7);
    EXPECT_EQ(parse_signed("-9223372036854775808").take(), i64{-0x7fffffffffffffff} - 1);
    EXPECT_EQ(parse_signed("9223372036854775807").take(), 0x7fffffffffffffff);
    EXPECT_EQ(parse_signed("9223372036854775808").error(), ERANGE);
    EXPECT_EQ(parse_signed("-9223372036854775809").error(), ERANGE);
    EXPECT_EQ(parse_signed("--1").error(), EINVAL);
    EXPECT_EQ(parse_signed("-").error(), EINVAL);
}

TEST(parse_sizes, "lib.parse.size") {
    EXPECT_EQ(parse_size("4096").take(), 4096);
    EXPECT_EQ(parse_size("64M").take(), 64 << 20);
    EXPECT_EQ(parse_size("0x10k").take(), 16 << 10);
    EXPECT_EQ(parse_size("2g").take(), u64{2} << 30);
    EXPECT_EQ(parse_size("1E").take(), u64{1} << 60);
    EXPECT_EQ(parse_size("0xE").take(), 14);
    EXPECT_EQ(parse_size("16E").error(), ERANGE);
    EXPECT_EQ(parse_size("18446744073709551615K").error(), ERANGE);
    for (const char* bad : {"", "M", "64MB", "64 M", "-1M", "6.4M"}) {
        EXPECT_EQ(parse_size(bad).error(), EINVAL);
    }
}

TEST(parse_take_leaves_the_rest, "lib.parse.take") {
    std::string_view text = "120:rest";
    EXPECT_EQ(take_unsigned(text, 10).take(), 120);
    EXPECT_EQ(text, ":rest");
    EXPECT_EQ(take_unsigned(text, 10).error(), EINVAL);
    EXPECT_EQ(text, ":rest");
}

TEST(parse_reads_what_format_writes, "lib.parse.round_trip") {
    TestRandom random(test.seed);
    for (int round = 0; round < 2000; round++) {
        const u64 value = random.next() >> random.below(64);
        for (const char* format : {"%u", "%#x", "%#o"}) {
            char text[32];
            const usize length = format_to(text, format, value);
            EXPECT_EQ(value_of({text, length}), value);
        }
    }
}
