// The calls that add a name to a directory or take one away: mkdir, mknod, symlink, link, unlink,
// rmdir. All have the same shape: walk to the directory, lock it, look the name up, see whether
// the task may, let the file system do it, tell the dcache.
#include "abi/fcntl.h"
#include "abi/prctl.h"
#include "fs/namei/walk.h"

namespace fs {
namespace {

using namespace abi;

/// Calls `make(dir, child)` for the new name `name`, with the directory locked. EEXIST if the name
/// is taken; only a directory may be announced by a slash at the end.
template <class Make>
Result<void> make_name(int dirfd, std::string_view name, Victim what, Make make) {
    PathWalk walk(TRY(start_of_walk(dirfd, name)));
    TRY(walk.to_parent(name));
    if (walk.kind != LastKind::Name) return EEXIST;

    Inode& dir = *walk.path.inode();
    sched::MutexGuard guard(dir.mutex);
    Ref<Dentry> child = TRY(lookup_one(*walk.path.dentry, walk.last));
    if (!child->is_negative()) return EEXIST;
    if (walk.must_be_dir() && what == Victim::File) return ENOENT;
    TRY(mnt_want_write(walk.path));
    TRY(may_create(dir));
    return make(walk.path, dir, *child);
}

/// What mknod(2) may make; the type 0 means a regular file.
Result<u32> node_mode(u32 mode) {
    switch (mode & S_IFMT) {
    case 0: return mode | S_IFREG;
    case S_IFREG:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK: return mode;
    case S_IFDIR: return EPERM;
    default: return EINVAL;
    }
}

bool is_device_mode(u32 mode) { return (mode & S_IFMT) == S_IFCHR || (mode & S_IFMT) == S_IFBLK; }

Result<void> make_link(Inode& dir, Inode& inode, Dentry& child) {
    if (inode.is_dir()) return EPERM;
    sched::MutexGuard guard(inode.mutex, 1);
    if (inode.link_count.load() == 0) return ENOENT;  // its last name is gone: it stays gone
    TRY(dir.ops.link(dir, inode, child));
    inode.ctime = dir.mtime = dir.ctime = current_time();
    return {};
}

void note_removal(Inode& dir, Inode& victim) {
    victim.ctime = dir.mtime = dir.ctime = current_time();
}

}  // namespace

Result<void> do_mkdir(int dirfd, std::string_view name, u32 mode) {
    return make_name(dirfd, name, Victim::Directory, [&](const Path&, Inode& dir, Dentry& child) {
        const u32 permissions = apply_umask(mode & (S_IRWXU | S_IRWXG | S_IRWXO | S_ISVTX));
        return dir.ops.mkdir(dir, child, {.mode = S_IFDIR | permissions});
    });
}

Result<void> do_mknod(int dirfd, std::string_view name, u32 mode, u32 device) {
    mode = TRY(node_mode(mode));
    return make_name(dirfd, name, Victim::File,
                     [&](const Path&, Inode& dir, Dentry& child) -> Result<void> {
                         if (is_device_mode(mode) && !capable(CAP_MKNOD)) return EPERM;
                         const u32 number = is_device_mode(mode) ? device : 0;
                         return dir.ops.create(dir, child, {apply_umask(mode), number});
                     });
}

Result<void> do_symlink(std::string_view target, int dirfd, std::string_view name) {
    if (target.empty()) return ENOENT;
    if (target.size() >= kPathMax) return ENAMETOOLONG;
    return make_name(dirfd, name, Victim::File, [&](const Path&, Inode& dir, Dentry& child) {
        return dir.ops.symlink(dir, child, target);
    });
}

Result<void> do_link(int old_dirfd, std::string_view old_name, int new_dirfd,
                     std::string_view new_name, u32 flags) {
    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return EINVAL;
    if (flags & AT_EMPTY_PATH && !capable(CAP_DAC_READ_SEARCH)) return ENOENT;
    u32 lookup_flags = flags & AT_SYMLINK_FOLLOW ? u32{kLookupFollow} : 0;
    if (flags & AT_EMPTY_PATH) lookup_flags |= kLookupEmpty;
    const Path old = TRY(lookup(TRY(start_of_walk(old_dirfd, old_name)), old_name, lookup_flags));
    return make_name(new_dirfd, new_name, Victim::File,
                     [&](const Path& parent, Inode& dir, Dentry& child) -> Result<void> {
                         if (parent.mount != old.mount) return EXDEV;
                         return make_link(dir, *old.inode(), child);
                     });
}

Result<void> do_unlink(int dirfd, std::string_view name) {
    PathWalk walk(TRY(start_of_walk(dirfd, name)));
    TRY(walk.to_parent(name));
    if (walk.kind != LastKind::Name) return EISDIR;

    Ref<Dentry> victim;  // dropped, and with them perhaps a large file, after the lock
    Ref<Inode> inode;
    Inode& dir = *walk.path.inode();
    sched::MutexGuard guard(dir.mutex);
    victim = TRY(lookup_one(*walk.path.dentry, walk.last));
    if (victim->is_negative()) return ENOENT;
    if (walk.must_be_dir()) return victim->inode()->is_dir() ? EISDIR : ENOTDIR;
    TRY(mnt_want_write(walk.path));
    TRY(may_delete(dir, *victim, Victim::File));

    inode = Ref<Inode>::share(victim->inode());
    {
        sched::MutexGuard victim_guard(inode->mutex, 1);
        TRY(dir.ops.unlink(dir, *victim));
        note_removal(dir, *inode);
    }
    victim->remove_name();
    return {};
}

Result<void> do_rmdir(int dirfd, std::string_view name) {
    PathWalk walk(TRY(start_of_walk(dirfd, name)));
    TRY(walk.to_parent(name));
    if (walk.kind == LastKind::DotDot) return ENOTEMPTY;
    if (walk.kind == LastKind::Dot) return EINVAL;
    if (walk.kind != LastKind::Name) return EBUSY;

    Ref<Dentry> victim;
    Ref<Inode> inode;
    Inode& dir = *walk.path.inode();
    sched::MutexGuard guard(dir.mutex);
    victim = TRY(lookup_one(*walk.path.dentry, walk.last));
    if (victim->is_negative()) return ENOENT;
    TRY(mnt_want_write(walk.path));
    TRY(may_delete(dir, *victim, Victim::Directory));

    inode = Ref<Inode>::share(victim->inode());
    {
        // Nobody may be making a name in it while we look whether it is empty.
        sched::MutexGuard victim_guard(inode->mutex, 1);
        TRY(dir.ops.rmdir(dir, *victim));
        note_removal(dir, *inode);
    }
    victim->remove_name();
    return {};
}

}  // namespace fs
