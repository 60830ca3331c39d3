// Every kind of undefined behaviour that is checked, planted and reported.

#include <bit>

#include "core/ubsan/report.h"
#include "lib/string.h"
#include "lib/test.h"

namespace ubsan {

namespace {

volatile u64 sink;
/// What the compiler cannot know beforehand.
template <class T>
[[gnu::noinline]] T hidden(T value) {
    asm volatile("" : "+r"(value));
    return value;
}

/// Whether `plant` is reported, once, as `kind`.
bool is_reported(const char* kind, void (*plant)()) {
    const Planting planting;
    const u64 before = last_report().count;
    plant();
    const Report after = last_report();
    return after.count == before + 1 && strcmp(after.kind, kind) == 0;
}

struct Table {
    u32 row[4] = {1, 2, 3, 4};
    u32 behind = 5;
};

}  // namespace

TEST(shifts, "ubsan.shift") {
    EXPECT(is_reported("shift-out-of-bounds", [] { sink = u64{1} << hidden(64); }));
    EXPECT(is_reported("shift-out-of-bounds", [] { sink = u64(u32{1} >> hidden(-1)); }));
    EXPECT(!is_reported("shift-out-of-bounds", [] { sink = u64{1} << hidden(63); }));
}

TEST(index, "ubsan.bounds") {
    static Table table;
    EXPECT(is_reported("array-index-out-of-bounds", [] { sink = table.row[hidden(4)]; }));
    EXPECT(!is_reported("array-index-out-of-bounds", [] { sink = table.row[hidden(3)]; }));
}

TEST(signed_overflow, "ubsan.overflow") {
    constexpr int kMost = 0x7fffffff;
    EXPECT(is_reported("signed-integer-overflow", [] { sink = u64(hidden(kMost) + 1); }));
    EXPECT(is_reported("signed-integer-overflow", [] { sink = u64(hidden(-kMost) - 2); }));
    EXPECT(is_reported("signed-integer-overflow", [] { sink = u64(hidden(kMost) * 2); }));
    EXPECT(is_reported("signed-integer-overflow", [] { sink = u64(-hidden(-kMost - 1)); }));
    EXPECT(!is_reported("signed-integer-overflow", [] { sink = hidden(0xffffffffu) + 1u; }));
}

// The processor faults on a division by zero, too: only what the check says is looked at.
TEST(invalid_values, "ubsan.value") {
    EXPECT(is_reported("invalid-load", [] {
        static u8 byte = 2;
        sink = *hidden(reinterpret_cast<bool*>(&byte)) ? 1 : 0;
    }));
}

TEST(zeros, "ubsan.builtin") {
    EXPECT(is_reported("invalid-builtin", [] { sink = u64(__builtin_clzll(hidden(u64{0}))); }));
}

TEST(null_argument, "ubsan.nonnull") {
    struct Taker {
        [[gnu::noinline, gnu::nonnull]] static u64 take(const char* text) {
            asm volatile("" : "+r"(text));
            return reinterpret_cast<u64>(text);
        }
    };
    EXPECT(is_reported("null-argument", [] { sink = Taker::take(hidden<const char*>(nullptr)); }));
}

}  // namespace ubsan
