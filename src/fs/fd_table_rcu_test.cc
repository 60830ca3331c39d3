// Descriptor tables that are read without a lock: a file, and the array of slots, are freed only
// when nobody can be looking at them.

#include "core/rcu/state.h"
#include "core/time/clock.h"
#include "fs/fd_table.h"
#include "fs/scratch_test.h"
#include "mm/slab.h"
#include "sched/kthread.h"
#include "sched/wait_queue.h"

namespace fs::testing {

namespace {

class NoOperations final : public FileOperations {};
constexpr NoOperations kNoOps;
constexpr const char* kName = "[fd_table_test]";

Ref<File> new_file() { return File::open_anonymous(kName, kNoOps, O_RDWR, nullptr).take(); }

u64 files_in_use() {
    for (mm::CacheCursor at; mm::KmemCache* cache = at.next();) {
        if (std::string_view(cache->name()) == "filp") return cache->stats().objects_in_use;
    }
    return 0;
}

constexpr int kFiles = 40;

/// Threads that look up numbers while others close, open and make room.
struct Traffic {
    FdTable* table = nullptr;
    std::atomic<u32> stop{0}, ended{0}, found{0}, wrong{0};
};
constinit Traffic traffic;

void look_up(void*) {
    TestRandom random(1);
    while (traffic.stop.load() == 0) {
        Result<Ref<File>> file = traffic.table->get(static_cast<int>(random.below(kFiles)));
        if (!file.ok()) continue;
        const Ref<File> mine = file.take();
        if (mine->ops != &kNoOps || mine->anonymous_name != kName) traffic.wrong.fetch_add(1);
        traffic.found.fetch_add(1, std::memory_order_relaxed);
    }
    traffic.ended.fetch_add(1);
}

void close_and_open(FdTable& table, TestRandom& random) {
    (void)table.close(static_cast<int>(random.below(kFiles)));
    auto reserved = table.reserve(kFiles);
    if (reserved.ok()) reserved.value().install(new_file());
}

}  // namespace

TEST(a_closed_file_waits_for_readers, "fs.fd_table.rcu.file") {
    rcu_barrier();
    Ref<File> file = new_file();
    const u64 before = files_in_use();
    {
        RcuReadGuard guard;
        file.reset();
        EXPECT(rcu::queued_callbacks(cpu_id()) > 0);
        EXPECT_EQ(files_in_use(), before);
    }
    rcu_barrier();
    EXPECT(files_in_use() < before);
}

TEST(lookups_race_with_closing, "fs.fd_table.rcu.race") {
    Ref<FdTable> table = Ref<FdTable>::adopt(FdTable::create().value());
    const u64 before = files_in_use();
    traffic.table = table.get();
    traffic.stop = traffic.ended = traffic.found = traffic.wrong = 0;
    const u32 readers = online_cpus.count();
    for (u32 i = 0; i < readers; i++) {
        (void)sched::kthread_run(look_up, nullptr, "fd_reader").take();
    }
    TestRandom random(test.seed);
    const u64 end = time::now_ns() + 200 * time::kNsPerMs;
    for (int most = 100; time::now_ns() < end;) {
        close_and_open(*table, random);
        if (random.one_in(50) && most < 20'000) {  // the array grows, past what kmalloc() gives
            EXPECT_OK(table->install_at(most, new_file(), false, 1 << 20));
            EXPECT_OK(table->close(most));
            most *= 2;
        }
    }
    while (traffic.found.load() == 0) (void)sched::sleep_until(time::now_ns() + 1000).ok();
    traffic.stop = 1;
    while (traffic.ended.load() < readers) (void)sched::sleep_until(time::now_ns() + 1000).ok();
    EXPECT_EQ(traffic.wrong.load(), 0u);
    table.reset();
    rcu_barrier();
    EXPECT(files_in_use() <= before + 20);  // others may have opened some meanwhile
}

}  // namespace fs::testing
