// /proc/sys/kernel/sched_*: what an administrator may change of the scheduler. Linux:
// kernel/sched/{core,fair,rt}.c.

#include "fs/procfs/system.h"
#include "lib/parse.h"
#include "sched/policy.h"
#include "sched/tunables.h"

namespace procfs {
namespace {

using libfs::TextNode;
using sched::tunables;

constexpr u64 kUs = 1000, kMs = 1'000'000;

Result<void> show_child_runs_first(SeqFile& out, void*) {
    out.print("%u\n", tunables.child_runs_first.load());
    return {};
}
Result<void> store_child_runs_first(std::string_view text, void*) {
    const u64 value = TRY(parse_unsigned(libfs::trim(text)));
    if (value > ~u32{0}) return EINVAL;
    tunables.child_runs_first = u32(value);
    return {};
}

Result<void> show_rt_period(SeqFile& out, void*) {
    out.print("%lu\n", tunables.rt_period_ns.load() / kUs);
    return {};
}
Result<void> store_rt_period(std::string_view text, void*) {
    const u64 period = TRY(parse_unsigned(libfs::trim(text)));
    if (period == 0 || period > 0x7fff'ffff) return EINVAL;
    return sched::set_rt_bandwidth(period * kUs, tunables.rt_runtime_ns.load());
}

Result<void> show_rt_runtime(SeqFile& out, void*) {
    const i64 runtime = tunables.rt_runtime_ns.load();
    out.print("%ld\n", runtime < 0 ? -1 : runtime / i64(kUs));
    return {};
}
/// -1: no limit.
Result<void> store_rt_runtime(std::string_view text, void*) {
    const i64 runtime = TRY(parse_signed(libfs::trim(text)));
    if (runtime < -1 || runtime > 0x7fff'ffff) return EINVAL;
    return sched::set_rt_bandwidth(tunables.rt_period_ns.load(),
                                   runtime < 0 ? -1 : runtime * i64(kUs));
}

Result<void> show_rr_timeslice(SeqFile& out, void*) {
    out.print("%lu\n", tunables.rr_timeslice_ns.load() / kMs);
    return {};
}
/// 0 and less: the default, as Linux has it.
Result<void> store_rr_timeslice(std::string_view text, void*) {
    const i64 slice = TRY(parse_signed(libfs::trim(text)));
    if (slice > 0x7fff'ffff || slice < -0x7fff'ffff) return EINVAL;
    tunables.rr_timeslice_ns = slice <= 0 ? sched::kRrTimesliceNs : u64(slice) * kMs;
    return {};
}

constexpr TextNode kNodes[] = {
    {"sched_child_runs_first", 0644, show_child_runs_first, store_child_runs_first},
    {"sched_rt_period_us", 0644, show_rt_period, store_rt_period},
    {"sched_rt_runtime_us", 0644, show_rt_runtime, store_rt_runtime},
    {"sched_rr_timeslice_ms", 0644, show_rr_timeslice, store_rr_timeslice},
};

}  // namespace

Result<void> add_sched_sysctls(libfs::Tree& tree, libfs::Node& kernel) {
    for (const TextNode& node : kNodes) TRY(tree.add_text(kernel, node));
    return {};
}

}  // namespace procfs
