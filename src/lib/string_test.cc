// host-test
#include "lib/string.h"

#include "lib/test.h"

namespace {

constexpr usize kRoom = 200;  // bytes around and inside a copy
constexpr usize kMax = 80;    // longest block tried: covers every branch on the length

struct Buffer {
    u8 at[kRoom];
};

Buffer numbered() {
    Buffer buffer;
    for (usize i = 0; i < kRoom; i++) buffer.at[i] = static_cast<u8>(i * 7 + 1);
    return buffer;
}

bool same(const Buffer& a, const Buffer& b) {
    for (usize i = 0; i < kRoom; i++) {
        if (a.at[i] != b.at[i]) return false;
    }
    return true;
}

/// The obvious copy through a third place.
void naive_move(Buffer& buffer, usize to, usize from, usize count) {
    const Buffer before = buffer;
    for (usize i = 0; i < count; i++) buffer.at[to + i] = before.at[from + i];
}

}  // namespace

TEST(memcpy_every_length_and_alignment, "lib.string.memcpy") {
    for (usize count = 0; count <= kMax; count++) {
        for (usize shift = 0; shift < 64; shift++) {
            const usize to = shift / 8, from = 100 + shift % 8;
            Buffer got = numbered(), want = numbered();
            naive_move(want, to, from, count);
            EXPECT(memcpy(got.at + to, got.at + from, count) == got.at + to);
            EXPECT(same(got, want));
        }
    }
}

TEST(memmove_every_overlap, "lib.string.memmove") {
    for (usize count = 0; count <= kMax; count++) {
        for (usize to = 0; to <= 100; to += 1 + to / 60) {
            Buffer got = numbered(), want = numbered();
            naive_move(want, to, 50, count);
            EXPECT(memmove(got.at + to, got.at + 50, count) == got.at + to);
            EXPECT(same(got, want));
        }
    }
}

TEST(memset_every_length, "lib.string.memset") {
    for (usize count = 0; count <= kMax; count++) {
        for (usize to = 0; to < 8; to++) {
            Buffer got = numbered(), want = numbered();
            for (usize i = 0; i < count; i++) want.at[to + i] = 0xa5;
            EXPECT(memset(got.at + to, 0x7a5, count) == got.at + to);
            EXPECT(same(got, want));
        }
    }
}

TEST(memcmp_finds_the_first_difference, "lib.string.memcmp") {
    for (usize count = 1; count <= kMax; count++) {
        for (usize at = 0; at < count; at++) {
            Buffer a = numbered(), b = numbered();
            EXPECT_EQ(memcmp(a.at, b.at, count), 0);
            a.at[at] = 0x7f;
            b.at[at] = 0x80;  // bytes compare unsigned
            b.at[count] ^= 1;
            EXPECT(memcmp(a.at, b.at, count) < 0);
            EXPECT(memcmp(b.at, a.at, count) > 0);
            EXPECT_EQ(memcmp(a.at, b.at, at), 0);
            if (at + 1 < count) a.at[at + 1] = 0xff;  // later bytes do not matter
            EXPECT(memcmp(a.at, b.at, count) < 0);
        }
    }
}

TEST(memchr_stops_at_the_first_hit_and_at_the_end, "lib.string.memchr") {
    const u8 bytes[] = {1, 2, 0, 0xff, 2};
    EXPECT_EQ(memchr(bytes, 2, 5), bytes + 1);
    EXPECT_EQ(memchr(bytes, 0xff, 5), bytes + 3);
    EXPECT_EQ(memchr(bytes, -1, 5), bytes + 3);
    EXPECT(memchr(bytes, 0xff, 3) == nullptr);
    EXPECT(memchr(bytes, 1, 0) == nullptr);
}

TEST(lengths, "lib.string.lengths") {
    EXPECT_EQ(strlen(""), 0);
    EXPECT_EQ(strlen("vitrine"), 7);
    const char open[3] = {'a', 'b', 'c'};  // no NUL: looking further is an error ASan sees
    EXPECT_EQ(strnlen(open, 3), 3);
    EXPECT_EQ(strnlen(open, 0), 0);
    EXPECT_EQ(strnlen("ab", 10), 2);
}

TEST(comparisons, "lib.string.compare") {
    EXPECT_EQ(strcmp("", ""), 0);
    EXPECT_EQ(strcmp("init", "init"), 0);
    EXPECT(strcmp("init", "initrd") < 0);
    EXPECT(strcmp("initrd", "init") > 0);
    EXPECT(strcmp("a\x80", "a\x7f") > 0);
    EXPECT_EQ(strncmp("initrd", "init", 4), 0);
    EXPECT(strncmp("initrd", "init", 5) > 0);
    EXPECT_EQ(strncmp("a", "b", 0), 0);
    EXPECT_EQ(strncmp("ab\0x", "ab\0y", 4), 0);
    EXPECT(strncmp("a\x80", "a\x7f", 2) > 0);
}

TEST(strchr_sees_the_terminator, "lib.string.strchr") {
    const char* text = "a=b=c";
    EXPECT_EQ(strchr(text, '=') - text, 1);
    EXPECT_EQ(strchr(text, '\0') - text, 5);
    EXPECT(strchr(text, 'x') == nullptr);
    EXPECT(strchr("", 'x') == nullptr);
}

TEST(copy_string_truncates_and_terminates, "lib.string.copy_string") {
    char room[4] = {'?', '?', '?', '?'};
    EXPECT_EQ(copy_string(room, "ab"), 2);
    EXPECT_EQ(std::string_view(room), "ab");
    EXPECT_EQ(copy_string(room, "abc"), 3);
    EXPECT_EQ(std::string_view(room), "abc");
    EXPECT_EQ(copy_string(room, "abcd"), 4);
    EXPECT_EQ(std::string_view(room), "abc");
    EXPECT_EQ(copy_string(std::span(room).first(1), "x"), 1);
    EXPECT_EQ(room[0], '\0');
    EXPECT_EQ(copy_string({}, "abc"), 3);
}
