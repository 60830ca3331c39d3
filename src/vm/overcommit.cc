// Promises of memory. See overcommit.h.

#include "vm/overcommit.h"

#include "abi/prctl.h"
#include "mm/page_alloc.h"
#include "sched/task.h"
#include "vm/swap/swap.h"
#include "vm/vm_area.h"

namespace vm {

constinit std::atomic<u32> overcommit_memory{0}, overcommit_ratio{50};

namespace {

constinit std::atomic<i64> committed{0};

/// Never keeps a little back, so that root can still log in and kill somebody.
constexpr u64 kAdminReserve = (8u << 20) / kPageSize;

}  // namespace

bool is_committed(u32 flags) {
    if (flags & kVmNoReserve) return false;
    return (flags & (kVmWrite | kVmShared)) == kVmWrite;
}

void commit(i64 pages) { committed.fetch_add(pages, std::memory_order_relaxed); }

u64 committed_pages() {
    const i64 now = committed.load(std::memory_order_relaxed);
    return now > 0 ? static_cast<u64>(now) : 0;
}

u64 commit_limit() {
    const u64 ratio = overcommit_ratio.load(std::memory_order_relaxed);
    return mm::total_pages() * ratio / 100 + total_swap_pages();
}

bool has_enough_memory(u64 pages) {
    switch (static_cast<Overcommit>(overcommit_memory.load(std::memory_order_relaxed))) {
    case Overcommit::Always: return true;
    case Overcommit::Guess: return pages <= mm::total_pages() + total_swap_pages();
    case Overcommit::Never: break;
    }
    u64 limit = commit_limit();
    if (!sched::capable(abi::CAP_SYS_ADMIN)) limit -= std::min(limit / 32, kAdminReserve);
    return committed_pages() + pages <= limit;
}

}  // namespace vm
