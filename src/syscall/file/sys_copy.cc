// Copying from file to file without user memory: sendfile, copy_file_range. Linux: fs/splice.c.
#include "sched/task.h"
#include "syscall/file/calls.h"
#include "syscall/file/file_args.h"

namespace syscall {
namespace {

using namespace abi;

constexpr usize kPiece = 16 * 1024;

/// A buffer for one piece at a time.
class CopyBuffer {
public:
    static Result<CopyBuffer> create() {
        return CopyBuffer(static_cast<std::byte*>(TRY(mm::kmalloc(kPiece, mm::Gfp::Kernel))));
    }
    CopyBuffer(CopyBuffer&& from) : bytes_(std::exchange(from.bytes_, nullptr)) {}
    ~CopyBuffer() { mm::kfree(bytes_); }
    std::span<std::byte> first(usize count) const { return {bytes_, std::min(count, kPiece)}; }

private:
    explicit CopyBuffer(std::byte* bytes) : bytes_(bytes) {}
    std::byte* bytes_;
};

struct Copy {
    fs::File& from;
    fs::File& to;
    u64 from_offset;
    u64* to_offset;  // null: its own position
};

/// Moves one piece; 0 at the end of the source. Advances the offsets by what was written.
Result<usize> copy_piece(Copy& copy, std::span<std::byte> buffer) {
    IovIter in = IovIter::kernel(buffer);
    u64 at = copy.from_offset;
    const usize got = TRY(fs::vfs_read(copy.from, in, &at));
    if (got == 0) return usize{0};
    IovIter out = IovIter::kernel(std::span<const std::byte>(buffer.first(got)));
    const usize put = TRY(fs::vfs_write(copy.to, out, copy.to_offset));
    copy.from_offset += put;
    return put;
}

Result<usize> copy_bytes(Copy& copy, usize count) {
    const auto buffer = TRY(CopyBuffer::create());
    sched::IoCounters& io = sched::current().io;
    const sched::IoCounters before = io;
    usize done = 0;
    while (done < count) {
        const auto room = buffer.first(count - done);
        auto moved = copy_piece(copy, room);
        if (!moved.ok() && done == 0) return moved.error();
        if (!moved.ok() || moved.value() == 0) break;
        done += moved.value();
        if (moved.value() < room.size() || sched::signal_pending(sched::current())) break;
    }
    io.reads = before.reads + 1;  // however many pieces it took, it was one call
    io.writes = before.writes + 1;
    return done;
}

Result<u64> sys_sendfile(int out_fd, int in_fd, UserPtr<i64> user_offset, u64 count) {
    auto in = TRY(fget_data(in_fd));
    auto out = TRY(fget_data(out_fd));
    if (!in->may_read() || !out->may_write()) return EBADF;
    if (in->ops->is_stream() || (out->flags.load() & O_APPEND)) return EINVAL;
    i64 offset = 0;
    if (user_offset.is_null()) {
        offset = static_cast<i64>(in->position);
    } else {
        offset = TRY(UserPtr<const i64>(user_offset.address()).copy_in());
        if (offset < 0) return EINVAL;
    }
    Copy copy{*in, *out, static_cast<u64>(offset), nullptr};
    auto done = copy_bytes(copy, std::min(count, u64{kMaxTransfer}));
    if (user_offset.is_null()) {
        in->position = copy.from_offset;
    } else {
        TRY(user_offset.copy_out(static_cast<i64>(copy.from_offset)));
    }
    return after_write(std::move(done));
}

/// A position argument: the program's, or the file's own.
Result<u64> offset_of(UserPtr<i64> user, const fs::File& file) {
    if (user.is_null()) return u64{file.position};
    const i64 offset = TRY(UserPtr<const i64>(user.address()).copy_in());
    if (offset < 0) return EINVAL;
    return static_cast<u64>(offset);
}

Result<void> store_offset(UserPtr<i64> user, fs::File& file, u64 offset) {
    if (!user.is_null()) return user.copy_out(static_cast<i64>(offset));
    file.position = offset;
    return {};
}

Result<u64> sys_copy_file_range(int in_fd, UserPtr<i64> user_in, int out_fd, UserPtr<i64> user_out,
                                u64 count, u32 flags) {
    if (flags) return EINVAL;
    auto in = TRY(fget_data(in_fd));
    auto out = TRY(fget_data(out_fd));
    if (!in->may_read() || !out->may_write() || (out->flags.load() & O_APPEND)) return EBADF;
    for (fs::File* file : {in.get(), out.get()}) {
        if (file->inode() && file->inode()->is_dir()) return EISDIR;
        if (!file->inode() || !file->inode()->is_regular()) return EINVAL;
    }
    const u64 from = TRY(offset_of(user_in, *in));
    u64 to = TRY(offset_of(user_out, *out));
    count = std::min(count, u64{kMaxTransfer});
    const bool overlaps = from < to + count && to < from + count;
    if (in->inode() == out->inode() && overlaps) return EINVAL;
    Copy copy{*in, *out, from, &to};
    const u64 done = TRY(after_write(copy_bytes(copy, count)));
    TRY(store_offset(user_in, *in, copy.from_offset));
    TRY(store_offset(user_out, *out, to));
    return done;
}

constexpr Entry kCalls[] = {
    {40, "sendfile", call<sys_sendfile>},
    {326, "copy_file_range", call<sys_copy_file_range>},
};

}  // namespace

constinit const std::span<const Entry> kCopyCalls = kCalls;

}  // namespace syscall
