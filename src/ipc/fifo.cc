// Pipes as open files: pipefs, the file system nobody mounts that gives pipe(2) its inodes, and
// the operations that all ends of pipes and fifos share.
//
// A pipe and a fifo differ in one thing: opening a fifo waits for the other side. Everything else
// hangs on Inode::pipe, which exists while somebody has the inode open; inode.mutex guards it.
#include "fs/fifo.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "core/user/user_ptr.h"
#include "ipc/pipe.h"
#include "mm/own.h"
#include "sched/task.h"

namespace ipc {
namespace {

Pipe& pipe_in(const fs::File& file) { return *static_cast<Pipe*>(file.private_data); }

/// Joins the pipe of `inode`, which comes to life with its first opener.
struct Joined {
    Pipe* pipe;
    Pipe::Partner partner;  // when we came
};
Result<Joined> join_pipe(fs::Inode& inode, u32 access) {
    sched::MutexGuard guard(inode.mutex);
    auto* pipe = static_cast<Pipe*>(inode.pipe);
    if (pipe) {
        pipe->ref_count.inc();
    } else {
        inode.pipe = pipe = TRY(Pipe::create());
    }
    return Joined{pipe, pipe->add_end(access)};
}

void leave_pipe(fs::Inode& inode, u32 access) {
    sched::MutexGuard guard(inode.mutex);
    auto* pipe = static_cast<Pipe*>(inode.pipe);
    pipe->remove_end(access);
    if (!pipe->ref_count.dec_and_test()) return;
    inode.pipe = nullptr;
    Pipe::release(pipe);
}

/// What open(2) of a fifo waits for. ENXIO: for writing, without waiting, and nobody reads.
Result<void> wait_for_partner(const Joined& joined, const fs::File& file) {
    if (file.may_read() && file.may_write()) return {};
    if (!file.is_nonblocking()) {
        return joined.pipe->wait_for_partner(file.access, joined.partner);
    }
    if (file.may_read()) return {};
    return joined.partner.present ? Result<void>() : ENXIO;
}

bool is_pipefs(const fs::Inode& inode);

class PipeOperations final : public fs::FileOperations {
public:
    Result<void> open(fs::File& file) const override {
        fs::Inode& inode = *file.inode();
        const Joined joined = TRY(join_pipe(inode, file.access));
        file.private_data = joined.pipe;
        if (is_pipefs(inode)) return {};
        auto met = wait_for_partner(joined, file);
        if (!met.ok()) leave_pipe(inode, file.access);
        return met;
    }
    void release(fs::File& file) const override { leave_pipe(*file.inode(), file.access); }
    Result<usize> read(fs::File& file, IovIter& to, u64&) const override {
        return pipe_in(file).read(to, file.is_nonblocking());
    }
    Result<usize> write(fs::File& file, IovIter& from, u64&) const override {
        const bool is_packets = file.flags.load(std::memory_order_relaxed) & abi::O_DIRECT;
        return pipe_in(file).write(from, file.is_nonblocking(),
                                   is_packets ? Pipe::As::Packets : Pipe::As::Bytes);
    }
    Result<u64> seek(fs::File&, i64, int) const override { return ESPIPE; }
    u32 poll(fs::File& file, fs::PollTable* table) const override {
        return pipe_in(file).poll(file.may_read(), file.may_write(), table);
    }
    Result<u64> ioctl(fs::File& file, u32 command, u64 argument) const override {
        if (command != abi::FIONREAD) return ENOTTY;
        TRY(UserPtr<int>(argument).copy_out(static_cast<int>(pipe_in(file).bytes())));
        return u64{0};
    }
    Result<void> fasync(fs::File& file, int fd, bool on) const override {
        return pipe_in(file).set_async(file, fd, on);
    }
    bool is_stream() const override { return true; }
};
constexpr PipeOperations kPipeOps;

// --- pipefs -----------------------------------------------------------------------------------

class PipefsInodeOperations final : public fs::InodeOperations {};
constexpr PipefsInodeOperations kInodeOps;

class NoPages final : public vm::AddressSpaceOperations {
public:
    Result<void> read_page(vm::AddressSpace&, mm::Page&) const override { return EINVAL; }
};
constexpr NoPages kNoPages;

class PipefsSuperOperations final : public fs::SuperOperations {
public:
    void evict_inode(fs::Inode& inode) const override { mm::destroy(&inode); }
};
constexpr PipefsSuperOperations kSuperOps;

/// pipefs cannot be mounted: it has no names.
Result<Ref<fs::SuperBlock>> refuse_mount(std::string_view, u32, std::string_view) { return EINVAL; }

FILE_SYSTEM(pipefs) = {.name = "pipefs", .mount = refuse_mount};

bool is_pipefs(const fs::Inode& inode) { return &inode.super.type == &pipefs_type; }

constinit sched::Mutex pipefs_mutex("pipefs");
constinit fs::Mount* pipefs_mount GUARDED_BY(pipefs_mutex) = nullptr;  // made by the first pipe

Result<fs::Mount*> make_pipefs() {
    auto super = TRY(mm::make<fs::SuperBlock>(pipefs_type, kSuperOps));
    super->magic = abi::PIPEFS_MAGIC;
    auto mount = TRY(mm::make<fs::Mount>());
    mount->super = Ref<fs::SuperBlock>::adopt(super.leak());
    return mount.leak();
}

Result<Ref<fs::Mount>> the_pipefs() {
    sched::MutexGuard guard(pipefs_mutex);
    if (!pipefs_mount) pipefs_mount = TRY(make_pipefs());
    return Ref<fs::Mount>::share(pipefs_mount);
}

/// A place in no tree: a new fifo inode that only its open files know.
Result<fs::Path> new_pipe_path() {
    auto mount = TRY(the_pipefs());
    fs::SuperBlock& super = *mount->super;
    auto inode = TRY(mm::make<fs::Inode>(super, super.next_inode.fetch_add(1), abi::S_IFIFO | 0600,
                                         kInodeOps, kPipeOps, kNoPages));
    const sched::Cred& cred = sched::current().cred;
    inode->uid = cred.fsuid;
    inode->gid = cred.fsgid;
    inode->atime = inode->mtime = inode->ctime = fs::current_time();
    auto dentry = TRY(fs::Dentry::make_root(Ref<fs::Inode>::adopt(inode.leak())));
    return fs::Path{std::move(mount), std::move(dentry)};
}

}  // namespace

Result<PipeEnds> make_pipe(u32 flags) {
    const fs::Path path = TRY(new_pipe_path());
    const u32 status = flags & (abi::O_NONBLOCK | abi::O_DIRECT);
    // The reader first: a writer never sees a pipe without one.
    auto reader = TRY(fs::File::open(path, abi::O_RDONLY | status));
    auto writer = TRY(fs::File::open(path, abi::O_WRONLY | status));
    return PipeEnds{std::move(reader), std::move(writer)};
}

Pipe* pipe_of(const fs::File& file) {
    return file.ops == &kPipeOps ? static_cast<Pipe*>(file.private_data) : nullptr;
}

}  // namespace ipc

namespace fs {
constinit const FileOperations& fifo_ops = ipc::kPipeOps;
}
