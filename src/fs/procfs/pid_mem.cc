// /proc/<pid>/mem: the memory of a process as a file, for debuggers. Linux: mem_rw().
//
// Whether the reader may is asked at each access, not only when the file is opened: the process may
// have got other rights since.
#include "fs/procfs/pid_entry.h"
#include "lib/scope_guard.h"
#include "mm/slab.h"
#include "process/ptrace/ptrace.h"

namespace procfs {
namespace {

enum class Way : u8 { Read, Write };

/// Moves at most a buffer full. 0: no memory is there.
Result<usize> move_some(vm::MmStruct& mm, IovIter& iterator, VirtAddr at, Way way,
                        std::span<std::byte> buffer) {
    if (way == Way::Write) {
        const usize given = TRY(iterator.copy_from(buffer.data(), buffer.size()));
        return mm.access_remote(at, buffer.first(given), true);
    }
    const usize found = mm.access_remote(at, buffer, false);
    if (found == 0) return usize{0};
    return iterator.copy_to(buffer.data(), found);
}

/// Moves bytes until the iterator is used up or memory ends. EIO: there is none.
Result<usize> move(vm::MmStruct& mm, IovIter& iterator, u64& offset, Way way,
                   std::span<std::byte> buffer) {
    const usize total = iterator.remaining();
    usize done = 0;
    while (done < total && !fatal_signal_pending(sched::current())) {
        const std::span<std::byte> part = buffer.first(std::min(total - done, buffer.size()));
        Result<usize> moved = move_some(mm, iterator, VirtAddr(offset), way, part);
        if (!moved.ok() && done == 0) return moved.error();
        if (!moved.ok()) break;
        offset += moved.value();
        done += moved.value();
        if (moved.value() < part.size()) break;
    }
    if (done == 0 && total != 0) return EIO;
    return done;
}

Result<usize> access(const fs::File& file, IovIter& iterator, u64& offset, Way way) {
    const Ref<Task> task = TRY(task_of(*file.inode()));
    Result<vm::MmStruct*> found = process::mm_access(*task, process::Access::FileSystem);
    if (!found.ok()) {  // ESRCH: it has ended, or is of the kernel
        return found.error() == ESRCH ? Result<usize>(usize{0}) : Result<usize>(EACCES);
    }
    vm::MmStruct& mm = *found.value();
    const ScopeGuard put([&] { mm.put(); });
    void* const buffer = TRY(mm::kmalloc(kPageSize, mm::Gfp::Kernel));
    const ScopeGuard free([&] { mm::kfree(buffer); });
    return move(mm, iterator, offset, way, {static_cast<std::byte*>(buffer), kPageSize});
}

class PidMemOperations final : public fs::FileOperations {
public:
    Result<void> open(fs::File& file) const override { return may_open_memory(*file.inode()); }
    Result<usize> read(fs::File& file, IovIter& to, u64& offset) const override {
        return access(file, to, offset, Way::Read);
    }
    Result<usize> write(fs::File& file, IovIter& from, u64& offset) const override {
        return access(file, from, offset, Way::Write);
    }
    Result<u64> seek(fs::File& file, i64 offset, int whence) const override {
        return libfs::seek_without_size(file, offset, whence);
    }
};
constexpr PidMemOperations kMemOps;

}  // namespace

Result<void> may_open_memory(const fs::Inode& inode) {
    const Ref<Task> task = TRY(task_of(inode));
    if (!process::ptrace_may_access(*task, process::Access::FileSystem).ok()) return EACCES;
    return {};
}

const fs::FileOperations& mem_file_ops() { return kMemOps; }

}  // namespace procfs
