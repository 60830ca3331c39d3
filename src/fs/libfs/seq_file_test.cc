// Text that grows, and its escapes.
#include "fs/libfs/seq_file.h"
#include "lib/test.h"

namespace libfs {

TEST(seq_file_grows, "fs.libfs.seq.grow") {
    SeqFile seq;
    for (int i = 0; i < 3000; i++) seq.print("%04d\n", i);
    REQUIRE(seq.error().ok());
    REQUIRE(seq.text().size() == 15000);
    EXPECT_EQ(seq.text().substr(0, 5), "0000\n");
    EXPECT_EQ(seq.text().substr(14995), "2999\n");
    seq.clear();
    seq.print("%s", "new");
    EXPECT_EQ(seq.text(), "new");
}

TEST(seq_file_limit, "fs.libfs.seq.limit") {
    SeqFile seq;
    const std::string_view line =
        "0123456789012345678901234567890123456789012345678901234567890123";
    for (int i = 0; i < 80'000; i++) seq.write(line);  // 5 MiB: more than it may hold
    EXPECT(!seq.error().ok());
}

TEST(seq_file_escapes, "fs.libfs.seq.escape") {
    SeqFile seq;
    seq.write_escaped("a b\n\\c", " \n\\");
    EXPECT_EQ(seq.text(), "a\\040b\\012\\134c");
}

TEST(seq_file_ranges, "fs.libfs.seq.ranges") {
    static constexpr struct {
        u64 bits;
        std::string_view text;
    } kCases[] = {{0, ""},
                  {1, "0"},
                  {0b10, "1"},
                  {0b1101'0111, "0-2,4,6-7"},
                  {u64{1} << 63, "63"},
                  {u64{3} << 62 | 1, "0,62-63"},
                  {~u64{0}, "0-63"}};
    for (const auto& [bits, text] : kCases) {
        SeqFile seq;
        seq.write_ranges(bits);
        EXPECT_EQ(seq.text(), text);
    }
}

TEST(trim_text, "fs.libfs.trim") {
    EXPECT_EQ(trim(" \tx y\n"), "x y");
    EXPECT_EQ(trim("\n"), "");
    EXPECT_EQ(trim(""), "");
}

}  // namespace libfs
