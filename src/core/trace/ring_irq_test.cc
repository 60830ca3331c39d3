// The ring while its writer is an interrupt handler that comes in the midst of whatever the
// readers do, and fills the whole ring at once: no reader may ever see a torn record, records
// come in order, and every one is either read or counted as lost.
#include "arch/cpu.h"
#include "core/time/clock.h"
#include "core/time/hrtimer.h"
#include "core/trace/ring.h"
#include "lib/test.h"

namespace {

using trace::RecordHeader;
using trace::Ring;

constexpr u64 kBurst = 9;  // more than the ring holds
constexpr u64 kBursts = 400;

constinit Ring::Slot slots[8] = {};
constinit Ring ring;
std::atomic<u64> bursts{0};

/// Eight copies of its number, so that a torn record shows.
struct Contents {
    u64 words[8];
};

void write_burst() {
    for (u64 n = 0; n < kBurst; n++) {
        const u64 number = ring.written();
        Contents contents;
        for (u64& word : contents.words) word = number;
        ring.write({.time_ns = number, .pid = 0, .event = 0, .size = 64, .flags = 0}, &contents);
    }
}

time::Restart expired(time::HrTimer& timer) {
    write_burst();
    if (bursts.fetch_add(1) + 1 >= kBursts) return time::Restart::No;
    timer.set_expires(time::now_ns() + 3000);
    return time::Restart::Yes;
}

bool is_whole(const RecordHeader& header, const Contents& contents) {
    for (u64 word : contents.words) {
        if (word != header.time_ns) return false;
    }
    return true;
}

Ring::Bytes bytes_of(Contents& contents) {
    return Ring::Bytes(reinterpret_cast<std::byte*>(&contents), sizeof contents);
}

TEST(ring_writer_interrupts, "core.trace.ring.writer_interrupts") {
    ring.set_slots(slots);
    bursts = 0;
    const u64 before = ring.written(), lost_before = ring.lost();
    u64 taken = 0, torn = 0, disorder = 0, last = 0, cursor = 0;
    RecordHeader header;
    Contents contents;
    time::HrTimer timer{expired};
    timer.start(time::now_ns() + 3000);
    while (bursts.load() < kBursts || ring.waiting() > 0) {
        if (ring.take(header, bytes_of(contents))) {
            taken++;
            torn += !is_whole(header, contents);
            disorder += taken > 1 && header.time_ns <= last;
            last = header.time_ns;
        }
        if (ring.next(cursor, header, bytes_of(contents))) torn += !is_whole(header, contents);
        if (ring.peek(0, header, bytes_of(contents))) torn += !is_whole(header, contents);
    }
    timer.cancel();
    EXPECT_EQ(torn, 0);
    EXPECT_EQ(disorder, 0);
    EXPECT_EQ(ring.written() - before, kBurst * kBursts);
    EXPECT_EQ(taken + ring.lost() - lost_before, kBurst * kBursts);
    EXPECT(taken >= 7);  // what the last burst left
    EXPECT(ring.lost() > lost_before);
}

/// A handler that traces between any two instructions of the same processor's writer, which has
/// its interrupts off only while it writes.
TEST(ring_two_writers, "core.trace.ring.interrupted_writer") {
    ring.set_slots(slots);
    bursts = 0;
    const u64 before = ring.written(), lost_before = ring.lost();
    u64 mine = 0, taken = 0, torn = 0;
    RecordHeader header;
    Contents contents;
    time::HrTimer timer{expired};
    timer.start(time::now_ns() + 3000);
    while (bursts.load() < kBursts) {
        const bool irqs_were_on = arch::irq_save();
        const u64 number = ring.written();
        for (u64& word : contents.words) word = number;
        ring.write({.time_ns = number, .pid = 0, .event = 0, .size = 64, .flags = 0}, &contents);
        arch::irq_restore(irqs_were_on);
        mine++;
        while (ring.take(header, bytes_of(contents))) {
            taken++;
            torn += !is_whole(header, contents);
        }
    }
    timer.cancel();
    while (ring.take(header, bytes_of(contents))) taken++;
    EXPECT_EQ(torn, 0);
    EXPECT_EQ(ring.written() - before, kBurst * kBursts + mine);
    EXPECT_EQ(taken + ring.lost() - lost_before, kBurst * kBursts + mine);
}

}  // namespace
