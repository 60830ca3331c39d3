// host-test
// host-sources: core/trace/ring.cc
#include "core/trace/ring.h"

#include "lib/string.h"
#include "lib/test.h"

namespace {

using trace::RecordHeader;
using trace::Ring;

struct Fixture {
    Ring::Slot slots[8];
    Ring ring;
    RecordHeader header;
    std::byte bytes[trace::kMaxRecord];

    Fixture() { ring.set_slots(slots); }
    void write(u64 number) {
        ring.write({.time_ns = number, .pid = 1, .event = 2, .size = 8, .flags = 0}, &number);
    }
    /// The number in the record that was read last; ~0 if header and contents disagree.
    u64 number() const {
        u64 value;
        memcpy(&value, bytes, sizeof value);
        return value == header.time_ns && header.size == 8 ? value : ~u64{0};
    }
    bool take() { return ring.take(header, bytes); }
};

TEST(ring_is_fifo, "core.trace.ring.fifo") {
    Fixture f;
    EXPECT(!f.take());
    for (u64 n = 0; n < 5; n++) f.write(n);
    EXPECT_EQ(f.ring.waiting(), 5);
    for (u64 n = 0; n < 5; n++) {
        EXPECT(f.take());
        EXPECT_EQ(f.number(), n);
    }
    EXPECT(!f.take());
    EXPECT_EQ(f.ring.lost(), 0);
}

TEST(ring_wraps, "core.trace.ring.wrap") {
    Fixture f;
    u64 next = 0;
    for (u64 round = 0; round < 100; round++) {
        const u64 batch = round % 8;  // up to what the ring holds
        for (u64 n = 0; n < batch; n++) f.write(next + n);
        for (u64 n = 0; n < batch; n++) {
            EXPECT(f.take());
            EXPECT_EQ(f.number(), next++);
        }
        EXPECT(!f.take());
    }
    EXPECT_EQ(f.ring.lost(), 0);
    EXPECT_EQ(f.ring.written(), next);
}

TEST(ring_overtaken, "core.trace.ring.overtaken") {
    Fixture f;
    for (u64 n = 0; n < 8; n++) f.write(n);  // slot 0 is the writer's next one: record 0 is gone
    EXPECT_EQ(f.ring.lost(), 1);
    EXPECT_EQ(f.ring.waiting(), 7);
    EXPECT(f.take());
    EXPECT_EQ(f.number(), 1);
    for (u64 n = 8; n < 30; n++) f.write(n);
    EXPECT_EQ(f.ring.lost(), 22);  // known before anybody reads
    for (u64 n = 23; n < 30; n++) {
        EXPECT(f.take());
        EXPECT_EQ(f.number(), n);
    }
    EXPECT(!f.take());
    EXPECT_EQ(f.ring.lost(), 22);
    EXPECT_EQ(f.ring.waiting(), 0);
}

TEST(ring_looking_takes_nothing, "core.trace.ring.looking") {
    Fixture f;
    for (u64 n = 0; n < 20; n++) f.write(n);
    u64 cursor = 0;
    for (u64 n = 13; n < 20; n++) {
        EXPECT(f.ring.next(cursor, f.header, f.bytes));
        EXPECT_EQ(f.number(), n);
    }
    EXPECT(!f.ring.next(cursor, f.header, f.bytes));
    f.write(20);
    EXPECT(f.ring.next(cursor, f.header, f.bytes));
    EXPECT_EQ(f.number(), 20);
    for (u64 back = 0; back < 7; back++) {
        EXPECT(f.ring.peek(back, f.header, f.bytes));
        EXPECT_EQ(f.number(), 20 - back);
    }
    EXPECT(!f.ring.peek(7, f.header, f.bytes));
    EXPECT(f.take());
    EXPECT_EQ(f.number(), 14);
}

TEST(ring_clear, "core.trace.ring.clear") {
    Fixture f;
    for (u64 n = 0; n < 20; n++) f.write(n);
    f.ring.clear();
    u64 cursor = 0;
    EXPECT(!f.take());
    EXPECT(!f.ring.next(cursor, f.header, f.bytes));
    EXPECT(!f.ring.peek(0, f.header, f.bytes));
    EXPECT_EQ(f.ring.lost(), 0);
    f.write(20);
    EXPECT(f.ring.peek(0, f.header, f.bytes));
    EXPECT(!f.ring.peek(1, f.header, f.bytes));
    EXPECT(f.take());
    EXPECT_EQ(f.number(), 20);
}

TEST(ring_without_slots, "core.trace.ring.no_slots") {
    Ring ring;
    RecordHeader header;
    std::byte bytes[trace::kMaxRecord];
    u64 cursor = 0;
    EXPECT(!ring.is_ready());
    EXPECT(!ring.take(header, bytes));
    EXPECT(!ring.next(cursor, header, bytes));
    EXPECT(!ring.peek(0, header, bytes));
    EXPECT_EQ(ring.lost(), 0);
    EXPECT_EQ(ring.waiting(), 0);
}

}  // namespace
