// host-test
#include "lib/numa_map.h"

#include "lib/test.h"

namespace {

constexpr u64 kMiB = 1 << 20;

NumaMap& fresh() {
    static TestForever<NumaMap, 1> room;
    return *room.make();
}

}  // namespace

TEST(two_nodes, "lib.numa_map.two") {
    NumaMap& map = fresh();
    EXPECT_EQ(map.node_count(), 1u);
    EXPECT_EQ(map.at(123).node, 0);
    EXPECT(map.add_memory(64 * kMiB, 64 * kMiB, 7).ok());  // the first domain is node 0
    EXPECT(map.add_memory(0, 64 * kMiB, 3).ok());
    EXPECT(map.add_cpu(0, 3).ok());
    EXPECT(map.add_cpu(1, 7).ok());
    EXPECT_EQ(map.node_count(), 2u);
    EXPECT_EQ(map.at(0).node, 1);
    EXPECT_EQ(map.at(5).end, 64 * kMiB);
    EXPECT_EQ(map.at(64 * kMiB).node, 0);
    EXPECT_EQ(map.at(128 * kMiB).end, ~u64{0});
    EXPECT_EQ(map.node_of_apic_id(0), 1);
    EXPECT_EQ(map.node_of_apic_id(1), 0);
    EXPECT_EQ(map.node_of_apic_id(99), 0);
    EXPECT_EQ(map.distance(0, 1), 20);
    EXPECT(map.set_distance(7, 3, 31).ok());
    EXPECT_EQ(map.distance(0, 1), 31);
    EXPECT_EQ(map.distance(1, 0), 20);
    EXPECT_EQ(map.distance(1, 1), 10);
}

TEST(numa_refuses, "lib.numa_map.refuses") {
    NumaMap& map = fresh();
    EXPECT(map.add_memory(0, 0, 0).error() == EINVAL);
    EXPECT(map.add_memory(~u64{0}, 2, 0).error() == EINVAL);
    EXPECT(map.add_memory(0, 64 * kMiB, 0).ok());
    EXPECT(map.add_memory(0, 64 * kMiB, 0).ok());
    EXPECT(map.add_memory(63 * kMiB, kMiB, 1).error() == EEXIST);
    EXPECT(map.add_memory(63 * kMiB, 2 * kMiB, 0).error() == EEXIST);
    EXPECT(map.add_cpu(4, 0).ok());
    EXPECT(map.add_cpu(4, 1).error() == EEXIST);
    EXPECT_EQ(map.node_count(), 1u);
    EXPECT(map.set_distance(0, 0, 11).error() == EINVAL);
    EXPECT(map.set_distance(0, 1, 10).error() == EINVAL);
    EXPECT(map.set_distance(0, 1, 9).error() == EINVAL);
    EXPECT(map.set_distance(0, 55, 20).ok());
    for (u32 domain = 1; domain < kMaxNodes; domain++) {
        EXPECT(map.add_memory((64 + domain) * kMiB, kMiB, domain).ok());
    }
    EXPECT(map.add_memory(1024 * kMiB, kMiB, 1000).error() == ENOMEM);
    for (u32 i = kMaxNodes; i < NumaMap::kMaxRanges; i++) {
        EXPECT(map.add_memory((2048 + 2 * i) * kMiB, kMiB, 0).ok());
    }
    EXPECT(map.add_memory(4096 * kMiB, kMiB, 0).error() == ENOMEM);
    for (u32 i = 1; i < NumaMap::kMaxCpus; i++) EXPECT(map.add_cpu(100 + i, 0).ok());
    EXPECT(map.add_cpu(1000, 0).error() == ENOMEM);
}

TEST(numa_sound, "lib.numa_map.sound") {
    NumaMap& map = fresh();
    const PhysRange ram[] = {{0, 640 * 1024}, {kMiB, 128 * kMiB}};
    EXPECT(!map.is_sound(ram));
    EXPECT(map.add_memory(kMiB, 63 * kMiB, 0).ok());
    EXPECT(!map.is_sound(ram));
    EXPECT(map.add_memory(64 * kMiB, 64 * kMiB, 1).ok());
    EXPECT(map.is_sound(ram));  // what is missing is less than a mebibyte
    map.clear();
    EXPECT_EQ(map.node_count(), 1u);
    EXPECT(map.ranges().empty());
}
