/// What the file calls do with their arguments before they get to work.
#pragma once

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "core/user/iov_iter.h"
#include "core/user/user_ptr.h"
#include "fs/fd_table.h"
#include "mm/slab.h"
#include "syscall/syscall.h"
#include "syscall/user_path.h"

namespace syscall {

/// As much as one call moves at most, as in Linux: a larger count is cut, not refused.
inline constexpr usize kMaxTransfer = 0x7fff'f000;

/// The file, if data may go through it: EBADF also for O_PATH.
Result<fs::FdFile> fget_data(int fd);

/// The array of pieces of readv() and writev(). Owns the copy that the iterator looks at.
class UserVector {
public:
    /// EINVAL for more than 1024 pieces or a total that does not fit a signed number, EFAULT for a
    /// piece beyond user memory, ENOMEM.
    static Result<UserVector> copy_in(UserPtr<const UserIoVec> at, u64 count);
    /// The same with addresses and lengths of 32 bits, as int $0x80 has them.
    static Result<UserVector> copy_in_32(VirtAddr at, u32 count);

    UserVector(UserVector&& from)
        : pieces_(std::exchange(from.pieces_, nullptr)), count_(from.count_) {}
    ~UserVector() { mm::kfree(pieces_); }
    IovIter iterator() const { return IovIter::user_vector(std::span(pieces_, count_)); }

private:
    UserVector(UserIoVec* pieces, usize count) : pieces_(pieces), count_(count) {}
    UserIoVec* pieces_;
    usize count_;
};

/// What stat(2) and its relatives say. EINVAL for unknown flags (AT_*), errors of the path.
Result<abi::Stat> stat_at(int dirfd, UserPtr<const char> name, u32 flags);
Result<abi::Stat> stat_fd(int fd);  // EBADF

/// EFAULT unless the bytes lie in the user half.
Result<void> check_user_range(u64 at, u64 bytes);

/// A directory descriptor and a name, as the *at() calls take them.
struct AtPath {
    UserPath name;
    fs::Path start;
};

/// Resolves what an *at() call names: `flags` are AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW,
/// AT_EMPTY_PATH; `follow` is what the call does with a link at the end if neither is given.
enum class Follow : u8 { Yes, No };
Result<fs::Path> path_at(int dirfd, UserPtr<const char> name, u32 flags, Follow follow);

/// EROFS if the place cannot be written: its mount or file system is read-only.
Result<void> want_write(const fs::Path& path);

/// EPIPE costs a SIGPIPE, EFBIG by RLIMIT_FSIZE a SIGXFSZ: called with the outcome of every write.
Result<u64> after_write(Result<usize> written);

}  // namespace syscall
