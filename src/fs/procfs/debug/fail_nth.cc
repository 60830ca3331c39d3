// /proc/<pid>/{fail-nth,make-it-fail}: allocations that fail on demand. See mm/fault_inject.h.
#include "abi/prctl.h"
#include "fs/procfs/pid_entry.h"
#include "lib/parse.h"

namespace procfs {

Result<void> show_fail_nth(SeqFile& out, Task& task) {
    out.print("%u\n", task.faults.fail_nth.load());
    return {};
}
Result<void> store_fail_nth(std::string_view text, Task& task) {
    const u64 nth = TRY(parse_unsigned(libfs::trim(text)));
    if (nth > ~u32{0} >> 1) return ERANGE;
    task.faults.fail_nth.store(u32(nth));
    return {};
}

Result<void> show_make_it_fail(SeqFile& out, Task& task) {
    out.print("%u\n", unsigned(task.faults.make_it_fail.load()));
    return {};
}
Result<void> store_make_it_fail(std::string_view text, Task& task) {
    if (!sched::capable(abi::CAP_SYS_RESOURCE)) return EPERM;
    const u64 on = TRY(parse_unsigned(libfs::trim(text)));
    if (on > 1) return EINVAL;
    task.faults.make_it_fail.store(on != 0);
    return {};
}

}  // namespace procfs
