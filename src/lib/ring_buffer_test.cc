// host-test
#include "lib/ring_buffer.h"

#include "lib/test.h"

namespace {

/// The naive model: a queue whose front is always at index 0.
struct Model {
    std::byte at[64];
    usize size = 0;

    void push(std::byte byte) { at[size++] = byte; }
    std::byte pop() {
        const std::byte front = at[0];
        size--;
        for (usize i = 0; i < size; i++) at[i] = at[i + 1];
        return front;
    }
};

using Ring = RingBuffer<16>;

void push_some(TestContext& test, TestRandom& random, Ring& ring, Model& model) {
    std::byte bytes[24];
    const usize count = random.below(25);
    for (usize i = 0; i < count; i++) bytes[i] = static_cast<std::byte>(random.next());
    const usize want = count < 16 - model.size ? count : 16 - model.size;
    if (count == 1) {
        EXPECT_EQ(ring.push(bytes[0]), want == 1);
    } else {
        EXPECT_EQ(ring.push(std::span(bytes).first(count)), want);
    }
    for (usize i = 0; i < want; i++) model.push(bytes[i]);
}

void pop_some(TestContext& test, TestRandom& random, Ring& ring, Model& model) {
    std::byte bytes[24];
    const usize asked = random.below(25);
    const usize want = asked < model.size ? asked : model.size;
    EXPECT_EQ(ring.peek(std::span(bytes).first(asked)), want);
    for (usize i = 0; i < want; i++) EXPECT(bytes[i] == model.at[i]);
    if (asked == 1) {
        const std::optional<std::byte> byte = ring.pop();
        EXPECT(byte.has_value() == (want == 1));
        EXPECT(!byte || *byte == model.pop());
        return;
    }
    EXPECT_EQ(ring.pop(std::span(bytes).first(asked)), want);
    for (usize i = 0; i < want; i++) EXPECT(bytes[i] == model.pop());
}

}  // namespace

TEST(ring_buffer_behaves_like_a_queue, "lib.ring_buffer.model") {
    TestRandom random(test.seed);
    Ring ring;
    Model model;
    for (int round = 0; round < 5000; round++) {
        switch (random.below(8)) {
        case 0: {
            const std::optional<std::byte> newest = ring.unpush();
            EXPECT(newest.has_value() == (model.size > 0));
            EXPECT(!newest || *newest == model.at[--model.size]);
            break;
        }
        case 1:
            ring.skip(round % 3);
            for (int i = 0; i < round % 3 && model.size > 0; i++) model.pop();
            break;
        case 2:
        case 3:
        case 4: push_some(test, random, ring, model); break;
        default: pop_some(test, random, ring, model); break;
        }
        EXPECT_EQ(ring.size(), model.size);
        EXPECT_EQ(ring.room(), 16 - model.size);
        EXPECT(ring.empty() == (model.size == 0) && ring.full() == (model.size == 16));
        for (usize i = 0; i < model.size; i++) EXPECT(ring[i] == model.at[i]);
    }
    ring.clear();
    EXPECT(ring.empty() && !ring.pop() && !ring.unpush());
    EXPECT_ASSERTS(ring[0]);
}
