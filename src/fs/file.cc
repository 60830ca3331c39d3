// Open files: their life, position, reading and writing with all checks.
#include "fs/file.h"
#include "fs/locks/file_lock.h"

#include <limits>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "fs/namei/walk.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/own.h"

namespace fs {
namespace {

using namespace abi;

constinit mm::KmemCache file_cache("filp", sizeof(File), alignof(File), mm::SlabFlags::NoMerge);

/// O_PATH: a place, not an open file. Nothing can be done through it.
class PathOnlyOperations final : public FileOperations {
public:
    Result<u64> seek(File&, i64, int) const override { return EBADF; }
    u32 poll(File&, PollTable*) const override { return POLLNVAL; }
    Result<u64> ioctl(File&, u32, u64) const override { return EBADF; }
    Result<vm::AddressSpace*> mmap(File&) const override { return EBADF; }
    Result<void> fsync(File&) const override { return EBADF; }
    Result<void> read_dir(File&, DirSink&) const override { return EBADF; }
};
constexpr PathOnlyOperations kPathOnlyOps;

u32 access_of(u32 flags) {
    constexpr u32 kByMode[] = {1, 2, 3, 0};
    return flags & O_PATH ? 0 : kByMode[flags & O_ACCMODE];
}

Result<Ref<File>> make_file(const FileOperations& ops, u32 flags) {
    void* memory = TRY(file_cache.alloc(mm::Gfp::Kernel));
    return Ref<File>::adopt(new (memory) File(ops, flags));
}

/// Gives back what the file holds, at once, but its memory only when nobody can be asking for its
/// count any more (FdTable::find_shared).
void free_file(File* file) {
    file->path = Path();
    call_rcu(file->rcu, [](RcuHead& head) {
        File& file = rcu_owner<File, &File::rcu>(head);
        file.~File();
        file_cache.free(&file);
    });
}

bool writes_contents(const File& file) {
    return file.may_write() && file.inode() && file.inode()->is_regular();
}

/// A writer is counted with the inode (a program being executed has none) and with the mount
/// (which cannot become read-only meanwhile).
Result<void> count_writer(File& file) {
    if (!writes_contents(file)) return {};
    TRY(get_write_access(*file.inode()));
    if (file.path.mount) file.path.mount->writers.fetch_add(1);
    return {};
}

void forget_writer(File& file) {
    if (!writes_contents(file)) return;
    put_write_access(*file.inode());
    if (file.path.mount) file.path.mount->writers.fetch_sub(1);
}

/// Only these share their position strictly between the tasks that share the file. Whoever waits
/// in a terminal's read() must not keep others from writing.
bool has_locked_position(const File& file) {
    const Inode* inode = file.inode();
    return inode && (inode->is_regular() || inode->is_dir());
}

/// Calls move(offset) with the file's own position, which it may advance.
template <class Move>
Result<usize> at_own_position(File& file, Move move) {
    if (has_locked_position(file)) {
        sched::MutexGuard guard(file.position_mutex);
        return move(file.position);
    }
    u64 offset = file.position;
    auto moved = move(offset);
    if (moved.ok() && !file.ops->is_stream()) file.position = offset;
    return moved;
}

Result<void> check_offset(const File& file, const u64* offset) {
    if (!offset) return {};
    if (file.ops->is_stream()) return ESPIPE;
    if (*offset > static_cast<u64>(std::numeric_limits<i64>::max())) return EINVAL;
    return {};
}

}  // namespace

// --- life -------------------------------------------------------------------------------------

File::File(const FileOperations& ops, u32 flags)
    : ops(&ops), flags(flags & ~O_CLOEXEC), access(access_of(flags)) {}

bool File::is_nonblocking() const { return flags.load(std::memory_order_relaxed) & O_NONBLOCK; }

Result<Ref<File>> File::open(const Path& path, u32 flags) {
    const bool only_path = flags & O_PATH;
    const FileOperations& ops = only_path ? kPathOnlyOps : path.inode()->file_ops;
    Ref<File> file = TRY(make_file(ops, flags));
    file->path = path;
    Result<void> opened = count_writer(*file);
    if (opened.ok()) {
        opened = file->ops->open(*file);
        if (!opened.ok()) forget_writer(*file);
    }
    if (!opened.ok()) {
        free_file(file.leak());  // it was never open, so release() is not for it
        return opened.error();
    }
    file->flags.fetch_and(~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC));
    return file;
}

Result<Ref<File>> File::open_anonymous(const char* name, const FileOperations& ops, u32 flags,
                                       void* private_data) {
    Ref<File> file = TRY(make_file(ops, flags));
    file->anonymous_name = name;
    file->private_data = private_data;
    const Result<void> opened = ops.open(*file);
    if (opened.ok()) return file;
    free_file(file.leak());
    return opened.error();
}

void File::release(File* file) {
    if (file->epoll_items) eventpoll_release(*file);
    if (file->flags.load(std::memory_order_relaxed) & FASYNC) {
        (void)file->ops->fasync(*file, -1, false);
    }
    file->ops->release(*file);
    file->allow_writing();
    if (file->inode() != nullptr) release_locks(*file->inode(), LockKind::Flock, file);
    forget_writer(*file);
    free_file(file);
}

Result<void> File::deny_writing() {
    TRY(deny_write_access(*inode()));
    denies_writing = true;
    return {};
}

void File::allow_writing() {
    if (std::exchange(denies_writing, false)) allow_write_access(*inode());
}

// --- as a mapped file -------------------------------------------------------------------------

void File::put() { Ref<File>::adopt(this).reset(); }

vm::AddressSpace* File::mapping() {
    auto mapping = ops->mmap(*this);
    return mapping.ok() ? mapping.value() : nullptr;
}

/// Who could write to it, or owns it. Linux: can_do_mincore() in mm/mincore.c.
bool File::may_show_cache() {
    constexpr unsigned kWrite = 2;
    return !inode() || inode_owner_or_capable(*inode()) || inode_permission(*inode(), kWrite).ok();
}

u64 File::size() { return inode() ? inode()->size.load() : 0; }

usize File::describe(std::span<char> room, u32& device, u64& inode_number) {
    device = 0, inode_number = 0;
    if (anonymous_name) return copy_string(room, anonymous_name);
    if (!path.dentry) return 0;
    device = inode()->super.device;
    inode_number = inode()->number;
    if (!path.mount || !path.mount->root) {  // in no tree: "pipe:[12]"
        const std::string_view type = inode()->super.type.name;
        return format_to(room, "%s:[%u]", type.substr(0, type.find("fs")), inode_number);
    }
    auto name = d_path(path, task_root(), room);
    if (!name.ok()) return 0;
    memmove(room.data(), name.value().data(), name.value().size());
    return name.value().size();
}

// --- the operations that many files share -----------------------------------------------------

Result<u64> FileOperations::seek(File& file, i64 offset, int whence) const {
    const Inode* inode = file.inode();
    if (is_stream() || !inode || inode->is_fifo()) return ESPIPE;
    sched::MutexGuard guard(file.position_mutex);
    const i64 size = static_cast<i64>(inode->size.load());
    i64 base = 0;
    switch (whence) {
    case SEEK_SET: break;
    case SEEK_CUR: base = static_cast<i64>(file.position); break;
    case SEEK_END: base = size; break;
    case SEEK_DATA:
    case SEEK_HOLE:  // all that is not behind the end counts as data
        if (offset < 0 || offset >= size) return ENXIO;
        if (whence == SEEK_HOLE) offset = size;
        break;
    default: return EINVAL;
    }
    i64 target;
    if (__builtin_add_overflow(base, offset, &target)) return EOVERFLOW;
    if (target < 0) return EINVAL;
    file.position = static_cast<u64>(target);
    return file.position;
}

u32 FileOperations::poll(File& file, PollTable*) const {
    return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

// --- read and write ---------------------------------------------------------------------------

namespace {

Result<usize> count_read(Result<usize> moved) {
    sched::IoCounters& io = sched::current().io;
    io.reads++;
    if (moved.ok()) io.read_bytes += moved.value();
    return moved;
}

Result<usize> count_write(Result<usize> moved) {
    sched::IoCounters& io = sched::current().io;
    io.writes++;
    if (moved.ok()) io.written_bytes += moved.value();
    return moved;
}

}  // namespace

Result<usize> vfs_read(File& file, IovIter& to, u64* offset) {
    if (!file.may_read()) return EBADF;
    if (file.inode() && file.inode()->is_dir()) return EISDIR;
    TRY(check_offset(file, offset));
    if (offset) return count_read(file.ops->read(file, to, *offset));
    return count_read(at_own_position(file, [&](u64& at) { return file.ops->read(file, to, at); }));
}

Result<usize> vfs_write(File& file, IovIter& from, u64* offset) {
    if (!file.may_write()) return EBADF;
    TRY(check_offset(file, offset));
    if (offset) return count_write(file.ops->write(file, from, *offset));
    return count_write(
        at_own_position(file, [&](u64& at) { return file.ops->write(file, from, at); }));
}

Result<usize> kernel_read(File& file, std::span<std::byte> room, u64 offset) {
    IovIter to = IovIter::kernel(room);
    usize done = 0;
    while (to.remaining() > 0) {
        const usize moved = TRY(file.ops->read(file, to, offset));
        if (moved == 0) break;
        done += moved;
    }
    return done;
}

}  // namespace fs
