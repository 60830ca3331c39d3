// host-test
#include "lib/sort.h"

#include "lib/test.h"

TEST(sort_orders_and_loses_nothing, "lib.sort.model") {
    constexpr usize kMax = 100;
    TestRandom random(test.seed);
    for (int round = 0; round < 1000; round++) {
        u8 items[kMax];
        u8 count[256] = {};
        const usize size = random.below(kMax + 1);
        const u64 spread = random.one_in(2) ? 256 : 5;
        for (u8& item : std::span(items).first(size)) {
            item = static_cast<u8>(random.below(spread));
            count[item]++;
        }
        sort(std::span(items).first(size));
        for (usize i = 0; i < size; i++) {
            EXPECT(i == 0 || items[i - 1] <= items[i]);
            count[items[i]]--;
        }
        for (const u8 rest : count) EXPECT_EQ(rest, 0);
    }
}

TEST(sort_uses_the_given_order, "lib.sort.less") {
    struct Pair {
        int key, payload;
    };
    Pair pairs[] = {{1, 10}, {5, 50}, {3, 30}, {4, 40}, {2, 20}};
    sort(std::span(pairs), [](const Pair& a, const Pair& b) { return a.key > b.key; });
    for (int i = 0; i < 5; i++) EXPECT(pairs[i].key == 5 - i && pairs[i].payload == 50 - 10 * i);
}
