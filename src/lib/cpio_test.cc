// host-test
#include "lib/cpio.h"

#include "lib/format.h"
#include "lib/string.h"
#include "lib/test.h"

namespace {

/// A small archive under construction.
struct Archive {
    char bytes[2048];
    usize size = 0;

    void pad(usize unit) {
        while (size % unit != 0) bytes[size++] = '\0';
    }
    void put(std::string_view text) {
        for (const char c : text) bytes[size++] = c;
    }
    void add(std::string_view name, u32 mode, std::string_view data, u32 ino = 1) {
        char header[120];
        format_to(header, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", ino, mode,
                  100, 200, 1, 0x5f000000, data.size(), 8, 1, 4, 64, name.size() + 1, 0);
        put(header);
        put(name);
        bytes[size++] = '\0';
        pad(4);
        put(data);
        pad(4);
    }
    void finish() {
        add("TRAILER!!!", 0, "");
        pad(512);
    }
    std::span<const std::byte> view() const { return std::as_bytes(std::span(bytes, size)); }
};

TestForever<Archive, 1> storage;

Archive& sample() {
    Archive& archive = *storage.make();
    archive.add(".", 0040755, "");
    archive.add("init", 0100755, "#!/bin/sh\n");
    archive.add("dev/ttyS0", 0020600, "");
    archive.finish();
    return archive;
}

std::string_view text(std::span<const std::byte> data) {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
}

/// Reads to the end; the number of entries, or -1 for a damaged archive.
int count_entries(std::span<const std::byte> archive) {
    CpioReader reader(archive);
    CpioEntry entry;
    for (int count = 0;; count++) {
        Result<bool> more = reader.next(entry);
        if (!more.ok()) {
            ASSERT(more.error() == EINVAL && reader.problem());
            ASSERT(reader.position() <= archive.size());
            ASSERT(!reader.next(entry).ok());  // an error stays
            return -1;
        }
        if (!more.value()) return count;
        // What is returned lies within the archive; ASan sees it if not.
        for (const char c : entry.name) ASSERT(c != '\0');
        u32 sum = 0;
        for (const std::byte b : entry.data) sum += static_cast<u32>(b);
        ASSERT(sum <= 255 * entry.data.size());
    }
}

const char* problem_of(std::span<const std::byte> archive) {
    CpioReader reader(archive);
    CpioEntry entry;
    for (;;) {
        Result<bool> more = reader.next(entry);
        if (!more.ok()) return reader.problem();
        if (!more.value()) return "none";
    }
}

}  // namespace

TEST(cpio_reads_entries, "lib.cpio.entries") {
    const Archive& archive = sample();
    CpioReader reader(archive.view());
    CpioEntry entry;
    EXPECT(reader.next(entry).take());
    EXPECT_EQ(entry.name, ".");
    EXPECT_EQ(entry.mode, 0040755);
    EXPECT(reader.next(entry).take());
    EXPECT_EQ(entry.name, "init");
    EXPECT_EQ(text(entry.data), "#!/bin/sh\n");
    EXPECT_EQ(reader.position(), 112);
    EXPECT_EQ(entry.uid, 100);
    EXPECT_EQ(entry.gid, 200);
    EXPECT_EQ(entry.nlink, 1);
    EXPECT_EQ(entry.mtime, 0x5f000000);
    EXPECT(entry.dev_major == 8 && entry.dev_minor == 1 && entry.ino == 1);
    EXPECT(reader.next(entry).take());
    EXPECT_EQ(entry.name, "dev/ttyS0");
    EXPECT(entry.rdev_major == 4 && entry.rdev_minor == 64 && entry.data.empty());
    EXPECT(!reader.next(entry).take());
    EXPECT(!reader.next(entry).take());
    EXPECT(reader.problem() == nullptr);
}

TEST(cpio_archives_follow_each_other, "lib.cpio.concatenated") {
    Archive& archive = *storage.make();
    EXPECT_EQ(count_entries({}), 0);
    archive.pad(4);
    archive.add("a", 0100644, "first");
    archive.finish();
    archive.add("b", 0100644, "second");
    archive.finish();
    EXPECT_EQ(count_entries(archive.view()), 2);
    archive.put("gunzip me");
    EXPECT_EQ(count_entries(archive.view()), -1);
}

TEST(cpio_every_truncation_is_noticed, "lib.cpio.truncation") {
    const Archive& archive = sample();
    const std::span<const std::byte> whole = archive.view();
    usize end = whole.size();  // of the trailer: behind it are only zeros
    while (whole[end - 1] == std::byte{0}) end--;
    end = align_up(end + 1, 4);
    EXPECT_EQ(count_entries(whole), 3);
    for (usize size = 0; size <= whole.size(); size++) {
        // A copy of exactly that size, so that ASan sees any step behind the end.
        static char copy[2048];
        char* const at = copy + sizeof(copy) - size;
        memcpy(at, archive.bytes, size);
        const int want = size == 0 ? 0 : size < end ? -1 : 3;
        EXPECT_EQ(count_entries(std::as_bytes(std::span(at, size))), want);
    }
}

TEST(cpio_random_damage_is_survived, "lib.cpio.damage") {
    TestRandom random(test.seed);
    for (int round = 0; round < 3000; round++) {
        Archive& archive = sample();
        for (u64 flips = 1 + random.below(4); flips > 0; flips--) {
            char& victim = archive.bytes[random.below(archive.size)];
            victim = static_cast<char>(random.one_in(2) ? random.next() : "0fF\0"[random.below(4)]);
        }
        EXPECT(count_entries(archive.view()) <= 3);
    }
}

TEST(cpio_problems_have_names, "lib.cpio.problems") {
    struct Case {
        usize offset;  // of the second entry's header field, or of something behind it
        const char* with;
        std::string_view problem;
    };
    constexpr usize kName = 110, kFileSize = 54, kNameSize = 94;
    const Case cases[] = {
        {0, "070707", "this is no newc header"},
        {14, "0000g1ed", "a number in the header is not hexadecimal"},
        {kNameSize, "00000000", "the name is empty"},
        {kNameSize, "00000001", "the name is empty"},
        {kNameSize, "00001001", "the name is too long"},
        {kNameSize, "ffffffff", "the name is too long"},
        {kNameSize, "00000FFF", "the name is cut off"},
        {kNameSize, "00000004", "the name is not terminated by its NUL"},
        {kNameSize, "00000006", "the name is not terminated by its NUL"},
        {kFileSize, "ffffffff", "the data is cut off"},
        {kFileSize, "0000a000", "the data is cut off"},
        {kName + 1, "", "none"},
    };
    for (const Case& each : cases) {
        Archive& archive = sample();
        memcpy(archive.bytes + 112 + each.offset, each.with, strlen(each.with));
        EXPECT_EQ(std::string_view(problem_of(archive.view())), each.problem);
    }
    Archive& archive = sample();
    archive.bytes[112 + kName + 1] = '\0';  // a NUL within the name
    EXPECT_EQ(std::string_view(problem_of(archive.view())),
              "the name is not terminated by its NUL");
    EXPECT_EQ(std::string_view(problem_of(archive.view().first(50))), "the header is cut off");
}
