// Sleeping until a page is unlocked or written. Sleepers are few, so pages share some queues.

#include "vm/page_lock.h"

#include "mm/page_alloc.h"
#include "mm/vm_stat.h"
#include "sched/wait_queue.h"

namespace vm {

namespace {

struct PageWaitTable {
    SpinLock lock{"page_wait", LockRank::Mutex};
    sched::WaitQueue queue;
};
constexpr usize kTables = 64;
/// Built by init_page_locks(): a global array may not hold what points to itself.
struct alignas(PageWaitTable) PageWaitRoom {
    std::byte bytes[sizeof(PageWaitTable)];
};
constinit PageWaitRoom tables[kTables] = {};

PageWaitTable& table_of(const mm::Page& page) {
    std::byte* const room = tables[mm::pfn_of(page).raw() % kTables].bytes;
    return *reinterpret_cast<PageWaitTable*>(room);
}

}  // namespace

void init_page_locks() {
    for (PageWaitRoom& room : tables) new (room.bytes) PageWaitTable();
}

void lock_page(mm::Page& page) {
    if (try_lock_page(page)) return;
    PageWaitTable& table = table_of(page);
    IrqGuard guard(table.lock);
    for (;;) {
        page.flags.fetch_or(mm::kPageWaiters, std::memory_order_seq_cst);
        if (try_lock_page(page)) return;
        table.queue.sleep_uninterruptible(table.lock);
    }
}

void wait_on_page_writeback(mm::Page& page) {
    if (!page.has(mm::kPageWriteback)) return;
    PageWaitTable& table = table_of(page);
    IrqGuard guard(table.lock);
    for (;;) {
        page.flags.fetch_or(mm::kPageWaiters, std::memory_order_seq_cst);
        if (!page.has(mm::kPageWriteback)) return;
        table.queue.sleep_uninterruptible(table.lock);
    }
}

void wake_page_waiters(mm::Page& page) {
    PageWaitTable& table = table_of(page);
    IrqGuard guard(table.lock);
    page.flags.fetch_and(~u32{mm::kPageWaiters}, std::memory_order_relaxed);
    table.queue.wake_all();
}

void end_page_writeback(mm::Page& page) {
    mm::get_page(page);  // its cache may let go of it as soon as the flag is gone
    const u32 old = page.flags.fetch_and(~u32{mm::kPageWriteback}, std::memory_order_release);
    mm::count_vm(mm::VmItem::Writeback, -1);
    if (old & mm::kPageWaiters) wake_page_waiters(page);
    mm::put_page(page);
}

}  // namespace vm
