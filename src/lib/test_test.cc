// host-test
/// The means of testing, tested: a check that cannot fail would hide everything else.
#include "lib/test.h"

namespace {

/// Counts the failures that `body` reports, without passing them on.
u32 failures_of(void (*body)(TestContext& test)) {
    TestContext inner{.name = "inner", .report = [](TestContext&, const char*, Here) {}};
    body(inner);
    return inner.failures;
}

std::string_view last_report;
char report_room[400];

}  // namespace

TEST(test_checks_can_fail, "lib.test.failures") {
    EXPECT_EQ(failures_of([](TestContext& test) { EXPECT(false); }), 1);
    EXPECT_EQ(failures_of([](TestContext& test) { EXPECT(true); }), 0);
    EXPECT_EQ(failures_of([](TestContext& test) {
                  EXPECT_EQ(1, 2);
                  EXPECT_EQ(std::string_view("a"), "b");
                  EXPECT_EQ(2, 2);
              }),
              2);
    EXPECT_EQ(failures_of([](TestContext& test) {
                  REQUIRE(false);
                  EXPECT(false);  // not reached
              }),
              1);
}

TEST(test_equal_is_mathematical, "lib.test.equal") {
    EXPECT(!test_equal(-1, ~u64{0}) && !test_equal(~u64{0}, -1) && !test_equal(-1, 0xffffffffu));
    EXPECT(test_equal(i8{-1}, i64{-1}) && test_equal(u8{200}, 200) && test_equal(usize{3}, 3));
}

TEST(test_reports_both_values, "lib.test.report") {
    TestContext inner{.name = "inner", .report = [](TestContext&, const char* what, Here) {
                          usize length = 0;
                          for (; what[length] != '\0'; length++) report_room[length] = what[length];
                          last_report = {report_room, length};
                      }};
    const auto compare = [](TestContext& test) {
        const int got = -3;
        EXPECT_EQ(got, 0x2au);
    };
    compare(inner);
    EXPECT_EQ(last_report, "EXPECT_EQ(got, 0x2au): got -3, want 42 (0x2a)");
    const auto compare_text = [](TestContext& test) { EXPECT_EQ(std::string_view("a"), "b"); };
    compare_text(inner);
    EXPECT(last_report.ends_with("got \"a\", want \"b\""));
}

TEST(test_random_is_repeatable, "lib.test.random") {
    TestRandom first(test.seed), second(test.seed), other(test.seed + 1);
    u32 different = 0;
    for (int round = 0; round < 100; round++) {
        const u64 value = first.next();
        EXPECT_EQ(second.next(), value);
        different += other.next() != value;
        EXPECT(first.below(7) < 7);
        second.next();
    }
    EXPECT(different > 90);
}
