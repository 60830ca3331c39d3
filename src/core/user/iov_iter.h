/// Where the bytes of a read go or those of a write come from: user memory in one or several
/// pieces, or kernel memory. File systems, pipes and devices see only this, so that read(),
/// readv(), sendfile() and the kernel's own reads share one implementation.
///
/// An iterator is consumed by use: copy_to() and copy_from() advance it.
#pragma once

#include <span>

#include "lib/result.h"
#include "lib/strong.h"

/// struct iovec.
struct UserIoVec {
    u64 base;
    u64 length;
};

class IovIter {
public:
    static IovIter user(VirtAddr at, usize bytes);
    /// The pieces must outlive the iterator.
    static IovIter user_vector(std::span<const UserIoVec> pieces);
    static IovIter kernel(std::span<std::byte> memory);
    static IovIter kernel(std::span<const std::byte> memory);  // as a source only

    usize remaining() const { return remaining_; }

    /// Moves min(bytes, remaining()) bytes out of the kernel (a read) or into it (a write).
    /// Returns how many were moved; EFAULT only if not a single byte could be, so a caller that
    /// has moved something reports that. May sleep when the memory is user memory.
    Result<usize> copy_to(const void* from, usize bytes);
    Result<usize> copy_from(void* to, usize bytes);
    Result<usize> clear(usize bytes);

    /// Skips without copying.
    void advance(usize bytes);

private:
    enum class Kind : u8 { User, Kernel, KernelConst };
    IovIter(Kind kind, usize remaining) : kind_(kind), remaining_(remaining) {}
    enum class Move : u8 { Out, In, Clear };
    Result<usize> move(Move how, void* memory, usize bytes);

    Kind kind_;
    usize remaining_;
    u64 at_ = 0;                       // address of the next byte in the current piece
    usize piece_left_ = 0;             // bytes left in the current piece
    std::span<const UserIoVec> rest_;  // the pieces after it
};
