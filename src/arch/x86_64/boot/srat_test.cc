// host-test
// host-sources: arch/x86_64/boot/srat.cc
#include "arch/numa.h"
#include "lib/string.h"
#include "lib/test.h"

namespace {

/// A table under construction.
struct Table {
    u8 bytes[512] = {};
    usize size = 48;

    u8* append(u8 type, u8 length) {
        u8* const entry = bytes + size;
        entry[0] = type;
        entry[1] = length;
        size += length;
        return entry;
    }
    void cpu(u8 apic_id, u8 domain) {
        u8* const entry = append(0, 16);
        entry[2] = domain;
        entry[3] = apic_id;
        entry[4] = 1;
    }
    void memory(u64 start, u64 length, u32 domain, u32 flags = 1) {
        u8* const entry = append(1, 40);
        memcpy(entry + 2, &domain, sizeof domain);
        memcpy(entry + 8, &start, sizeof start);
        memcpy(entry + 16, &length, sizeof length);
        memcpy(entry + 28, &flags, sizeof flags);
    }
    std::span<const u8> span() const { return {bytes, size}; }
};

NumaMap& fresh() {
    static TestForever<NumaMap, 1> room;
    return *room.make();
}

Table& new_table() {
    static TestForever<Table, 1> room;
    return *room.make();
}

constexpr u64 kMiB = 1 << 20;

}  // namespace

TEST(srat_of_two_nodes, "arch.srat.two") {
    Table& table = new_table();
    table.bytes[8] = 3;  // revision
    table.cpu(0, 0);
    table.cpu(1, 1);
    table.memory(0, 640 * 1024, 0);
    table.memory(kMiB, 63 * kMiB, 0);
    table.memory(64 * kMiB, 64 * kMiB, 1);
    table.memory(0, 0, 0, 0);  // QEMU fills up with empty ones
    table.append(4, 32);       // of no interest
    u8* const x2apic = table.append(2, 24);
    x2apic[4] = 1;
    x2apic[9] = 1;  // id 256
    x2apic[12] = 1;
    NumaMap& map = fresh();
    REQUIRE(arch::parse_srat(table.span(), map).ok());
    EXPECT_EQ(map.node_count(), 2u);
    EXPECT_EQ(map.ranges().size(), 3u);
    EXPECT_EQ(map.node_of_apic_id(1), 1);
    EXPECT_EQ(map.node_of_apic_id(256), 1);
    EXPECT_EQ(map.at(64 * kMiB).node, 1);
}

TEST(srat_bad, "arch.srat.bad") {
    Table& short_entry = new_table();
    short_entry.append(1, 39);
    EXPECT(arch::parse_srat(short_entry.span(), fresh()).error() == EINVAL);
    Table& endless = new_table();
    endless.append(1, 0);
    endless.size += 8;
    EXPECT(arch::parse_srat(endless.span(), fresh()).error() == EINVAL);
    Table& cut = new_table();
    cut.memory(0, kMiB, 0);
    EXPECT(arch::parse_srat(cut.span().first(cut.size - 1), fresh()).error() == EINVAL);
    EXPECT(arch::parse_srat(cut.span().first(47), fresh()).error() == EINVAL);
    Table& wraps = new_table();
    wraps.memory(~u64{0} - 10, kMiB, 0);
    EXPECT(arch::parse_srat(wraps.span(), fresh()).error() == EINVAL);
    Table& overlaps = new_table();
    overlaps.memory(0, 2 * kMiB, 0);
    overlaps.memory(kMiB, 2 * kMiB, 1);
    EXPECT(!arch::parse_srat(overlaps.span(), fresh()).ok());
    Table& torn = new_table();
    torn.cpu(1, 0);
    torn.cpu(1, 1);
    EXPECT(!arch::parse_srat(torn.span(), fresh()).ok());
}

TEST(srat_any_bytes, "arch.srat.random") {
    TestRandom random(test.seed);
    for (int round = 0; round < 2000; round++) {
        Table& table = new_table();
        table.size = 48 + random.below(sizeof table.bytes - 48);
        for (usize i = 44; i < table.size; i++) {
            table.bytes[i] = u8(random.one_in(3) ? random.below(256) : random.below(3) * 8);
        }
        NumaMap& map = fresh();
        (void)arch::parse_srat(table.span(), map).ok();
        (void)arch::parse_slit(table.span(), map).ok();
        u64 at = 0;
        for (const NumaMap::Range& range : map.ranges()) {
            EXPECT(range.start >= at && range.end > range.start && range.node < map.node_count());
            at = range.end;
        }
    }
}

TEST(slit_distances, "arch.slit") {
    u8 table[44 + 4] = {};
    table[36] = 2;
    table[44] = 10, table[45] = 25, table[46] = 21, table[47] = 10;
    NumaMap& map = fresh();
    EXPECT(map.add_memory(0, kMiB, 0).ok() && map.add_memory(kMiB, kMiB, 1).ok());
    EXPECT(arch::parse_slit(table, map).ok());
    EXPECT_EQ(map.distance(0, 1), 25);
    EXPECT_EQ(map.distance(1, 0), 21);
    table[36] = 3;  // more than there is
    EXPECT(!arch::parse_slit(table, map).ok());
    table[43] = 0xff;  // would overflow when squared
    EXPECT(!arch::parse_slit(table, map).ok());
}
