// Looking into other processes.

#include "process/ptrace/ptrace.h"
#include "syscall/file/file_args.h"
#include "syscall/table.h"

namespace syscall {

namespace {

using sched::PidNumber;

/// As many pieces as UIO_MAXIOV of the other process' memory: addresses that nobody has checked.
class RemoteVector {
public:
    /// EINVAL, EFAULT, ENOMEM.
    static Result<RemoteVector> copy_in(UserPtr<const UserIoVec> at, u64 count) {
        constexpr u64 kMaxPieces = 1024;
        if (count > kMaxPieces) return EINVAL;
        const usize bytes = count * sizeof(UserIoVec);
        RemoteVector vector(
            static_cast<UserIoVec*>(TRY(mm::kmalloc(std::max(bytes, usize{16}), mm::Gfp::Kernel))),
            count);
        TRY(copy_from_user(vector.pieces_, at.address(), bytes));
        return vector;
    }
    RemoteVector(RemoteVector&& from)
        : pieces_(std::exchange(from.pieces_, nullptr)), count_(from.count_) {}
    ~RemoteVector() { mm::kfree(pieces_); }
    std::span<const UserIoVec> pieces() const { return {pieces_, count_}; }

private:
    RemoteVector(UserIoVec* pieces, usize count) : pieces_(pieces), count_(count) {}
    UserIoVec* pieces_;
    usize count_;
};

Result<u64> sys_ptrace(i64 request, i64 pid, u64 address, u64 data) {
    return process::do_ptrace(request, static_cast<PidNumber>(pid), address, data);
}

struct Vectors {
    UserPtr<const UserIoVec> local;
    u64 local_count;
    UserPtr<const UserIoVec> remote;
    u64 remote_count;
};

Result<u64> process_vm(PidNumber pid, const Vectors& vectors, process::Transfer how) {
    const auto local = TRY(UserVector::copy_in(vectors.local, vectors.local_count));
    IovIter iterator = local.iterator();
    if (iterator.remaining() == 0) return u64{0};
    const auto remote = TRY(RemoteVector::copy_in(vectors.remote, vectors.remote_count));
    return u64{TRY(process::process_vm_rw(pid, iterator, remote.pieces(), how))};
}

/// Six arguments; the last, the flags, has no bit that means anything.
template <process::Transfer How>
u64 sys_process_vm(arch::TrapFrame& frame) {
    if (frame.r9 != 0) return -static_cast<u64>(EINVAL);
    return to_register(process_vm(static_cast<PidNumber>(frame.rdi),
                                  {.local = UserPtr<const UserIoVec>(frame.rsi),
                                   .local_count = frame.rdx,
                                   .remote = UserPtr<const UserIoVec>(frame.r10),
                                   .remote_count = frame.r8},
                                  How));
}

constexpr Entry kCalls[] = {
    {101, "ptrace", call<sys_ptrace>},
    {310, "process_vm_readv", call_frame<sys_process_vm<process::Transfer::Read>>},
    {311, "process_vm_writev", call_frame<sys_process_vm<process::Transfer::Write>>},
};

}  // namespace

constinit const std::span<const Entry> kPtraceCalls = kCalls;

}  // namespace syscall
