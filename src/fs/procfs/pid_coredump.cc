// /proc/<pid>/coredump_filter: which memory belongs in a core file.
#include "abi/elfcore.h"
#include "fs/libfs/tree.h"
#include "fs/procfs/pid_entry.h"
#include "lib/parse.h"
#include "sched/signal_struct.h"

namespace procfs {

Result<void> show_coredump_filter(SeqFile& out, Task& task) {
    if (task.signal == nullptr || task.mm == nullptr) return {};
    out.print("%08x\n", task.signal->coredump_filter.load());
    return {};
}

Result<void> store_coredump_filter(std::string_view text, Task& task) {
    const u64 filter = TRY(parse_unsigned(libfs::trim(text)));
    if (filter > UINT32_MAX) return ERANGE;
    if (task.signal == nullptr || task.mm == nullptr) return ESRCH;
    task.signal->coredump_filter = static_cast<u32>(filter) & abi::kDumpFilterBits;
    return {};
}

}  // namespace procfs
