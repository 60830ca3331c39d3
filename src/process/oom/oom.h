/// The out-of-memory killer. See README.md.
#pragma once

#include <atomic>

#include "mm/gfp.h"
#include "sched/task.h"
#include "vm/mm_struct.h"

namespace process {

/// What killing the task's process would give, in pages: resident, swapped, page tables; moved by
/// its oom_score_adj in thousandths of `total`. False: it is never chosen.
bool oom_badness(sched::Task& task, i64 total, i64& points);

/// All memory and swap space, in pages: what oom_badness() is measured against.
i64 oom_total_pages();

/// Begins to answer the page allocator. Boot; starts the reaper. ENOMEM, EAGAIN.
Result<void> init_oom();

/// For oom.cc: the reaper takes the memory of `mm`, of which it takes over a user.
void queue_for_reaper(vm::MmStruct& mm, sched::PidNumber pid, const char* name);
/// Whether a victim's memory is not all free yet.
bool is_victim_pending();
Result<void> start_oom_reaper();

// /proc/sys/vm
extern constinit std::atomic<u32> panic_on_oom, oom_kill_allocating_task, oom_dump_tasks;

}  // namespace process
