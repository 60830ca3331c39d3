// /proc/<pid>: its table of files, its inodes, its listing. See fs/procfs/pid_entry.h.
#include "fs/procfs/pid_entry.h"

#include "abi/dirent.h"
#include "fs/libfs/tree.h"
#include "fs/procfs/pid/access.h"
#include "lib/string.h"
#include "mm/own.h"

namespace procfs {
namespace {

using namespace abi;

constexpr u32 kText = S_IFREG | 0444, kOwnText = S_IFREG | 0400, kLink = S_IFLNK | 0777;

/// The task behind a directory, whose entries are gone together with it: ENOENT.
Result<Ref<Task>> task_of_dir(const fs::Inode& dir) {
    auto task = task_of(dir);
    if (!task.ok()) return ENOENT;
    return task;
}

// --- operations of the kinds of inodes
// ------------------------------------------------------------

class PidFileOperations final : public fs::InodeOperations {
public:
    Result<void> truncate(fs::Inode&, u64) const override { return {}; }
};
constexpr PidFileOperations kFileInodeOps;

class PidTextOperations final : public libfs::TextOperations {
public:
    Result<void> open(fs::File& file) const override {
        TRY(check(*file.inode()));
        return TextOperations::open(file);
    }
    /// Who may look is asked each time: the task may have become somebody else since.
    Result<void> show(fs::File& file, SeqFile& out) const override {
        const PidEntry& entry = *pid_inode(*file.inode()).entry;
        if (entry.show == nullptr) return EINVAL;  // only for writing
        auto task = TRY(check(*file.inode()));
        return entry.show(out, *task);
    }
    Result<void> store(fs::File& file, std::string_view text) const override {
        const PidEntry& entry = *pid_inode(*file.inode()).entry;
        if (!entry.store) return EINVAL;
        return entry.store(text, *TRY(task_of(*file.inode())));
    }

private:
    static Result<Ref<Task>> check(const fs::Inode& inode) {
        auto task = TRY(task_of(inode));
        if (pid_inode(inode).entry->access == Access::LookInto) {
            TRY(check_look_into(*task, EACCES));
        }
        return task;
    }
};
constexpr PidTextOperations kTextOps;

class PidLinkOperations final : public fs::InodeOperations {
public:
    Result<usize> readlink(fs::Inode& link, std::span<char> room) const override {
        const fs::Path path = TRY(target_of(link));
        auto* buffer = static_cast<char*>(TRY(mm::kmalloc(kPageSize, mm::Gfp::Kernel)));
        const fs::Path root = sched::current().fs->root();
        auto name = fs::d_path(path, root, std::span(buffer, kPageSize));
        usize length = 0;
        if (name.ok()) {
            length = std::min(name.value().size(), room.size());
            memcpy(room.data(), name.value().data(), length);
        }
        mm::kfree(buffer);
        if (!name.ok()) return name.error();
        return length;
    }
    Result<bool> follow_magic(fs::Inode& link, fs::Path& to) const override {
        to = TRY(target_of(link));
        return true;
    }

private:
    static Result<fs::Path> target_of(const fs::Inode& link) {
        auto task = TRY(task_of(link));
        TRY(check_look_into(*task, EACCES));
        return pid_inode(link).entry->target(*task);
    }
};
constexpr PidLinkOperations kLinkOps;

/// Whether an entry stands in that directory.
bool stands_in(const PidEntry& entry, const PidInode& dir) {
    const Place here = dir.entry == &kThreadDir ? Place::Thread : Place::Process;
    return entry.place == Place::Both || entry.place == here;
}

class PidDirOperations final : public fs::InodeOperations {
public:
    Result<void> lookup(fs::Inode& dir, fs::Dentry& child) const override {
        auto task = TRY(task_of_dir(dir));
        for (const PidEntry& entry : pid_entries()) {
            if (child.name() == entry.name && stands_in(entry, pid_inode(dir))) {
                return instantiate_pid(dir.super, child, *task, &entry);
            }
        }
        return {};
    }
};
constexpr PidDirOperations kDirOps;

class PidDirFileOperations final : public fs::FileOperations {
public:
    Result<void> read_dir(fs::File& file, fs::DirSink& sink) const override {
        const PidInode& dir = pid_inode(*file.inode());
        TRY(task_of_dir(*file.inode()));
        const auto entries = pid_entries();
        while (file.position < entries.size() + 2) {
            const u64 at = file.position;
            const PidEntry* entry = at < 2 ? dir.entry : &entries[at - 2];
            if (at < 2 || stands_in(*entry, dir)) {
                const char* name = at == 0 ? "." : at == 1 ? ".." : entry->name;
                const u8 type = at < 2 ? u8{DT_DIR} : type_of_mode(entry->mode);
                const u64 number = at == 1 ? 1 : pid_inode_number(dir.pid, entry, -1);
                if (!sink.emit(name, number, type, at + 1)) break;
            }
            file.position = at + 1;
        }
        return {};
    }
    Result<u64> seek(fs::File& file, i64 offset, int whence) const override {
        return libfs::seek_without_size(file, offset, whence);
    }
    Result<usize> read(fs::File&, IovIter&, u64&) const override { return EISDIR; }
};
constexpr PidDirFileOperations kDirFileOps;

// --- task/
// ----------------------------------------------------------------------------------------

class TaskDirOperations final : public fs::InodeOperations {
public:
    Result<void> lookup(fs::Inode& dir, fs::Dentry& child) const override {
        return lookup_task(dir, child, true);
    }
};
constexpr TaskDirOperations kTaskDirOps;

/// The thread of the same process with the lowest number >= `from`; 0 if there is none.
sched::PidNumber next_thread(Task& task, sched::PidNumber from) {
    IrqGuard guard(sched::tasks_lock);
    while (Task* at = sched::next_task(from)) {
        if (at->tgid == task.tgid) return at->pid;
        from = at->pid + 1;
    }
    return 0;
}

class TaskDirFileOperations final : public fs::FileOperations {
public:
    Result<void> read_dir(fs::File& file, fs::DirSink& sink) const override {
        auto task = TRY(task_of_dir(*file.inode()));
        while (file.position < 2) {
            const bool is_self = file.position == 0;
            if (!sink.emit(is_self ? "." : "..", pid_inode_number(task->pid, nullptr, -1), DT_DIR,
                           file.position + 1)) {
                return {};
            }
            file.position++;
        }
        // Position n + 2: threads numbered from n on.
        while (const auto tid = next_thread(*task, static_cast<int>(file.position - 2))) {
            char name[12];
            const usize length = format_to(name, "%d", tid);
            if (!sink.emit({name, length}, pid_inode_number(tid, &kThreadDir, -1), DT_DIR,
                           u64(tid) + 3)) {
                break;
            }
            file.position = u64(tid) + 3;
        }
        return {};
    }
    Result<u64> seek(fs::File& file, i64 offset, int whence) const override {
        return libfs::seek_without_size(file, offset, whence);
    }
};
constexpr TaskDirFileOperations kTaskDirFileOps;

const fs::InodeOperations& task_dir_ops() { return kTaskDirOps; }
const fs::FileOperations& task_dir_file_ops() { return kTaskDirFileOps; }

/// A file whose contents only those may read who may look into the process.
constexpr PidEntry secret(const char* name, u32 mode, Result<void> (*show)(SeqFile&, Task&)) {
    return {.name = name, .mode = mode, .show = show, .access = Access::LookInto};
}
constexpr PidEntry link(const char* name, Result<fs::Path> (*target)(Task&)) {
    return {.name = name, .mode = kLink, .target = target};
}
constexpr PidEntry placed(PidEntry entry, Place place) {
    entry.place = place;
    return entry;
}

// clang-format off
constexpr PidEntry kEntries[] = {
    secret("auxv", kOwnText, show_auxv),
    {"cgroup",        kText, show_cgroup},
    placed({"children", kText, show_children}, Place::Thread),
    placed({"clear_refs", S_IFREG | 0200, nullptr, store_clear_refs}, Place::Process),
    {"cmdline",       kText, show_cmdline},
    {"comm",          S_IFREG | 0644, show_comm, store_comm},
    {"coredump_filter", S_IFREG | 0644, show_coredump_filter, store_coredump_filter},
    link("cwd", cwd_target),
    secret("environ", kOwnText, show_environ),
    link("exe", exe_target),
    {"fd",            S_IFDIR | 0500, nullptr, nullptr, nullptr, fd_dir_ops, fd_dir_file_ops},
    {"fdinfo",        S_IFDIR | 0555, nullptr, nullptr, nullptr, fdinfo_dir_ops, fd_dir_file_ops},
    placed({"io", kOwnText, show_io}, Place::Process),
    placed({"io", kOwnText, show_thread_io}, Place::Thread),
    {"limits",        kText, show_limits},
    secret("maps", kText, show_maps),
    {"mem",           S_IFREG | 0600, nullptr, nullptr, nullptr, nullptr, mem_file_ops},
    {"mountinfo",     kText, show_mountinfo},
    {"mounts",        kText, show_mounts},
    secret("numa_maps", kText, show_numa_maps),
    {"oom_adj",       S_IFREG | 0644, show_oom_adj, store_oom_adj},
    {"oom_score",     kText, show_oom_score},
    {"oom_score_adj", S_IFREG | 0644, show_oom_score_adj, store_oom_score_adj},
    {"pagemap",       S_IFREG | 0400, nullptr, nullptr, nullptr, nullptr, pagemap_file_ops},
    {"personality",   kOwnText, show_personality},
    link("root", root_target),
    {"sched",         kText, show_sched},
    {"schedstat",     kText, show_schedstat_of_task},
    secret("smaps", kText, show_smaps),
    secret("smaps_rollup", kText, show_smaps_rollup),
    {"stack",         kOwnText, show_stack},
    placed({"stat", kText, show_stat}, Place::Process),
    placed({"stat", kText, show_thread_stat}, Place::Thread),
    {"statm",         kText, show_statm},
    {"status",        kText, show_status},
    {"syscall",       kOwnText, show_syscall},
    placed({"task", S_IFDIR | 0555, nullptr, nullptr, nullptr, task_dir_ops, task_dir_file_ops},
           Place::Process),
    placed({"timers", kText, show_timers}, Place::Process),
    placed({"timerslack_ns", S_IFREG | 0666, show_timerslack_ns, store_timerslack_ns},
           Place::Process),
    {"wchan",         kText, show_wchan},
    // Of debug builds: the last ones.
    {"fail-nth",      S_IFREG | 0644, kDebugBuild ? show_fail_nth : nullptr,
                      kDebugBuild ? store_fail_nth : nullptr},
    {"make-it-fail",  S_IFREG | 0644, kDebugBuild ? show_make_it_fail : nullptr,
                      kDebugBuild ? store_make_it_fail : nullptr},
};
constexpr usize kOfDebugBuilds = 2;
constexpr usize kEntryCount = std::size(kEntries) - (kDebugBuild ? 0 : kOfDebugBuilds);
// clang-format on

const fs::InodeOperations& inode_ops_of(const PidEntry* entry) {
    if (!entry || entry == &kThreadDir) return kDirOps;
    if (entry->ops) return entry->ops();
    return entry->target ? static_cast<const fs::InodeOperations&>(kLinkOps) : kFileInodeOps;
}

const fs::FileOperations& file_ops_of(const PidEntry* entry) {
    if (!entry || entry == &kThreadDir) return kDirFileOps;
    return entry->file_ops ? entry->file_ops() : kTextOps;
}

/// Directories that tell nothing secret belong to the task's user, whatever it runs.
void set_owner(fs::Inode& inode, const Task& task) {
    const bool is_open_dir = inode.mode == (S_IFDIR | 0555);
    const bool is_user = is_open_dir || !is_owned_by_root(task);
    inode.uid = is_user ? task.cred.euid : 0;
    inode.gid = is_user ? task.cred.egid : 0;
}

/// False once the task is gone: the walk asks again, and finds nothing or somebody else. A task
/// that goes on may have changed its user.
bool is_alive(const fs::Dentry& dentry) {
    if (dentry.is_negative()) return false;
    auto task = task_of(*dentry.inode());
    if (!task.ok()) return false;
    set_owner(*dentry.inode(), *task.value());
    return true;
}

}  // namespace

std::span<const PidEntry> pid_entries() { return std::span(kEntries).first(kEntryCount); }

constinit const PidEntry kThreadDir{.name = "task", .mode = S_IFDIR | 0555, .outside = 1};

PidInode& pid_inode(const fs::Inode& inode) { return *static_cast<PidInode*>(inode.private_data); }

Result<Ref<Task>> task_of(const fs::Inode& inode) {
    const PidInode& about = pid_inode(inode);
    IrqGuard guard(sched::tasks_lock);
    Task* task = sched::find_task(about.pid);
    if (!task || task->start_time_ns != about.start_time_ns) return ESRCH;
    return Ref<Task>::share(task);
}

u64 pid_inode_number(sched::PidNumber pid, const PidEntry* entry, int fd) {
    constexpr u64 kFirstOutside = 200;
    static_assert(std::size(kEntries) < kFirstOutside);
    u64 which = 0;
    if (entry) which = entry->outside ? kFirstOutside + entry->outside : u64(entry - kEntries) + 1;
    return (u64(pid) + 1) << 32 | which << 24 | u32(fd + 1);
}

Result<void> instantiate_pid(fs::SuperBlock& super, fs::Dentry& child, Task& task,
                             const PidEntry* entry, int fd) {
    auto about = TRY(mm::make<PidInode>(task.pid, task.start_time_ns, entry, fd));
    const u32 mode = entry ? entry->mode : S_IFDIR | 0555;
    auto inode = TRY(libfs::make_inode(super, pid_inode_number(task.pid, entry, fd), mode,
                                       inode_ops_of(entry), file_ops_of(entry)));
    inode->private_data = about.leak();
    set_owner(*inode, task);
    child.still_valid = is_alive;
    child.instantiate(std::move(inode));
    return {};
}

bool parse_number(std::string_view text, u32& number) {
    if (text.empty() || text.size() > 9 || (text[0] == '0' && text.size() > 1)) return false;
    number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return false;
        number = number * 10 + static_cast<u32>(c - '0');
    }
    return true;
}

bool never_valid(const fs::Dentry&) { return false; }

Result<void> lookup_task(fs::Inode& dir, fs::Dentry& child, bool threads_of_one) {
    child.still_valid = never_valid;  // as long as it is negative: a task may yet be born
    u32 number = 0;
    if (!parse_number(child.name(), number) || number == 0) return {};
    Ref<Task> task;
    {
        IrqGuard guard(sched::tasks_lock);
        task = Ref<Task>::share(sched::find_task(static_cast<sched::PidNumber>(number)));
    }
    if (!task) return {};
    if (threads_of_one && task->tgid != TRY(task_of(dir))->tgid) return {};
    return instantiate_pid(dir.super, child, *task, threads_of_one ? &kThreadDir : nullptr);
}

Ref<fs::FdTable> files_of(Task& task) {
    IrqGuard guard(sched::tasks_lock);
    return Ref<fs::FdTable>::try_share(task.files);
}

Ref<fs::FsStruct> fs_of(Task& task) {
    IrqGuard guard(sched::tasks_lock);
    return Ref<fs::FsStruct>::try_share(task.fs);
}

}  // namespace procfs
