// Descriptor tables.
#include "fs/fd_table.h"
#include "fs/scratch_test.h"

namespace fs::testing {

/// A table for one test.
static Ref<FdTable> new_table() { return Ref<FdTable>::adopt(FdTable::create().value()); }

static int open_in(FdTable& table, const Ref<File>& file, int from = 0, u32 limit = 10'000) {
    auto reserved = table.reserve(limit, from);
    if (!reserved.ok()) return -code(reserved);
    const int number = reserved.value().number();
    reserved.value().install(file);
    return number;
}

TEST(lowest_number, "fs.fd_table.lowest") {
    Scratch scratch;
    Ref<FdTable> table = new_table();
    const Ref<File> file = open_at("/.ktest/f", O_CREAT | O_RDWR).value();
    for (int i = 0; i < 300; i++) EXPECT_EQ(open_in(*table, file), i);
    EXPECT_OK(table->close(7));
    EXPECT_OK(table->close(5));
    EXPECT_CODE(table->close(5), EBADF);
    EXPECT_CODE(table->get(5), EBADF);
    EXPECT_CODE(table->get(-1), EBADF);
    EXPECT_CODE(table->get(1 << 30), EBADF);
    EXPECT_EQ(open_in(*table, file, 6), 7);
    EXPECT_EQ(open_in(*table, file), 5);
    EXPECT_EQ(open_in(*table, file), 300);
    EXPECT_EQ(open_in(*table, file, 1000), 1000);
    EXPECT_EQ(open_in(*table, file, 0, 301), -int(EMFILE));
    EXPECT_EQ(table->next_open(301), 1000);
    EXPECT_EQ(table->next_open(1001), -1);

    {
        auto reserved = table->reserve(10'000);
        REQUIRE(reserved.ok());
        EXPECT_EQ(reserved.value().number(), 301);
        EXPECT_CODE(table->get(301), EBADF);  // not yet
        EXPECT_CODE(table->install_at(301, file, false, 1024), EBUSY);
    }
    EXPECT_EQ(open_in(*table, file), 301);  // given back
    table.reset();
    EXPECT_EQ(file->ref_count.value(), 1u);
}

TEST(install_and_copy, "fs.fd_table.copy") {
    Scratch scratch;
    Ref<FdTable> table = new_table();
    const Ref<File> a = open_at("/.ktest/a", O_CREAT | O_RDWR).value();
    const Ref<File> b = open_at("/.ktest/b", O_CREAT | O_RDWR).value();
    EXPECT_OK(table->install_at(100, a, true, 1024));
    EXPECT_OK(table->install_at(3, a, false, 1024));
    EXPECT_OK(table->install_at(3, b, false, 1024));
    EXPECT_CODE(table->install_at(1024, a, false, 1024), EBADF);
    EXPECT_CODE(table->install_at(-1, a, false, 1024), EBADF);
    EXPECT_EQ(a->ref_count.value(), 2u);

    auto copy = Ref<FdTable>::adopt(table->duplicate().value());
    EXPECT(copy->get(3).value() == b);
    EXPECT(copy->close_on_exec(100).value());
    copy->do_close_on_exec();
    EXPECT_CODE(copy->get(100), EBADF);
    EXPECT_OK(copy->get(3));
    EXPECT_OK(table->get(100));
    table->close_range(50, ~0u, false);
    EXPECT_CODE(table->get(100), EBADF);
    table->close_range(0, 50, true);
    EXPECT(table->close_on_exec(3).value());
    EXPECT_EQ(a->ref_count.value(), 1u);
}

}  // namespace fs::testing
