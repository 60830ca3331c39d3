// /proc/<pid>/{fd,fdinfo}, exe, cwd, root: places and open files of a task.
#include "abi/dirent.h"
#include "abi/fcntl.h"
#include "fs/libfs/tree.h"
#include "fs/procfs/pid/access.h"
#include "fs/procfs/pid_entry.h"
#include "lib/string.h"
#include "mm/slab.h"

namespace procfs {
namespace {

using namespace abi;

Result<Ref<fs::File>> file_of(const fs::Inode& inode) {
    auto task = TRY(task_of(inode));
    auto files = files_of(*task);
    if (!files) return ENOENT;
    auto file = files->get(pid_inode(inode).fd);
    if (!file.ok()) return ENOENT;
    return file.take();
}

/// The same for those who may look into the task: EACCES.
Result<Ref<fs::File>> checked_file_of(const fs::Inode& inode) {
    TRY(check_look_into(*TRY(task_of(inode)), EACCES));
    return file_of(inode);
}

usize put(std::span<char> room, std::string_view text) {
    const usize length = std::min(text.size(), room.size());
    memcpy(room.data(), text.data(), length);
    return length;
}

/// What the link of an open file reads: a path, or what Linux calls files without one.
Result<usize> describe(const fs::File& file, std::span<char> room) {
    char text[64];
    if (!file.inode()) {
        const char* name = file.anonymous_name ? file.anonymous_name : "?";
        return put(room, {text, format_to(text, "anon_inode:%s", name)});
    }
    if (!file.path.mount || !file.path.mount->root) {  // in no tree: a pipe
        return put(room, {text, format_to(text, "pipe:[%lu]", file.inode()->number)});
    }
    auto* buffer = static_cast<char*>(TRY(mm::kmalloc(kPageSize, mm::Gfp::Kernel)));
    const fs::Path root = sched::current().fs->root();
    auto name = fs::d_path(file.path, root, std::span(buffer, kPageSize));
    const usize length = name.ok() ? put(room, name.value()) : 0;
    mm::kfree(buffer);
    if (!name.ok()) return name.error();
    return length;
}

class FdLinkOperations final : public fs::InodeOperations {
public:
    Result<usize> readlink(fs::Inode& link, std::span<char> room) const override {
        return describe(*TRY(checked_file_of(link)), room);
    }
    Result<bool> follow_magic(fs::Inode& link, fs::Path& to) const override {
        auto file = TRY(checked_file_of(link));
        if (!file->inode()) return ENXIO;  // an eventfd has no place to go to
        to = file->path;
        return true;
    }
};
constexpr FdLinkOperations kFdLinkOps;
const fs::InodeOperations& fd_link_ops() { return kFdLinkOps; }
constexpr PidEntry kFdEntry{
    .name = "fd", .mode = S_IFLNK, .ops = fd_link_ops, .file_ops = nullptr, .outside = 2};

class FdInfoOperations final : public libfs::TextOperations {
public:
    Result<void> open(fs::File& file) const override {
        TRY(check_look_into(*TRY(task_of(*file.inode())), EACCES));
        return TextOperations::open(file);
    }
    Result<void> show(fs::File& file, SeqFile& out) const override {
        auto about = TRY(checked_file_of(*file.inode()));
        auto files = files_of(*TRY(task_of(*file.inode())));
        if (!files) return ENOENT;
        const bool closes = TRY(files->close_on_exec(pid_inode(*file.inode()).fd));
        const u32 flags = about->flags.load() | (closes ? O_CLOEXEC : 0);
        out.print("pos:\t%lu\nflags:\t0%o\nmnt_id:\t%u\nino:\t%lu\n", about->position, flags,
                  about->path.mount ? about->path.mount->id : 0,
                  about->inode() ? about->inode()->number : 1);
        char own[256];
        const usize length = about->ops->show_fdinfo(*about, own);
        out.write({own, std::min(length, sizeof own)});
        return {};
    }
};
constexpr FdInfoOperations kFdInfoFileOps;
class NoOperations final : public fs::InodeOperations {};
constexpr NoOperations kNoOps;
const fs::InodeOperations& fdinfo_ops() { return kNoOps; }
const fs::FileOperations& fdinfo_file_ops() { return kFdInfoFileOps; }
constexpr PidEntry kFdInfoEntry{.name = "fdinfo",
                                .mode = S_IFREG | 0444,
                                .ops = fdinfo_ops,
                                .file_ops = fdinfo_file_ops,
                                .outside = 3};

/// True while the task has that descriptor open.
bool fd_is_open(const fs::Dentry& dentry) {
    return !dentry.is_negative() && file_of(*dentry.inode()).ok();
}

Result<void> lookup_fd(fs::Inode& dir, fs::Dentry& child, const PidEntry& entry) {
    child.still_valid = never_valid;
    auto found = task_of(dir);
    if (!found.ok()) return ENOENT;
    auto task = found.take();
    auto files = files_of(*task);
    u32 fd = 0;
    if (!files || !parse_number(child.name(), fd)) return {};
    auto file = files->get(static_cast<int>(fd));
    if (!file.ok()) return {};
    TRY(instantiate_pid(dir.super, child, *task, &entry, static_cast<int>(fd)));
    if (&entry == &kFdEntry) {  // the permissions of a link tell what it is open for
        fs::Inode& link = *child.inode();
        if (file.value()->may_read()) link.mode |= 0500;
        if (file.value()->may_write()) link.mode |= 0300;
        link.size.store(64);
    }
    child.still_valid = fd_is_open;
    return {};
}

class FdDirOperations final : public fs::InodeOperations {
public:
    explicit constexpr FdDirOperations(const PidEntry& entry) : entry_(entry) {}
    Result<void> lookup(fs::Inode& dir, fs::Dentry& child) const override {
        return lookup_fd(dir, child, entry_);
    }

private:
    const PidEntry& entry_;
};
constexpr FdDirOperations kFdDirOps(kFdEntry), kFdInfoDirOps(kFdInfoEntry);

class FdDirFileOperations final : public fs::FileOperations {
public:
    Result<void> open(fs::File& file) const override {
        const PidInode& dir = pid_inode(*file.inode());
        if (dir.entry->ops != fdinfo_dir_ops) return {};  // fd/ itself says who may read it
        return check_look_into(*TRY(task_of(*file.inode())), EACCES);
    }
    Result<void> read_dir(fs::File& file, fs::DirSink& sink) const override {
        auto found = task_of(*file.inode());
        if (!found.ok()) return ENOENT;
        auto task = found.take();
        auto files = files_of(*task);
        const PidEntry* entry = pid_inode(*file.inode()).entry;
        while (file.position < 2) {
            const char* name = file.position == 0 ? "." : "..";
            if (!sink.emit(name, file.inode()->number, DT_DIR, file.position + 1)) return {};
            file.position++;
        }
        if (!files) return {};
        const u8 type = entry->ops == fd_dir_ops ? DT_LNK : DT_REG;
        // Position n + 2: descriptors from n on.
        for (int fd = 0; (fd = files->next_open(static_cast<int>(file.position - 2))) >= 0;) {
            char name[12];
            const usize length = format_to(name, "%d", fd);
            if (!sink.emit({name, length}, pid_inode_number(task->pid, entry, fd), type,
                           u64(fd) + 3)) {
                break;
            }
            file.position = u64(fd) + 3;
        }
        return {};
    }
    Result<u64> seek(fs::File& file, i64 offset, int whence) const override {
        return libfs::seek_without_size(file, offset, whence);
    }
    Result<usize> read(fs::File&, IovIter&, u64&) const override { return EISDIR; }
};
constexpr FdDirFileOperations kFdDirFileOps;

}  // namespace

const fs::InodeOperations& fd_dir_ops() { return kFdDirOps; }
const fs::InodeOperations& fdinfo_dir_ops() { return kFdInfoDirOps; }
const fs::FileOperations& fd_dir_file_ops() { return kFdDirFileOps; }

Result<fs::Path> exe_target(Task& task) {
    const TaskMm mm(task);
    if (!mm) return ENOENT;
    sched::ReadGuard guard(mm->mmap_lock);
    if (!mm->exe_file) return ENOENT;
    return static_cast<fs::File*>(mm->exe_file)->path;  // the only kind of MappedFile exec uses
}

Result<fs::Path> cwd_target(Task& task) {
    auto place = fs_of(task);
    if (!place) return ENOENT;
    return place->cwd();
}

Result<fs::Path> root_target(Task& task) {
    auto place = fs_of(task);
    if (!place) return ENOENT;
    return place->root();
}

}  // namespace procfs
