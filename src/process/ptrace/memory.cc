// The memory of another process.

#include "lib/scope_guard.h"
#include "mm/slab.h"
#include "process/ptrace/ptrace.h"

namespace process {

namespace {

/// Moves the bytes of one remote piece; how many. EFAULT if not even the first could be.
Result<usize> move_piece(vm::MmStruct& mm, IovIter& local, const UserIoVec& remote, Transfer how,
                         std::span<std::byte> buffer) {
    usize done = 0;
    const usize total = std::min<usize>(remote.length, local.remaining());
    while (done < total && !fatal_signal_pending(sched::current())) {
        const VirtAddr at(remote.base + done);
        const std::span<std::byte> part = buffer.first(std::min(total - done, buffer.size()));
        usize moved;
        if (how == Transfer::Read) {
            const usize got = mm.access_allowed(at, part, false);
            moved = got == 0 ? 0 : TRY(local.copy_to(part.data(), got));
        } else {
            const usize got = TRY(local.copy_from(part.data(), part.size()));
            moved = mm.access_allowed(at, part.first(got), true);
        }
        done += moved;
        if (moved < part.size()) break;
    }
    if (done == 0 && total != 0) return EFAULT;
    return done;
}

}  // namespace

Result<vm::MmStruct*> mm_access(Task& task, Access as) {
    // First the memory, then the question: execve() takes new rights before new memory, so what we
    // hold is never that of a program which we may not look into.
    vm::MmStruct* const mm = vm::get_task_mm(task);
    if (mm == nullptr) return ESRCH;
    const Result<void> allowed = ptrace_may_access(task, as);
    if (allowed.ok()) return mm;
    mm->put();
    return allowed.error();
}

Result<usize> process_vm_rw(sched::PidNumber pid, IovIter& local, std::span<const UserIoVec> remote,
                            Transfer how) {
    Ref<Task> task;
    {
        IrqGuard guard(tasks_lock);
        task = Ref<Task>::share(sched::find_task(pid));
    }
    if (!task) return ESRCH;
    vm::MmStruct* const mm = TRY(mm_access(*task, Access::Real));
    const ScopeGuard put([&] { mm->put(); });
    void* const buffer = TRY(mm::kmalloc(kPageSize, mm::Gfp::Kernel));
    const ScopeGuard free([&] { mm::kfree(buffer); });
    usize done = 0;
    for (const UserIoVec& piece : remote) {
        Result<usize> moved =
            move_piece(*mm, local, piece, how, {static_cast<std::byte*>(buffer), kPageSize});
        if (!moved.ok() && done == 0) return moved.error();
        if (!moved.ok()) break;
        done += moved.value();
        if (moved.value() < piece.length) break;
    }
    return done;
}

}  // namespace process
