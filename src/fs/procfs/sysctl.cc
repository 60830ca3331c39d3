// /proc/sys: settings as files. What cannot be changed says so by its permissions.
#include "abi/version.h"
#include "core/lock/lock_stat.h"
#include "core/log/oops.h"
#include "core/log/printk.h"
#include "core/random/random.h"
#include "fs/dentry.h"
#include "fs/libfs/tree.h"
#include "fs/procfs/system.h"
#include "ipc/pipe.h"
#include "lib/parse.h"
#include "mm/kasan.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"
#include "process/coredump/coredump.h"
#include "process/exec/exec.h"
#include "process/oom/oom.h"
#include "process/process.h"
#include "process/uts.h"
#include "sched/pid.h"
#include "sched/task.h"
#include "vm/cache/cache.h"
#include "vm/mm_struct.h"
#include "vm/overcommit.h"
#include "vm/reclaim/reclaim.h"
#include "vm/swap/swap.h"

namespace procfs {
namespace {

using libfs::TextNode;

Result<void> show_text(SeqFile& out, void* text) {
    out.print("%s\n", static_cast<const char*>(text));
    return {};
}

template <process::UtsField Field>
Result<void> show_name(SeqFile& out, void*) {
    char name[abi::kUtsLength];
    process::get_uts_name(Field, name);
    out.print("%s\n", name);
    return {};
}
template <process::UtsField Field>
Result<void> store_name(std::string_view text, void*) {
    text = libfs::trim(text);
    if (text.size() >= abi::kUtsLength) return EINVAL;
    process::set_uts_name(Field, text);
    return {};
}

template <u64 Value>
Result<void> show_number(SeqFile& out, void*) {
    out.print("%lu\n", Value);
    return {};
}

/// A random UUID, version 4: "8-4-4-4-12" hexadecimal digits.
void print_uuid(SeqFile& out, u64 high, u64 low) {
    high = (high & ~u64{0xf000}) | 0x4000;
    low = (low & ~(u64{3} << 62)) | u64{2} << 62;
    out.print("%08lx-%04lx-%04lx-%04lx-%012lx\n", high >> 32, high >> 16 & 0xffff, high & 0xffff,
              low >> 48, low & 0xffff'ffff'ffff);
}
Result<void> show_uuid(SeqFile& out, void*) {
    print_uuid(out, get_random_u64(), get_random_u64());
    return {};
}
Result<void> show_boot_id(SeqFile& out, void*) {
    static constinit std::atomic<u64> id[2] = {};
    for (std::atomic<u64>& half : id) {
        u64 none = 0;
        half.compare_exchange_strong(none, get_random_u64() | 1);
    }
    print_uuid(out, id[0].load(), id[1].load());
    return {};
}

Result<void> show_tainted(SeqFile& out, void*) {
    out.print("%u\n", tainted());
    return {};
}
template <std::atomic<u32>& Setting>
Result<void> show_setting(SeqFile& out, void*) {
    out.print("%u\n", Setting.load());
    return {};
}
template <std::atomic<u32>& Setting>
Result<void> store_switch(std::string_view text, void*) {
    const u64 value = TRY(parse_unsigned(libfs::trim(text)));
    if (value > 1) return EINVAL;
    Setting = static_cast<u32>(value);
    return {};
}

/// A number from Least to Most.
template <std::atomic<u32>& Setting, u32 Most, u32 Least = 0>
Result<void> store_up_to(std::string_view text, void*) {
    const u64 value = TRY(parse_unsigned(libfs::trim(text)));
    if (value < Least || value > Most) return EINVAL;
    Setting = static_cast<u32>(value);
    return {};
}

Result<void> show_threads_max(SeqFile& out, void*) {
    out.print("%lu\n", process::max_threads());
    return {};
}

/// Linux' MIN_THREADS, and the most that a futex word can tell apart.
constexpr u32 kLeastThreads = 20, kMostThreads = 0x3fff'ffff;

Result<void> show_last_pid(SeqFile& out, void*) {
    out.print("%lu\n", sched::last_pid());
    return {};
}

/// What goes to the consoles now; what a message without a level has; the lowest that can be set;
/// and what it was at boot. Only the first is ours to change.
Result<void> show_printk(SeqFile& out, void*) {
    out.print("%d\t4\t1\t7\n", console_loglevel);
    return {};
}
Result<void> store_printk(std::string_view text, void*) {
    text = libfs::trim(text);
    const u64 level = TRY(parse_unsigned(text.substr(0, text.find_first_of(" \t"))));
    if (level > INT32_MAX) return EINVAL;
    console_loglevel = std::max(1, static_cast<int>(level));
    return {};
}
Result<void> show_core_pattern(SeqFile& out, void*) {
    char pattern[process::kCorePatternSize];
    process::get_core_pattern(pattern);
    out.print("%s\n", pattern);
    return {};
}
Result<void> store_core_pattern(std::string_view text, void*) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    return process::set_core_pattern(text);
}

constexpr TextNode kKernel[] = {
    {"core_pattern", 0644, show_core_pattern, store_core_pattern},
    {"core_uses_pid", 0644, show_setting<process::core_uses_pid>,
     store_switch<process::core_uses_pid>},
    {"hostname", 0644, show_name<process::UtsField::HostName>,
     store_name<process::UtsField::HostName>},
    {"domainname", 0644, show_name<process::UtsField::DomainName>,
     store_name<process::UtsField::DomainName>},
    {"pid_max", 0644, show_setting<sched::pid_max>,
     store_up_to<sched::pid_max, sched::kPidMax, sched::kLeastPidMax>},
    {"threads-max", 0644, show_threads_max,
     store_up_to<process::wanted_max_threads, kMostThreads, kLeastThreads>},
    {"randomize_va_space", 0644, show_setting<process::randomize_va_space>,
     store_up_to<process::randomize_va_space, 2>},
    {"ngroups_max", 0444, show_number<32>},
    {"cap_last_cap", 0444, show_number<40>},
    {"ns_last_pid", 0444, show_last_pid},
    {"overflowuid", 0444, show_number<65534>},
    {"overflowgid", 0444, show_number<65534>},
    {"printk", 0644, show_printk, store_printk},
    {"tainted", 0444, show_tainted},
    {"lock_stat", 0644, show_setting<lock_stat::enabled>, store_switch<lock_stat::enabled>},
    {"panic_on_oops", 0644, show_setting<panic_on_oops>, store_switch<panic_on_oops>},
    {"panic_on_warn", 0644, show_setting<panic_on_warn>, store_switch<panic_on_warn>},
};
struct FixedText {
    TextNode node;
    const char* text;
};
constexpr FixedText kFixed[] = {
    {{"ostype", 0444, show_text}, abi::kSysname},
    {{"osrelease", 0444, show_text}, abi::kRelease},
    {{"version", 0444, show_text}, abi::kVersion},
};
constexpr TextNode kRandom[] = {
    {"entropy_avail", 0444, show_number<256>},
    {"poolsize", 0444, show_number<256>},
    {"uuid", 0444, show_uuid},
    {"boot_id", 0444, show_boot_id},
};
/// Bit 0: clean page cache; bit 1: unused dentries and what hangs on them, stacks of dead tasks,
/// addresses of the vmalloc region, empty slabs. As Linux, it frees what nobody uses, now.
Result<void> drop_caches(std::string_view text, void*) {
    const u64 which = TRY(parse_unsigned(libfs::trim(text)));
    if (which < 1 || which > 4) return EINVAL;
    if (which & 1) vm::drop_page_cache();
    if (which & 2) {
        while (fs::shrink_dcache(~u64{0}) > 0) continue;
        sched::drop_cached_stacks();
        mm::purge_vmap_areas();
        mm::kasan_drop_quarantine();
        mm::kmem_cache_shrink_all();
    }
    return {};
}

/// Rounded up to a power of two pages, as a pipe's size is.
Result<void> store_pipe_max_size(std::string_view text, void*) {
    const u64 bytes = TRY(parse_unsigned(libfs::trim(text)));
    if (bytes == 0 || bytes > (u64{1} << 31)) return EINVAL;
    ipc::pipe_max_size = static_cast<u32>(std::bit_ceil(std::max(bytes, u64{kPageSize})));
    return {};
}

Result<void> store_min_free_kbytes(std::string_view text, void*) {
    return mm::set_min_free_kbytes(TRY(parse_unsigned(libfs::trim(text))));
}

constexpr TextNode kVm[] = {
    {"min_free_kbytes", 0644, show_setting<mm::min_free_kbytes>, store_min_free_kbytes},
    {"swappiness", 0644, show_setting<vm::swappiness>, store_up_to<vm::swappiness, 200>},
    {"page-cluster", 0644, show_setting<vm::page_cluster>, store_up_to<vm::page_cluster, 31>},
    {"overcommit_ratio", 0644, show_setting<vm::overcommit_ratio>,
     store_up_to<vm::overcommit_ratio, INT32_MAX>},
    {"panic_on_oom", 0644, show_setting<process::panic_on_oom>,
     store_up_to<process::panic_on_oom, 2>},
    {"oom_kill_allocating_task", 0644, show_setting<process::oom_kill_allocating_task>,
     store_up_to<process::oom_kill_allocating_task, INT32_MAX>},
    {"oom_dump_tasks", 0644, show_setting<process::oom_dump_tasks>,
     store_up_to<process::oom_dump_tasks, INT32_MAX>},

    {"drop_caches", 0200, show_number<0>, drop_caches},
    {"overcommit_memory", 0644, show_setting<vm::overcommit_memory>,
     store_up_to<vm::overcommit_memory, 2>},
    {"max_map_count", 0444, show_number<vm::kMaxMapCount>},
    {"mmap_min_addr", 0444, show_number<65536>},
};
constexpr TextNode kFs[] = {
    {"pipe-max-size", 0644, show_setting<ipc::pipe_max_size>, store_pipe_max_size},
    {"pipe-user-pages-hard", 0644, show_setting<ipc::pipe_user_pages_hard>,
     store_up_to<ipc::pipe_user_pages_hard, UINT32_MAX>},
    {"pipe-user-pages-soft", 0644, show_setting<ipc::pipe_user_pages_soft>,
     store_up_to<ipc::pipe_user_pages_soft, UINT32_MAX>},
    {"nr_open", 0444, show_number<1 << 20>},
};

Result<void> add_all(libfs::Tree& tree, libfs::Node& dir, std::span<const TextNode> nodes) {
    for (const TextNode& node : nodes) TRY(tree.add_text(dir, node));
    return {};
}

}  // namespace

Result<void> add_sysctls(libfs::Tree& tree) {
    libfs::Node& sys = *TRY(tree.add_dir(tree.root(), "sys", 0555));
    libfs::Node& kernel = *TRY(tree.add_dir(sys, "kernel", 0555));
    for (const FixedText& fixed : kFixed) {
        TRY(tree.add_text(kernel, fixed.node, const_cast<char*>(fixed.text)));
    }
    TRY(add_all(tree, kernel, kKernel));
    TRY(add_sched_sysctls(tree, kernel));
    TRY(add_all(tree, *TRY(tree.add_dir(kernel, "random", 0555)), kRandom));
    TRY(add_all(tree, *TRY(tree.add_dir(sys, "vm", 0555)), kVm));
    return add_all(tree, *TRY(tree.add_dir(sys, "fs", 0555)), kFs);
}

}  // namespace procfs
