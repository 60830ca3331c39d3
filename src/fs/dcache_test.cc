// The dentry cache under load: what it keeps, what it lets go.
#include "fs/scratch_test.h"
#include "lib/format.h"
#include "mm/page_alloc.h"

namespace fs::testing {

TEST(negative_entries, "fs.dcache.negative") {
    Scratch scratch;
    EXPECT_CODE(lookup("/.ktest/x", 0), ENOENT);
    auto dir = lookup("/.ktest", 0);
    REQUIRE(dir.ok());
    const auto cached = [&] { return Dentry::lookup_cached(*dir.value().dentry, "x"); };
    EXPECT(cached() && cached()->is_negative());
    EXPECT_OK(touch("/.ktest/x"));
    EXPECT(cached() && !cached()->is_negative());
    EXPECT_OK(unlink_at("/.ktest/x"));
    EXPECT(cached() && cached()->is_negative());

    // While somebody has the file open, its dentry stays what it is, but out of the cache.
    EXPECT_OK(store("/.ktest/x", "text"));
    auto open_file = open_at("/.ktest/x", O_RDONLY);
    REQUIRE(open_file.ok());
    EXPECT_OK(unlink_at("/.ktest/x"));
    EXPECT(!cached());
    EXPECT(open_file.value()->path.dentry->is_unlinked());
    EXPECT_OK(touch("/.ktest/x"));
    EXPECT(open_file.value()->inode() != cached()->inode());
}

TEST(negative_flood, "fs.dcache.flood") {
    Scratch scratch;
    const u64 limit = mm::total_pages() / 8 + 1024;
    char name[40];
    for (u64 i = 0; i < 2 * limit; i++) {
        const usize length = format_to(name, "/.ktest/no-such-file-%u", i);
        EXPECT_CODE(lookup({name, length}, 0), ENOENT);
    }
    EXPECT(dcache_stats().negative <= limit + 64);
}

TEST(shrink, "fs.dcache.shrink") {
    Scratch scratch;
    EXPECT_OK(mkdir_at("/.ktest/d"));
    EXPECT_OK(store("/.ktest/d/f", "text"));
    auto held = lookup("/.ktest/d/f", 0);
    REQUIRE(held.ok());
    EXPECT_CODE(lookup("/.ktest/d/none", 0), ENOENT);
    shrink_dcache(~0ull);
    Dentry& dir = *held.value().dentry->parent();
    EXPECT(!Dentry::lookup_cached(dir, "none"));
    EXPECT(Dentry::lookup_cached(dir, "f") == held.value().dentry.get());
}

}  // namespace fs::testing
