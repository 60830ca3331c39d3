// host-test
#include "lib/result.h"

#include <type_traits>

#include "lib/strong.h"
#include "lib/test.h"

namespace {

/// Counts how many of its kind are alive.
struct Counted {
    static inline int alive = 0;
    int value;
    explicit Counted(int value) : value(value) { alive++; }
    Counted(Counted&& from) : value(from.value) { alive++; }
    ~Counted() { alive--; }
};

Result<Counted> make(bool succeeds) {
    if (!succeeds) return ENOMEM;
    return Counted(7);
}

Result<int> use(bool succeeds) {
    const Counted counted = TRY(make(succeeds));
    return counted.value + 1;
}

}  // namespace

TEST(result_holds_one_or_the_other, "lib.result.halves") {
    EXPECT_EQ(use(true).take(), 8);
    EXPECT_EQ(use(false).error(), ENOMEM);
    {
        Result<Counted> result = make(true);
        EXPECT(result.ok());
        EXPECT_EQ(result.value().value, 7);
        EXPECT_EQ(Counted::alive, 1);
        Result<Counted> moved = std::move(result);
        EXPECT_EQ(moved.take().value, 7);
    }
    EXPECT_EQ(Counted::alive, 0);
    Result<void> nothing;
    EXPECT(nothing.ok());
    nothing = EIO;
    EXPECT_EQ(nothing.error(), EIO);
}

TEST(result_reading_the_wrong_half, "lib.result.misuse") {
    EXPECT_ASSERTS(Result<int>(5).error());
    EXPECT_ASSERTS(Result<int>(EIO).take());
    EXPECT_ASSERTS(Result<int>(EIO).value());
    EXPECT_ASSERTS(Result<void>(EIO).take());
    EXPECT_ASSERTS(Result<void>().error());
}

TEST(strong_numbers_count_like_points, "lib.strong.arithmetic") {
    const PhysAddr address(0x12345678);
    EXPECT_EQ(pfn_of(address).raw(), 0x12345);
    EXPECT_EQ(start_of(Pfn(0x12345)).raw(), 0x12345000);
    EXPECT_EQ(start_of(Pfn(3) + 2) - start_of(Pfn(3)), 2 * kPageSize);
    EXPECT(Pfn(3) < Pfn(4) && Pfn(3) == Pfn(4) - 1);
    EXPECT_EQ(page_down(VirtAddr(0x1fff)).raw(), 0x1000);
    EXPECT_EQ(page_up(VirtAddr(0x1001)).raw(), 0x2000);
    EXPECT_EQ(page_up(VirtAddr(0x1000)).raw(), 0x1000);
    static_assert(!std::is_convertible_v<PhysAddr, VirtAddr>);
    static_assert(!std::is_convertible_v<u64, Pfn>);
    static_assert(!std::is_constructible_v<Pfn, PhysAddr>);
}
