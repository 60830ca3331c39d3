// /proc/<pid>: its table of files, its inodes, its listing. See fs/procfs/pid_entry.h.
#include "fs/procfs/pid_entry.h"

#include "abi/dirent.h"
#include "fs/libfs/tree.h"
#include "lib/string.h"
#include "mm/own.h"

namespace procfs {
namespace {

using namespace abi;

constexpr u32 kText = S_IFREG | 0444, kOwnText = S_IFREG | 0400, kLink = S_IFLNK | 0777;

Result<void> show_oom_score_adj(SeqFile& out, Task&) {
    out.print("0\n");
    return {};
}
Result<void> ignore(std::string_view, Task&) { return {}; }

// --- operations of the kinds of inodes
// ------------------------------------------------------------

class PidFileOperations final : public fs::InodeOperations {
public:
    Result<void> truncate(fs::Inode&, u64) const override { return {}; }
};
constexpr PidFileOperations kFileInodeOps;

class PidTextOperations final : public libfs::TextOperations {
public:
    Result<void> show(fs::File& file, SeqFile& out) const override {
        auto task = TRY(task_of(*file.inode()));
        return pid_inode(*file.inode()).entry->show(out, *task);
    }
    Result<void> store(fs::File& file, std::string_view text) const override {
        const PidEntry& entry = *pid_inode(*file.inode()).entry;
        if (!entry.store) return EINVAL;
        return entry.store(text, *TRY(task_of(*file.inode())));
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
        return pid_inode(link).entry->target(*TRY(task_of(link)));
    }
};
constexpr PidLinkOperations kLinkOps;

class PidDirOperations final : public fs::InodeOperations {
public:
    Result<void> lookup(fs::Inode& dir, fs::Dentry& child) const override {
        auto task = TRY(task_of(dir));
        for (const PidEntry& entry : pid_entries()) {
            if (child.name() == entry.name) {
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
        TRY(task_of(*file.inode()));
        const auto entries = pid_entries();
        while (file.position < entries.size() + 2) {
            const u64 at = file.position;
            const PidEntry* entry = at < 2 ? nullptr : &entries[at - 2];
            const char* name = at == 0 ? "." : at == 1 ? ".." : entry->name;
            const u8 type = entry ? type_of_mode(entry->mode) : DT_DIR;
            const u64 number = at == 1 ? 1 : pid_inode_number(dir.pid, entry, -1);
            if (!sink.emit(name, number, type, at + 1)) break;
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
        auto task = TRY(task_of(*file.inode()));
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
            if (!sink.emit({name, length}, pid_inode_number(tid, nullptr, -1), DT_DIR,
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

// clang-format off
constexpr PidEntry kEntries[] = {
    {"auxv",          kOwnText, show_auxv},
    {"cmdline",       kText, show_cmdline},
    {"comm",          S_IFREG | 0644, show_comm, store_comm},
    {"cwd",           kLink, nullptr, nullptr, cwd_target},
    {"environ",       kOwnText, show_environ},
    {"exe",           kLink, nullptr, nullptr, exe_target},
    {"fd",            S_IFDIR | 0500, nullptr, nullptr, nullptr, fd_dir_ops, fd_dir_file_ops},
    {"fdinfo",        S_IFDIR | 0555, nullptr, nullptr, nullptr, fdinfo_dir_ops, fd_dir_file_ops},
    {"io",            kOwnText, show_io},
    {"limits",        kText, show_limits},
    {"maps",          kText, show_maps},
    {"mountinfo",     kText, show_mountinfo},
    {"mounts",        kText, show_mounts},
    {"oom_score",     kText, show_zero},
    {"oom_score_adj", S_IFREG | 0644, show_oom_score_adj, ignore},
    {"root",          kLink, nullptr, nullptr, root_target},
    {"smaps",         kText, show_smaps},
    {"stack",         kOwnText, show_stack},
    {"stat",          kText, show_stat},
    {"statm",         kText, show_statm},
    {"status",        kText, show_status},
    {"syscall",       kOwnText, show_syscall},
    {"task",          S_IFDIR | 0555, nullptr, nullptr, nullptr, task_dir_ops, task_dir_file_ops},
    {"timers",        kText, show_timers},
    {"timerslack_ns", S_IFREG | 0666, show_timerslack_ns, store_timerslack_ns},
    {"wchan",         kText, show_wchan},
};
// clang-format on

const fs::InodeOperations& inode_ops_of(const PidEntry* entry) {
    if (!entry) return kDirOps;
    if (entry->ops) return entry->ops();
    return entry->target ? static_cast<const fs::InodeOperations&>(kLinkOps) : kFileInodeOps;
}

const fs::FileOperations& file_ops_of(const PidEntry* entry) {
    if (!entry) return kDirFileOps;
    return entry->file_ops ? entry->file_ops() : kTextOps;
}

/// False once the task is gone: the walk asks again, and finds nothing or somebody else.
bool is_alive(const fs::Dentry& dentry) {
    return !dentry.is_negative() && task_of(*dentry.inode()).ok();
}

}  // namespace

std::span<const PidEntry> pid_entries() { return kEntries; }

PidInode& pid_inode(const fs::Inode& inode) { return *static_cast<PidInode*>(inode.private_data); }

Result<Ref<Task>> task_of(const fs::Inode& inode) {
    const PidInode& about = pid_inode(inode);
    IrqGuard guard(sched::tasks_lock);
    Task* task = sched::find_task(about.pid);
    if (!task || task->start_time_ns != about.start_time_ns) return ESRCH;
    return Ref<Task>::share(task);
}

u64 pid_inode_number(sched::PidNumber pid, const PidEntry* entry, int fd) {
    const u64 which = entry ? u64(entry - kEntries) + 1 : 0;
    return (u64(pid) + 1) << 32 | which << 24 | u32(fd + 1);
}

Result<void> instantiate_pid(fs::SuperBlock& super, fs::Dentry& child, Task& task,
                             const PidEntry* entry, int fd) {
    auto about = TRY(mm::make<PidInode>(task.pid, task.start_time_ns, entry, fd));
    const u32 mode = entry ? entry->mode : S_IFDIR | 0555;
    auto inode = TRY(libfs::make_inode(super, pid_inode_number(task.pid, entry, fd), mode,
                                       inode_ops_of(entry), file_ops_of(entry)));
    inode->private_data = about.leak();
    inode->uid = task.cred.euid;
    inode->gid = task.cred.egid;
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
    return instantiate_pid(dir.super, child, *task, nullptr);
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
