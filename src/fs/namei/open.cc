// open(2): find or make the file, see whether the task may have it, open it.
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "fs/namei/walk.h"

namespace fs {
namespace {

using namespace abi;

constexpr u32 kTmpfileBit = O_TMPFILE & ~O_DIRECTORY;

struct OpenArgs {
    u32 flags;
    u32 mode;  // of a new file
};

/// What the flags mean, made unambiguous. EINVAL for combinations without a meaning.
Result<u32> check_flags(u32 flags) {
    if (flags & O_PATH) return flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (flags & kTmpfileBit) {
        const bool writes = (flags & O_ACCMODE) != O_RDONLY;
        return flags & O_DIRECTORY && writes ? EOPNOTSUPP : EINVAL;
    }
    if (flags & O_CREAT && flags & O_DIRECTORY) return EINVAL;
    return flags;
}

/// The rights that an open file with these flags needs, as inode_permission() wants them.
unsigned wanted_access(u32 flags) {
    constexpr unsigned kByMode[] = {R_OK, W_OK, R_OK | W_OK, R_OK | W_OK};
    return kByMode[flags & O_ACCMODE] | (flags & O_TRUNC ? W_OK : 0);
}

/// Whether `current` may open what is at `path`. EACCES, EISDIR, ELOOP, EROFS, EPERM.
Result<void> may_open(const Path& path, u32 flags) {
    const Inode& inode = *path.inode();
    const unsigned want = wanted_access(flags);
    if (inode.is_symlink()) return ELOOP;
    if (inode.is_dir() && want & W_OK) return EISDIR;
    const bool is_device = inode.is_char_device() || inode.is_block_device();
    if (is_device && path.mount->flags & MS_NODEV) return EACCES;
    TRY(inode_permission(inode, want));
    // A device or a fifo is not a part of the file system it has its name in.
    if (want & W_OK && inode.is_regular()) TRY(mnt_want_write(path));
    if (flags & O_NOATIME && !inode_owner_or_capable(inode)) return EPERM;
    return {};
}

Result<Ref<File>> open_existing(const Path& path, u32 flags) {
    if (flags & O_PATH) return File::open(path, flags);
    if (!path.inode()->is_regular()) flags &= ~O_TRUNC;
    TRY(may_open(path, flags));
    Ref<File> file = TRY(File::open(path, flags));
    if (flags & O_TRUNC) TRY(do_truncate(*path.inode(), 0));
    return file;
}

struct Found {
    Ref<Dentry> dentry;
    bool is_new;
};

/// The name `last` in `dir`; if there is none, a new regular file.
Result<Found> lookup_or_create(const Path& dir, std::string_view last, u32 mode) {
    Ref<Dentry> dentry = Dentry::lookup_cached(*dir.dentry, last);
    if (dentry && !dentry->is_negative()) return Found{std::move(dentry), false};

    Inode& parent = *dir.inode();
    sched::MutexGuard guard(parent.mutex);
    dentry = TRY(lookup_one(*dir.dentry, last));
    if (!dentry->is_negative()) return Found{std::move(dentry), false};
    TRY(mnt_want_write(dir));
    TRY(may_create(parent));
    TRY(parent.ops.create(parent, *dentry, {.mode = mode}));
    return Found{std::move(dentry), true};
}

/// O_CREAT: each link at the end of the name is followed, also one that leads nowhere: then the
/// file is made where it points.
Result<Ref<File>> open_or_create(PathWalk& walk, const OpenArgs& args) {
    const u32 mode = S_IFREG | apply_umask(args.mode & S_IALLUGO);
    while (walk.kind == LastKind::Name) {
        if (walk.must_be_dir()) return EISDIR;
        Found found = TRY(lookup_or_create(walk.path, walk.last, mode));
        if (found.is_new) {
            walk.path = Path(walk.path.mount, std::move(found.dentry));
            // Whatever its mode says: who makes a file may have it as asked for.
            return File::open(walk.path, args.flags);
        }
        if (args.flags & O_EXCL) return EEXIST;
        if (found.dentry->inode()->is_symlink() && !(args.flags & O_NOFOLLOW)) {
            TRY(walk.follow_last(std::move(found.dentry), kLookupFollow));
            continue;
        }
        walk.path = Path(walk.path.mount, std::move(found.dentry));
        follow_mount(walk.path);
        walk.kind = LastKind::Jumped;
    }
    if (walk.kind != LastKind::Jumped || walk.path.inode()->is_dir()) return EISDIR;
    return open_existing(walk.path, args.flags);
}

}  // namespace

Result<Ref<File>> do_open(int dirfd, std::string_view name, u32 flags, u32 mode) {
    flags = TRY(check_flags(flags));
    PathWalk walk(TRY(start_of_walk(dirfd, name)));
    TRY(walk.to_parent(name));
    if (flags & O_CREAT) return open_or_create(walk, {flags, mode});

    u32 lookup_flags = flags & O_NOFOLLOW ? 0 : u32{kLookupFollow};
    if (flags & O_DIRECTORY) lookup_flags |= kLookupDirectory;
    TRY(walk.to_end(lookup_flags));
    return open_existing(walk.path, flags);
}

}  // namespace fs
