// procfs: the root of /proc, which is a tree of fixed files, the links `self` and `thread-self`,
// and a directory for each process. See fs/procfs/README.md.
#include "abi/dirent.h"
#include "abi/statfs.h"
#include "fs/libfs/tree.h"
#include "fs/procfs/pid_entry.h"
#include "fs/procfs/system.h"
#include "lib/debug.h"
#include "lib/string.h"
#include "mm/own.h"
#include "process/process.h"
#include "sched/mutex.h"

namespace procfs {
namespace {

using namespace abi;

// clang-format off
constexpr libfs::TextNode kSystemFiles[] = {
    {"buddyinfo",   0444, show_buddyinfo},
    {"cmdline",     0444, show_cmdline_of_kernel},
    {"cpuinfo",     0444, show_cpuinfo},
    {"devices",     0444, show_devices},
    {"partitions",  0444, show_partitions},
    {"filesystems", 0444, show_filesystems},
    {"interrupts",  0444, show_interrupts},
    {"kallsyms",    0444, show_kallsyms},
    {"lock_stat",   0600, show_lock_stat, store_lock_stat},
    {"schedstat",   0444, show_schedstat},
    {"loadavg",     0444, show_loadavg},
    {"meminfo",     0444, show_meminfo},
    {"pagetypeinfo", 0400, show_pagetypeinfo},
    {"slabinfo",    0400, show_slabinfo},
    {"softirqs",    0444, show_softirqs},
    {"stat",        0444, show_stat_of_system},
    {"swaps",       0444, show_swaps},
    {"timer_list",  0400, show_timer_list},
    {"uptime",      0444, show_uptime},
    {"version",     0444, show_version},
    {"vmallocinfo", 0400, show_vmallocinfo},
    {"vmstat",      0444, show_vmstat},
    {"zoneinfo",    0444, show_zoneinfo},
};
constexpr libfs::TextNode kKmsg{"kmsg", 0400, nullptr};
// clang-format on

// --- self, thread-self
// ----------------------------------------------------------------------------

constexpr u64 kSelfNumber = u64{1} << 31, kThreadSelfNumber = kSelfNumber + 1;

class SelfOperations final : public fs::InodeOperations {
public:
    Result<usize> readlink(fs::Inode& link, std::span<char> room) const override {
        const sched::Task& task = sched::current();
        char text[40];
        const usize length = link.number == kSelfNumber
                                 ? format_to(text, "%d", task.tgid)
                                 : format_to(text, "%d/task/%d", task.tgid, task.pid);
        memcpy(room.data(), text, std::min(length, room.size()));
        return std::min(length, room.size());
    }
};
constexpr SelfOperations kSelfOps;
class NoFileOperations final : public fs::FileOperations {};
constexpr NoFileOperations kNoFileOps;

Result<void> instantiate_self(fs::SuperBlock& super, fs::Dentry& child, u64 number) {
    child.instantiate(TRY(libfs::make_inode(super, number, S_IFLNK | 0777, kSelfOps, kNoFileOps)));
    return {};
}

// --- the root directory
// ---------------------------------------------------------------------------

class RootOperations final : public fs::InodeOperations {
public:
    Result<void> lookup(fs::Inode& dir, fs::Dentry& child) const override {
        if (child.name() == "self") return instantiate_self(dir.super, child, kSelfNumber);
        if (child.name() == "thread-self") {
            return instantiate_self(dir.super, child, kThreadSelfNumber);
        }
        libfs::Node* node = libfs::proc_tree.find(libfs::proc_tree.root(), child.name());
        if (node) return libfs::instantiate(dir.super, child, *node);
        return lookup_task(dir, child, false);
    }
};
constexpr RootOperations kRootOps;

/// The process with the lowest number >= `from`; 0 if there is none.
sched::PidNumber next_process(sched::PidNumber from) {
    IrqGuard guard(sched::tasks_lock);
    while (Task* at = sched::next_task(from)) {
        if (at->pid == at->tgid && at->pid != 0) return at->pid;
        from = at->pid + 1;
    }
    return 0;
}

class RootFileOperations final : public fs::FileOperations {
public:
    Result<void> read_dir(fs::File& file, fs::DirSink& sink) const override {
        constexpr u64 kSelf = libfs::kFirstFreePosition, kFirstPid = kSelf + 2;
        if (!libfs::emit_nodes(file, sink)) return {};
        while (file.position < kFirstPid) {
            const bool is_self = file.position == kSelf;
            if (!sink.emit(is_self ? "self" : "thread-self",
                           is_self ? kSelfNumber : kThreadSelfNumber, DT_LNK, file.position + 1)) {
                return {};
            }
            file.position++;
        }
        // Position kFirstPid + n: processes numbered from n on.
        while (const auto pid = next_process(static_cast<int>(file.position - kFirstPid))) {
            char name[12];
            const usize length = format_to(name, "%d", pid);
            const u64 next = kFirstPid + u64(pid) + 1;
            if (!sink.emit({name, length}, pid_inode_number(pid, nullptr, -1), DT_DIR, next)) break;
            file.position = next;
        }
        return {};
    }
    Result<u64> seek(fs::File& file, i64 offset, int whence) const override {
        return libfs::seek_without_size(file, offset, whence);
    }
    Result<usize> read(fs::File&, IovIter&, u64&) const override { return EISDIR; }
};
constexpr RootFileOperations kRootFileOps;

// --- mounting
// -------------------------------------------------------------------------------------

class SuperOperations final : public fs::SuperOperations {
public:
    void evict_inode(fs::Inode& inode) const override {
        constexpr u64 kFirstPidInode = u64{1} << 32;
        if (inode.number >= kFirstPidInode) mm::destroy(&pid_inode(inode));
        mm::destroy(&inode);
    }
    Result<void> statfs(fs::SuperBlock& super, abi::StatFs& out) const override {
        out.f_type = static_cast<i64>(super.magic);
        out.f_bsize = out.f_frsize = kPageSize;
        return {};
    }
};
constexpr SuperOperations kSuperOps;

Result<void> populate() {
    for (const libfs::TextNode& node : kSystemFiles) {
        TRY(libfs::proc_tree.add_text(libfs::proc_tree.root(), node));
    }
    TRY(libfs::proc_tree.add_file(libfs::proc_tree.root(), kKmsg, kmsg_ops()));
    TRY(libfs::proc_tree.add_link(libfs::proc_tree.root(), "mounts", "self/mounts"));
    TRY(add_irq_dir(libfs::proc_tree));
    if constexpr (kDebugBuild) TRY(add_lockdep_files(libfs::proc_tree));
    return add_sysctls(libfs::proc_tree);
}

constexpr libfs::TreeFileSystem kProcfs{"proc",    libfs::proc_tree, PROC_SUPER_MAGIC, populate,
                                        &kRootOps, &kRootFileOps,    &kSuperOps};

/// There is one set of processes, so all mounts of procfs show one superblock, which stays.
constinit sched::Mutex super_mutex("procfs");
constinit fs::SuperBlock* the_super GUARDED_BY(super_mutex) = nullptr;

Ref<fs::Dentry> cached_child(const Ref<fs::Dentry>& dir, sched::PidNumber number) {
    char name[12];
    const usize length = format_to(name, "%d", number);
    return fs::Dentry::lookup_cached(*dir, {name, length});
}

/// A task is gone: what the cache knows about it is of no use any more, and would stay until
/// memory is short. May sleep.
void flush_task(const Task& task) {
    Ref<fs::Dentry> dir;
    {
        sched::MutexGuard guard(super_mutex);
        if (the_super == nullptr) return;
        dir = the_super->root;
    }
    Ref<fs::Dentry> gone = cached_child(dir, task.pid);
    if (gone) gone->unhash();
    const Ref<fs::Dentry> process = task.pid != task.tgid ? cached_child(dir, task.tgid) : nullptr;
    const Ref<fs::Dentry> threads =
        process ? fs::Dentry::lookup_cached(*process, "task") : Ref<fs::Dentry>();
    if (threads && (gone = cached_child(threads, task.pid))) gone->unhash();
}

Result<Ref<fs::SuperBlock>> mount_procfs(std::string_view, u32, std::string_view) {
    sched::MutexGuard guard(super_mutex);
    if (the_super == nullptr) {
        the_super = TRY(libfs::mount_tree(kProcfs)).leak();
        process::task_reaped_hook = flush_task;
    }
    return Ref<fs::SuperBlock>::share(the_super);
}

FILE_SYSTEM(procfs) = {.name = "proc", .mount = mount_procfs};

}  // namespace
}  // namespace procfs
