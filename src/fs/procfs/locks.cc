// /proc/lock_stat; in debug builds also /proc/lockdep, lockdep_chains, lockdep_stats, which
// fs/procfs/lockdep.cc writes.
#include "core/lock/lock_stat.h"
#include "fs/procfs/system.h"

namespace procfs {

namespace {

/// Microseconds with two decimals, as Linux prints them.
void print_us(SeqFile& out, u64 ns) { out.print(" %11lu.%02lu", ns / 1000, ns % 1000 / 10); }

void print_times(SeqFile& out, const lock_stat::Times& times) {
    const u64 count = times.count.load(), total = times.total.load();
    print_us(out, count == 0 ? 0 : times.min.load());
    print_us(out, times.max.load());
    print_us(out, total);
    print_us(out, count == 0 ? 0 : total / count);
}

}  // namespace

/// Linux' columns. Bounces between processors are not counted; acquisitions and hold times in debug
/// builds only.
Result<void> show_lock_stat(SeqFile& out, void*) {
    out.print("lock_stat version 0.4\n");
    constexpr const char* kColumns[] = {"con-bounces",  "contentions",    "waittime-min",
                                        "waittime-max", "waittime-total", "waittime-avg",
                                        "acq-bounces",  "acquisitions",   "holdtime-min",
                                        "holdtime-max", "holdtime-total", "holdtime-avg"};
    out.print("%40s", "class name");
    for (const char* const column : kColumns) out.print(" %14s", column);
    out.print("\n");
    for (const lock_stat::Class& entry : lock_stat::classes()) {
        const char* const name = entry.name.load(std::memory_order_acquire);
        if (name == nullptr) break;
        if (entry.wait.count == 0 && entry.acquisitions == 0) continue;
        char label[48];
        if (entry.subclass != 0) {
            format_to(label, "%s/%u", name, unsigned(entry.subclass));
        } else {
            format_to(label, "%s", name);
        }
        out.print("%39s: %14lu %14lu", label, u64{0}, entry.wait.count.load());
        print_times(out, entry.wait);
        out.print(" %14lu %14lu", u64{0}, entry.acquisitions.load());
        print_times(out, entry.hold);
        out.print("\n");
    }
    return {};
}

/// Writing 0 forgets all counts, as on Linux. /proc/sys/kernel/lock_stat turns the counting off.
Result<void> store_lock_stat(std::string_view text, void*) {
    if (libfs::trim(text) != "0") return EINVAL;
    lock_stat::reset();
    return {};
}

}  // namespace procfs
