/// File: an open file: position, flags, and what is done through it. Linux' struct file.
#pragma once

#include "core/rcu/rcu.h"
#include "core/user/iov_iter.h"
#include "fs/fasync.h"
#include "fs/mount.h"
#include "fs/poll.h"
#include "sched/mutex.h"
#include "vm/vm_area.h"

namespace fs {

class File;

/// Receives the entries of a directory. False: no more room, stop.
class DirSink {
public:
    virtual bool emit(std::string_view name, u64 inode, u8 type, u64 next_offset) = 0;

protected:
    ~DirSink() = default;
};

/// What open files of a kind do. Constant objects; the state is in File. Defaults say EINVAL,
/// ENOTTY or the like, as Linux does for a missing method.
class FileOperations {
public:
    /// Called once, before anybody can use the file. May replace file.ops (device nodes).
    virtual Result<void> open(File& file) const { return {}; }
    /// The last descriptor is gone.
    virtual void release(File& file) const {}
    /// Each close(2) of a descriptor of it.
    virtual void flush(File& file) const {}
    /// At `offset`, which it advances. 0: end of file. ERESTARTSYS if a signal came first.
    virtual Result<usize> read(File& file, IovIter& to, u64& offset) const { return EINVAL; }
    virtual Result<usize> write(File& file, IovIter& from, u64& offset) const { return EINVAL; }
    /// Default: seekable up to the inode's size, as generic_file_llseek.
    virtual Result<u64> seek(File& file, i64 offset, int whence) const;
    /// From file.position on, which it advances; position_mutex is held.
    virtual Result<void> read_dir(File& file, DirSink& sink) const { return ENOTDIR; }
    /// Returns the events that hold now (abi/poll.h) and, if `table` is given, registers with the
    /// wait queues that announce others.
    virtual u32 poll(File& file, PollTable* table) const;
    virtual Result<u64> ioctl(File& file, u32 command, u64 argument) const { return ENOTTY; }
    /// Whether and how it can be mapped: ENODEV, or the page cache to use; null: anonymous memory.
    virtual Result<vm::AddressSpace*> mmap(File& file) const { return ENODEV; }
    /// Whether [offset, offset + bytes) is the memory of a device, which device_page() then finds:
    /// asked where mmap() says null. EINVAL: there is no such memory; EPERM.
    virtual Result<bool> maps_device(File& file, u64 offset, u64 bytes) const { return false; }
    /// Where page `index` of it lies. EIO.
    virtual Result<PhysAddr> device_page(u64 index) const { return EIO; }
    virtual Result<void> fsync(File& file) const { return EINVAL; }
    /// O_ASYNC was set or taken away, for the descriptor `fd`. ENOTTY: there are no signals for
    /// this kind of file; ENOMEM.
    virtual Result<void> fasync(File& file, int fd, bool on) const { return ENOTTY; }
    /// Lines for /proc/<pid>/fdinfo that only this kind of file has; returns their length.
    virtual usize show_fdinfo(File& file, std::span<char> room) const { return 0; }
    /// True for pipes, ttys, sockets: no position.
    virtual bool is_stream() const { return false; }

protected:
    ~FileOperations() = default;
};

class File final : public vm::MappedFile {
public:
    /// Opens `path`, whose permissions have been checked, with O_* `flags`. ENOMEM, ENXIO, …
    static Result<Ref<File>> open(const Path& path, u32 flags);
    /// A file without a name in any directory (pipes, eventfd, …): shown as `name`.
    static Result<Ref<File>> open_anonymous(const char* name, const FileOperations& ops, u32 flags,
                                            void* private_data);

    File(const FileOperations& ops, u32 flags);

    bool may_read() const { return access & 1; }
    bool may_write() const { return access & 2; }
    bool is_nonblocking() const;
    Inode* inode() const { return path.dentry ? path.dentry->inode() : nullptr; }

    RefCount ref_count;
    RcuHead rcu;  // when the count is zero; readers may find it in a descriptor table until then
    const FileOperations* ops;
    Path path;
    std::atomic<u32> flags;  // O_*; fcntl(F_SETFL) changes some
    u32 access;              // bits: 1 read, 2 write
    sched::Mutex position_mutex{"f_pos"};
    u64 position = 0;              // guarded by position_mutex where two tasks share the file
    void* private_data = nullptr;  // the operations' own
    const char* anonymous_name = nullptr;
    bool denies_writing = false;
    FileOwner owner;              // of its signals: owner_of(), set_owner()
    void* epoll_items = nullptr;  // epoll instances that watch it: ipc/epoll.cc

    static void release(File* file);

    /// For a program that is executed: nobody may open it for writing as long as this file is open,
    /// or until allow_writing(). ETXTBSY: somebody has.
    Result<void> deny_writing();
    void allow_writing();

    // vm::MappedFile
    void get() override { ref_count.inc(); }
    void put() override;
    vm::AddressSpace* mapping() override;
    usize describe(std::span<char> room, u32& device, u64& inode) override;
    u64 size() override;
    bool may_show_cache() override;
    Result<PhysAddr> device_page(u64 index) override { return ops->device_page(index); }
};

/// Makes the epoll instances that watch `file` forget it. File::release() calls it first, before
/// ops->release(), if file.epoll_items is set. Defined in ipc/epoll.cc.
void eventpoll_release(File& file);

/// read(2) and write(2) on an open file, with all checks: EBADF, EISDIR, EINVAL, EFBIG. `offset`
/// null: the file's own position.
Result<usize> vfs_read(File& file, IovIter& to, u64* offset);
Result<usize> vfs_write(File& file, IovIter& from, u64* offset);

/// The page-cache implementations that file systems put into their FileOperations. Writing holds
/// the inode's mutex, so appended records do not mix. EFBIG at RLIMIT_FSIZE, EFAULT, ENOSPC; if
/// something was moved before, the count of that.
Result<usize> generic_file_read(File& file, IovIter& to, u64& offset);
Result<usize> generic_file_write(File& file, IovIter& from, u64& offset);

/// Reads bytes of a file into kernel memory (ELF headers, scripts); short at the end of file.
Result<usize> kernel_read(File& file, std::span<std::byte> room, u64 offset);

}  // namespace fs
