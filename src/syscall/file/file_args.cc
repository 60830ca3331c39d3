// Arguments of file calls: descriptors, vectors, paths. See syscall/file/file_args.h.
#include "syscall/file/file_args.h"

#include "lib/string.h"

#include "abi/mount.h"
#include "abi/signal.h"
#include "arch/layout.h"
#include "fs/namei.h"
#include "process/signal.h"
#include "sched/signal_struct.h"

namespace syscall {

Result<fs::FdFile> fget_data(int fd) {
    auto file = TRY(fs::fdget(fd));
    if (file->flags.load(std::memory_order_relaxed) & abi::O_PATH) return EBADF;
    return file;
}

Result<void> check_user_range(u64 at, u64 bytes) {
    if (!arch::is_user_range(VirtAddr(at), bytes)) return EFAULT;
    return {};
}

/// Checks the pieces and cuts the total at kMaxTransfer, as Linux does.
static Result<void> check_pieces(std::span<UserIoVec> pieces) {
    usize total = 0;
    for (UserIoVec& piece : pieces) {
        if (static_cast<i64>(piece.length) < 0) return EINVAL;
        TRY(check_user_range(piece.base, piece.length));
        piece.length = std::min(piece.length, kMaxTransfer - total);
        total += piece.length;
    }
    return {};
}

static Result<UserIoVec*> alloc_pieces(u64 count) {
    constexpr u64 kMaxPieces = 1024;  // UIO_MAXIOV
    if (count > kMaxPieces) return EINVAL;
    const usize bytes = std::max(count * sizeof(UserIoVec), usize{16});
    return static_cast<UserIoVec*>(TRY(mm::kmalloc(bytes, mm::Gfp::Kernel)));
}

Result<UserVector> UserVector::copy_in(UserPtr<const UserIoVec> at, u64 count) {
    UserVector vector(TRY(alloc_pieces(count)), count);
    TRY(copy_from_user(vector.pieces_, at.address(), count * sizeof(UserIoVec)));
    TRY(check_pieces(std::span(vector.pieces_, count)));
    return vector;
}

/// They arrive in the lower half of the array, and are widened from its end.
Result<UserVector> UserVector::copy_in_32(VirtAddr at, u32 count) {
    struct Piece {
        u32 base, length;
    };
    UserVector vector(TRY(alloc_pieces(count)), count);
    TRY(copy_from_user(vector.pieces_, at, count * sizeof(Piece)));
    for (u32 i = count; i-- > 0;) {
        Piece piece;
        memcpy(&piece, reinterpret_cast<const u8*>(vector.pieces_) + i * sizeof piece,
               sizeof piece);
        if (i32(piece.length) < 0) return EINVAL;
        vector.pieces_[i] = {piece.base, piece.length};
    }
    TRY(check_pieces(std::span(vector.pieces_, count)));
    return vector;
}

Result<fs::Path> path_at(int dirfd, UserPtr<const char> name, u32 flags, Follow follow) {
    u32 lookup_flags = follow == Follow::Yes ? fs::kLookupFollow : 0u;
    if (flags & abi::AT_SYMLINK_NOFOLLOW) lookup_flags = 0;
    if (flags & abi::AT_SYMLINK_FOLLOW) lookup_flags = fs::kLookupFollow;
    if (flags & abi::AT_EMPTY_PATH) lookup_flags |= fs::kLookupEmpty;
    const auto path = TRY(UserPath::copy_in(name));
    const std::string_view text = path.view();
    if (text.empty() && (flags & abi::AT_EMPTY_PATH) && dirfd != abi::AT_FDCWD) {
        const auto file = TRY(fs::fget(dirfd));  // "": the descriptor itself
        if (!file->path.dentry) return EINVAL;   // an eventfd has no place
        return file->path;
    }
    return fs::lookup(TRY(fs::start_of_walk(dirfd, text)), text, lookup_flags);
}

Result<void> want_write(const fs::Path& path) {
    if (path.mount && (path.mount->flags & abi::MS_RDONLY)) return EROFS;
    return {};
}

Result<u64> after_write(Result<usize> written) {
    if (written.ok()) return u64{written.value()};
    const u64 size_limit = sched::current().signal->rlimits[abi::RLIMIT_FSIZE].current;
    if (written.error() == EPIPE) process::send_signal_to_self(abi::SIGPIPE);
    if (written.error() == EFBIG && size_limit != abi::RLIM_INFINITY) {
        process::send_signal_to_self(abi::SIGXFSZ);
    }
    return written.error();
}

}  // namespace syscall
