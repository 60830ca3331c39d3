/// How much memory may be promised: private writable areas and shared anonymous memory, whether
/// touched or not. Linux: __vm_enough_memory() in mm/util.c;
/// Documentation/mm/overcommit-accounting.
#pragma once

#include <atomic>

#include "mm/page.h"

namespace vm {

/// /proc/sys/vm/overcommit_memory.
enum class Overcommit : u32 {
    Guess = 0,  // refuse only what could never be
    Always = 1,
    Never = 2,  // at most CommitLimit in all
};
extern constinit std::atomic<u32> overcommit_memory;
extern constinit std::atomic<u32> overcommit_ratio;  // percent of RAM that Never promises

/// Whether pages of an area with these VmFlags are counted.
bool is_committed(u32 area_flags);

void commit(i64 pages);  // negative: given back
bool has_enough_memory(u64 pages);

u64 committed_pages();  // Committed_AS
u64 commit_limit();     // CommitLimit

}  // namespace vm
