// rename(2): the one call that changes two directories at once.
//
// Order of locks. Two directories that are not the same are locked ancestor first, else by
// address; and since "ancestor" may only be asked while no directory moves, `rename_mutex` is
// taken before. So two renames never wait for each other, and none can make a directory its own
// grandchild.
#include <optional>

#include "abi/fcntl.h"
#include "fs/namei/walk.h"

namespace fs {
namespace {

using namespace abi;

constinit sched::Mutex rename_mutex{"rename"};

/// Holds the mutexes of two directories, which may be the same.
class TwoDirectories {
public:
    TwoDirectories(const Path& a, const Path& b) NO_LOCK_ANALYSIS : first_(a.inode()),
                                                                    second_(b.inode()) {
        if (first_ != second_) {
            rename_mutex.lock();
            const bool swap = a.dentry->is_below(*b.dentry) ||
                              (!b.dentry->is_below(*a.dentry) && second_ < first_);
            if (swap) std::swap(first_, second_);
        }
        first_->mutex.lock();
        if (first_ != second_) second_->mutex.lock_nested(1);
    }
    ~TwoDirectories() NO_LOCK_ANALYSIS {
        first_->mutex.unlock();
        if (first_ == second_) return;
        second_->mutex.unlock();
        rename_mutex.unlock();
    }
    TwoDirectories(const TwoDirectories&) = delete;

private:
    Inode* first_;
    Inode* second_;
};

struct Rename {
    PathWalk& from_walk;
    PathWalk& to_walk;
    u32 flags;
    Ref<Dentry> from = {}, to = {};

    bool is_exchange() const { return flags & RENAME_EXCHANGE; }
    Inode& from_dir() const { return *from_walk.path.inode(); }
    Inode& to_dir() const { return *to_walk.path.inode(); }
};

Victim kind_of(const Inode& inode) { return inode.is_dir() ? Victim::Directory : Victim::File; }

/// Looks both names up, and says what the names alone forbid.
Result<void> find_names(Rename& rename) {
    rename.from = TRY(lookup_one(*rename.from_walk.path.dentry, rename.from_walk.last));
    if (rename.from->is_negative()) return ENOENT;
    rename.to = TRY(lookup_one(*rename.to_walk.path.dentry, rename.to_walk.last));
    if (rename.flags & RENAME_NOREPLACE && !rename.to->is_negative()) return EEXIST;
    if (rename.is_exchange() && rename.to->is_negative()) return ENOENT;

    const bool from_is_dir = rename.from->inode()->is_dir();
    if (!from_is_dir && rename.from_walk.must_be_dir()) return ENOTDIR;
    const bool result_is_dir = rename.is_exchange() ? rename.to->inode()->is_dir() : from_is_dir;
    if (!result_is_dir && rename.to_walk.must_be_dir()) return ENOTDIR;

    // Not into itself, and not onto what it is in.
    if (rename.to_walk.path.dentry->is_below(*rename.from)) return EINVAL;
    if (rename.from_walk.path.dentry->is_below(*rename.to)) {
        return rename.is_exchange() ? EINVAL : ENOTEMPTY;
    }
    return {};
}

/// A directory that changes its parent has its ".." changed: that wants the right to write to it.
Result<void> may_reparent(const Rename& rename, const Inode& moved) {
    if (!moved.is_dir() || &rename.from_dir() == &rename.to_dir()) return {};
    return inode_permission(moved, W_OK);
}

Result<void> may_rename(const Rename& rename) {
    const Inode& moved = *rename.from->inode();
    TRY(may_delete(rename.from_dir(), *rename.from, kind_of(moved)));
    if (rename.to->is_negative()) {
        TRY(may_create(rename.to_dir()));
    } else {
        const Inode& replaced = *rename.to->inode();
        TRY(may_delete(rename.to_dir(), *rename.to,
                       rename.is_exchange() ? kind_of(replaced) : kind_of(moved)));
        if (rename.is_exchange()) TRY(may_reparent(rename, replaced));
    }
    return may_reparent(rename, moved);
}

void note_rename(const Rename& rename, Inode& moved, Inode* replaced) {
    const TimeSpec now = current_time();
    rename.from_dir().mtime = rename.from_dir().ctime = now;
    rename.to_dir().mtime = rename.to_dir().ctime = now;
    moved.ctime = now;
    if (replaced) replaced->ctime = now;
}

/// Both directories are locked.
Result<void> vfs_rename(Rename& rename) {
    TRY(find_names(rename));
    Inode& moved = *rename.from->inode();
    Inode* replaced = rename.to->inode();
    if (&moved == replaced) return {};  // two names of one file: nothing to do, says POSIX
    TRY(may_rename(rename));

    std::optional<sched::MutexGuard> replaced_guard;
    if (replaced) {
        rename.to->prune_children();
        replaced_guard.emplace(replaced->mutex, 2);
    }
    TRY(rename.from_dir().ops.rename(rename.from_dir(), *rename.from, rename.to_dir(), *rename.to,
                                     rename.flags));
    note_rename(rename, moved, replaced);
    if (rename.is_exchange()) {
        rename.from->exchange_with(*rename.to);
    } else {
        rename.from->move_to(*rename.to);
    }
    return {};
}

Result<void> check_flags(u32 flags) {
    if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) return EINVAL;
    if (flags == (RENAME_NOREPLACE | RENAME_EXCHANGE)) return EINVAL;
    return {};
}

}  // namespace

Result<void> do_rename(const RenameArgs& args) {
    TRY(check_flags(args.flags));
    PathWalk from_walk(TRY(start_of_walk(args.old_dirfd, args.old_name)));
    TRY(from_walk.to_parent(args.old_name));
    PathWalk to_walk(TRY(start_of_walk(args.new_dirfd, args.new_name)));
    TRY(to_walk.to_parent(args.new_name));

    if (from_walk.path.mount != to_walk.path.mount) return EXDEV;
    if (from_walk.kind != LastKind::Name) return EBUSY;
    if (to_walk.kind != LastKind::Name) {
        return args.flags & RENAME_NOREPLACE ? EEXIST : EBUSY;
    }
    TRY(mnt_want_write(from_walk.path));

    Rename rename{from_walk, to_walk, args.flags};
    TwoDirectories locked(from_walk.path, to_walk.path);
    return vfs_rename(rename);
}

}  // namespace fs
