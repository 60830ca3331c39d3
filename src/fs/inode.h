/// Inode: a file, whatever its names. Linux' struct inode.
#pragma once

#include <atomic>
#include <span>
#include <string_view>

#include "abi/stat.h"
#include "fs/locks/held_lock.h"
#include "lib/ref.h"
#include "sched/mutex.h"
#include "sched/task.h"
#include "vm/address_space.h"

namespace fs {

class Dentry;
class File;
class Inode;
class SuperBlock;

struct TimeSpec {  // seconds since 1970 and nanoseconds
    i64 sec = 0;
    u32 nsec = 0;
};

/// What a new file is to be.
struct CreateMode {
    u32 mode;        // type and permissions, the umask already applied
    u32 device = 0;  // for device nodes
};

/// What kind of thing an inode is and how it is worked on. A file system has one constant object
/// for each kind; the defaults say that the kind cannot do that. The parent directory's mutex is
/// held where a directory is changed.
class InodeOperations {
public:
    /// Fills `child` (a new dentry whose name is set) with the inode of that name, or leaves it
    /// negative if there is none. Only real failures are errors.
    virtual Result<void> lookup(Inode& dir, Dentry& child) const { return ENOTDIR; }
    virtual Result<void> create(Inode& dir, Dentry& child, const CreateMode& how) const {
        return EPERM;
    }
    virtual Result<void> mkdir(Inode& dir, Dentry& child, const CreateMode& how) const {
        return EPERM;
    }
    virtual Result<void> symlink(Inode& dir, Dentry& child, std::string_view target) const {
        return EPERM;
    }
    virtual Result<void> link(Inode& dir, Inode& inode, Dentry& child) const { return EPERM; }
    virtual Result<void> unlink(Inode& dir, Dentry& child) const { return EPERM; }
    virtual Result<void> rmdir(Inode& dir, Dentry& child) const { return EPERM; }
    /// Moves `from` (in old_dir) onto `to` (in new_dir), which may be positive and is then
    /// replaced.
    virtual Result<void> rename(Inode& old_dir, Dentry& from, Inode& new_dir, Dentry& to,
                                u32 flags) const {
        return EPERM;
    }
    /// Copies the target of a symbolic link; returns its length. `dentry` may matter (procfs).
    virtual Result<usize> readlink(Inode& link, std::span<char> room) const { return EINVAL; }
    /// Magic links (/proc/<pid>/fd/n, exe, cwd): where they lead, when it is not by a name.
    /// Returns false if the link is an ordinary one.
    virtual Result<bool> follow_magic(Inode& link, struct Path& to) const { return false; }
    /// Changes the size: truncate(2). The caller holds the inode's mutex.
    virtual Result<void> truncate(Inode& inode, u64 size) const { return EPERM; }
    /// Before page `index`, which is not in the cache, is added to be written: ENOSPC. After it was
    /// added or that failed, write_end(). The inode's mutex is held.
    virtual Result<void> write_begin(Inode& inode, u64 index) const { return {}; }
    virtual void write_end(Inode& inode) const {}
    /// May refuse or forward what chmod, chown and utimes did to the fields.
    virtual Result<void> attributes_changed(Inode& inode) const { return {}; }
    /// Brings size, times, mode up to date for files whose content is made up (procfs).
    virtual void refresh(Inode& inode) const {}

protected:
    ~InodeOperations() = default;
};

class FileOperations;

class Inode {
public:
    Inode(SuperBlock& super, u64 number, u32 mode, const InodeOperations& ops,
          const FileOperations& file_ops, const vm::AddressSpaceOperations& cache_ops);
    Inode(const Inode&) = delete;

    bool is_dir() const { return (mode & abi::S_IFMT) == abi::S_IFDIR; }
    bool is_regular() const { return (mode & abi::S_IFMT) == abi::S_IFREG; }
    bool is_symlink() const { return (mode & abi::S_IFMT) == abi::S_IFLNK; }
    bool is_char_device() const { return (mode & abi::S_IFMT) == abi::S_IFCHR; }
    bool is_block_device() const { return (mode & abi::S_IFMT) == abi::S_IFBLK; }
    bool is_fifo() const { return (mode & abi::S_IFMT) == abi::S_IFIFO; }

    RefCount ref_count;
    SuperBlock& super;
    const u64 number;
    const InodeOperations& ops;
    const FileOperations& file_ops;  // what open files of it do
    vm::AddressSpace mapping;        // its pages in memory
    sched::Mutex mutex{"inode"};     // a directory's entries; a file's size and data

    // Guarded by `mutex` for changes; read without it, as Linux does.
    u32 mode;
    u32 uid = 0, gid = 0;
    u32 device = 0;  // st_rdev of a device node
    std::atomic<u32> link_count{1};
    std::atomic<u64> size{0};
    std::atomic<i32> write_count{0};  // > 0: open for writing so often; < 0: being executed
    u64 blocks = 0;                   // of 512 bytes
    TimeSpec atime, mtime, ctime;

    void* private_data = nullptr;           // the file system's own
    List<HeldLock, &HeldLock::link> locks;  // fs/locks
    void* pipe = nullptr;                   // a fifo's buffer while somebody has it open: ipc/

    /// Last reference gone: the file system drops the contents if link_count is 0.
    static void release(Inode* inode);
};

/// The current time for a timestamp.
TimeSpec current_time();

/// May `current` do this to the file? `want`: bits 4 read, 2 write, 1 execute/search. EACCES.
Result<void> inode_permission(const Inode& inode, unsigned want);

using sched::capable;

/// May `current` change mode, times and owner: it owns the file or has CAP_FOWNER.
bool inode_owner_or_capable(const Inode& inode);

/// Sets owner, group and times of a new inode as its creator and directory demand: a set-group-ID
/// directory hands its group down, and to directories the bit itself.
void inode_init_owner(Inode& inode, const Inode* dir);

/// Changes the size of a regular file, as truncate(2) does after its permission checks: times,
/// set-user-ID bits, page cache. EISDIR, EINVAL, EFBIG, EPERM, ENOSPC, ETXTBSY. Takes the inode's
/// mutex.
Result<void> do_truncate(Inode& inode, u64 size);

/// Drops the set-user-ID and set-group-ID bits when somebody without the right to keep them
/// writes to the file. The inode's mutex is held.
void file_remove_privs(Inode& inode);

/// A running program's file must not change: ETXTBSY for whoever comes second. Each successful
/// call is undone by its counterpart.
Result<void> get_write_access(Inode& inode);
void put_write_access(Inode& inode);
Result<void> deny_write_access(Inode& inode);
void allow_write_access(Inode& inode);

}  // namespace fs
