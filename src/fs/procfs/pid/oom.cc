// oom_score, oom_score_adj, oom_adj: who is to die first when memory runs out.
#include "process/oom/oom.h"
#include "abi/prctl.h"
#include "fs/procfs/pid_entry.h"
#include "lib/parse.h"
#include "sched/signal_struct.h"

namespace procfs {
namespace {

constexpr i64 kLeast = -1000, kMost = 1000;      // of oom_score_adj
constexpr i64 kOldDisable = -17, kOldMost = 15;  // of oom_adj, its predecessor

i16 adjustment_of(const Task& task) {
    return task.signal != nullptr ? task.signal->oom_score_adj : i16{0};
}

Result<void> set_adjustment(Task& task, i64 value) {
    if (task.signal == nullptr) return EINVAL;
    const bool may_lower = sched::capable(abi::CAP_SYS_RESOURCE);
    IrqGuard guard(sched::tasks_lock);
    if (value < task.signal->oom_score_adj_min && !may_lower) return EACCES;
    task.signal->oom_score_adj = static_cast<i16>(value);
    if (may_lower) task.signal->oom_score_adj_min = static_cast<i16>(value);
    return {};
}

}  // namespace

Result<void> show_oom_score(SeqFile& out, Task& task) {
    const i64 total = process::oom_total_pages();
    i64 points = 0;
    // As Linux: the sum of 1000 and the thousandths of memory, scaled to end at 1333.
    const bool can_be_chosen = process::oom_badness(task, total, points);
    out.print("%ld\n",
              can_be_chosen ? std::max<i64>(0, (1000 + points * 1000 / total) * 2 / 3) : 0);
    return {};
}

Result<void> show_oom_score_adj(SeqFile& out, Task& task) {
    out.print("%d\n", i32{adjustment_of(task)});
    return {};
}

Result<void> store_oom_score_adj(std::string_view text, Task& task) {
    const i64 value = TRY(parse_signed(libfs::trim(text)));
    if (value < kLeast || value > kMost) return EINVAL;
    return set_adjustment(task, value);
}

Result<void> show_oom_adj(SeqFile& out, Task& task) {
    const i64 value = adjustment_of(task);
    out.print("%ld\n", value == kMost ? kOldMost : value * -kOldDisable / kMost);
    return {};
}

Result<void> store_oom_adj(std::string_view text, Task& task) {
    const i64 value = TRY(parse_signed(libfs::trim(text)));
    if (value < kOldDisable || value > kOldMost) return EINVAL;
    return set_adjustment(task, value == kOldMost ? kMost : value * kMost / -kOldDisable);
}

}  // namespace procfs
