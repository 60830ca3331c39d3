// Bytes through pipes without a buffer in the program: splice, tee, vmsplice. Linux: fs/splice.c.
#include "abi/splice.h"
#include "ipc/pipe.h"
#include "syscall/file/calls.h"
#include "syscall/file/file_args.h"

namespace syscall {
namespace {

using namespace abi;
using ipc::Pipe;

constexpr u32 kKnown = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;

/// A file and where in it; null: at its own position.
struct FileEnd {
    fs::File& file;
    u64* offset;
};
Result<usize> write_to_file(void* context, std::span<const std::byte> bytes) {
    FileEnd& end = *static_cast<FileEnd*>(context);
    IovIter from = IovIter::kernel(bytes);
    return fs::vfs_write(end.file, from, end.offset);
}
Result<usize> read_from_file(void* context, std::span<std::byte> room) {
    FileEnd& end = *static_cast<FileEnd*>(context);
    IovIter to = IovIter::kernel(room);
    return fs::vfs_read(end.file, to, end.offset);
}

/// An offset of the program's, which is written back when the call has moved something.
class UserOffset {
public:
    /// ESPIPE: the file has none; EINVAL: negative; EFAULT.
    static Result<UserOffset> copy_in(UserPtr<i64> at, const fs::File& file) {
        UserOffset offset(at);
        if (at.is_null()) return UserOffset(offset);
        if (file.ops->is_stream()) return EINVAL;
        const i64 value = TRY(UserPtr<const i64>(at.address()).copy_in());
        if (value < 0) return EINVAL;
        offset.value_ = static_cast<u64>(value);
        return UserOffset(offset);
    }
    u64* get() { return at_.is_null() ? nullptr : &value_; }
    Result<void> store() {
        return at_.is_null() ? Result<void>() : at_.copy_out(static_cast<i64>(value_));
    }

private:
    explicit UserOffset(UserPtr<i64> at) : at_(at) {}
    UserPtr<i64> at_;
    u64 value_ = 0;
};

bool is_append(const fs::File& file) { return file.flags.load() & O_APPEND; }

Result<usize> from_pipe_to_file(Pipe& pipe, fs::File& out, UserPtr<i64> at, usize count,
                                bool nonblocking) {
    UserOffset offset = TRY(UserOffset::copy_in(at, out));
    if (is_append(out)) return EINVAL;
    FileEnd end{out, offset.get()};
    const usize done = TRY(pipe.drain(count, nonblocking, write_to_file, &end));
    TRY(offset.store());
    return done;
}

Result<usize> from_file_to_pipe(fs::File& in, UserPtr<i64> at, Pipe& pipe, usize count,
                                bool nonblocking) {
    UserOffset offset = TRY(UserOffset::copy_in(at, in));
    FileEnd end{in, offset.get()};
    const usize done = TRY(pipe.fill(count, nonblocking, read_from_file, &end));
    TRY(offset.store());
    return done;
}

struct Ends {
    fs::File &in, &out;
    UserPtr<i64> at_in, at_out;
};
Result<usize> do_splice(const Ends& ends, usize count, bool nonblocking) {
    if (!ends.in.may_read() || !ends.out.may_write()) return EBADF;
    Pipe* const from = ipc::pipe_of(ends.in);
    Pipe* const to = ipc::pipe_of(ends.out);
    if ((from && !ends.at_in.is_null()) || (to && !ends.at_out.is_null())) return ESPIPE;
    if (from) nonblocking |= ends.in.is_nonblocking();
    if (to) nonblocking |= ends.out.is_nonblocking();
    if (from && to) {
        if (from == to) return EINVAL;
        return Pipe::pass_on(*from, *to, count, nonblocking, Pipe::Keep::No);
    }
    if (from) return from_pipe_to_file(*from, ends.out, ends.at_out, count, nonblocking);
    if (to) return from_file_to_pipe(ends.in, ends.at_in, *to, count, nonblocking);
    return EINVAL;
}

Result<u64> sys_splice(int in_fd, UserPtr<i64> at_in, int out_fd, UserPtr<i64> at_out, u64 count,
                       u32 flags) {
    if (count == 0) return u64{0};
    if (flags & ~kKnown) return EINVAL;
    auto in = TRY(fget_data(in_fd));
    auto out = TRY(fget_data(out_fd));
    return after_write(do_splice({*in, *out, at_in, at_out}, std::min(count, u64{kMaxTransfer}),
                                 flags & SPLICE_F_NONBLOCK));
}

Result<u64> sys_tee(int in_fd, int out_fd, u64 count, u32 flags) {
    if (flags & ~kKnown) return EINVAL;
    if (count == 0) return u64{0};
    auto in = TRY(fget_data(in_fd));
    auto out = TRY(fget_data(out_fd));
    if (!in->may_read() || !out->may_write()) return EBADF;
    Pipe* const from = ipc::pipe_of(*in);
    Pipe* const to = ipc::pipe_of(*out);
    if (!from || !to || from == to) return EINVAL;
    const bool nonblocking =
        (flags & SPLICE_F_NONBLOCK) || in->is_nonblocking() || out->is_nonblocking();
    return after_write(Pipe::pass_on(*from, *to, std::min(count, u64{kMaxTransfer}), nonblocking,
                                     Pipe::Keep::Yes));
}

Result<usize> write_to_user(void* context, std::span<const std::byte> bytes) {
    return static_cast<IovIter*>(context)->copy_to(bytes.data(), bytes.size());
}
Result<usize> read_from_user(void* context, std::span<std::byte> room) {
    return static_cast<IovIter*>(context)->copy_from(room.data(), room.size());
}

/// The program's pages do not become the pipe's: their bytes are copied, so that the program may
/// change them at once.
Result<u64> sys_vmsplice(int fd, UserPtr<const UserIoVec> pieces, u64 count, u32 flags) {
    if (flags & ~kKnown) return EINVAL;
    auto file = TRY(fget_data(fd));
    const auto vector = TRY(UserVector::copy_in(pieces, count));
    IovIter memory = vector.iterator();
    Pipe* const pipe = ipc::pipe_of(*file);
    if (memory.remaining() == 0) return u64{0};
    if (!pipe) return EBADF;
    const bool nonblocking = flags & SPLICE_F_NONBLOCK;
    if (file->may_write()) {
        return after_write(pipe->fill(memory.remaining(), nonblocking, read_from_user, &memory));
    }
    return u64{TRY(pipe->drain(memory.remaining(), nonblocking, write_to_user, &memory))};
}

constexpr Entry kCalls[] = {
    {275, "splice", call<sys_splice>},
    {276, "tee", call<sys_tee>},
    {278, "vmsplice", call<sys_vmsplice>},
};

}  // namespace

constinit const std::span<const Entry> kSpliceCalls = kCalls;

}  // namespace syscall
