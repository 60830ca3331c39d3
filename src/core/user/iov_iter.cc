// Moving bytes between the kernel and whatever an IovIter stands for.

#include "core/user/iov_iter.h"

#include <array>

#include "arch/layout.h"
#include "arch/user_access.h"
#include "lib/string.h"

IovIter IovIter::user(VirtAddr at, usize bytes) {
    IovIter iter(Kind::User, bytes);
    iter.at_ = at.raw();
    iter.piece_left_ = bytes;
    return iter;
}

/// The sum is capped as Linux caps it (MAX_RW_COUNT): the transfer is then short, not refused.
IovIter IovIter::user_vector(std::span<const UserIoVec> pieces) {
    constexpr usize kMaxBytes = 0x7fff'f000;
    IovIter iter(Kind::User, 0);
    iter.rest_ = pieces;
    for (const UserIoVec& piece : pieces) {
        iter.remaining_ += std::min<usize>(piece.length, kMaxBytes - iter.remaining_);
    }
    return iter;
}

IovIter IovIter::kernel(std::span<std::byte> memory) {
    IovIter iter(Kind::Kernel, memory.size());
    iter.at_ = reinterpret_cast<u64>(memory.data());
    iter.piece_left_ = memory.size();
    return iter;
}

IovIter IovIter::kernel(std::span<const std::byte> memory) {
    IovIter iter(Kind::KernelConst, memory.size());
    iter.at_ = reinterpret_cast<u64>(memory.data());
    iter.piece_left_ = memory.size();
    return iter;
}

void IovIter::advance(usize bytes) {
    bytes = std::min(bytes, remaining_);
    remaining_ -= bytes;
    while (bytes > piece_left_) {
        bytes -= piece_left_;
        at_ = rest_.front().base;
        piece_left_ = rest_.front().length;
        rest_ = rest_.subspan(1);
    }
    at_ += bytes;
    piece_left_ -= bytes;
}

namespace {

/// Each returns the number of bytes not moved.
usize move_user(void* user, void* memory, usize bytes, bool out) {
    if (!arch::is_user_range(VirtAddr(reinterpret_cast<u64>(user)), bytes)) return bytes;
    if (!memory) return arch::clear_user_memory(user, bytes);
    return out ? arch::copy_user(user, memory, bytes) : arch::copy_user(memory, user, bytes);
}

usize move_kernel(void* other, void* memory, usize bytes, bool out) {
    if (!memory) {
        memset(other, 0, bytes);
    } else if (out) {
        memcpy(other, memory, bytes);
    } else {
        memcpy(memory, other, bytes);
    }
    return 0;
}

}  // namespace

/// Piece by piece, until `bytes` are moved or one of them cannot be. `memory` is null for clear().
Result<usize> IovIter::move(Move how, void* memory, usize bytes) {
    ASSERT(kind_ != Kind::KernelConst || how == Move::In);
    bytes = std::min(bytes, remaining_);
    usize done = 0;
    while (done < bytes) {
        while (piece_left_ == 0) {
            at_ = rest_.front().base;
            piece_left_ = rest_.front().length;
            rest_ = rest_.subspan(1);
        }
        const usize count = std::min(bytes - done, piece_left_);
        void* const here = memory ? static_cast<std::byte*>(memory) + done : nullptr;
        const auto mover = kind_ == Kind::User ? move_user : move_kernel;
        const usize left = mover(reinterpret_cast<void*>(at_), here, count, how == Move::Out);
        done += count - left;
        at_ += count - left;
        piece_left_ -= count - left;
        if (left != 0) break;
    }
    remaining_ -= done;
    if (done == 0 && bytes != 0) return EFAULT;
    return done;
}

Result<usize> IovIter::copy_to(const void* from, usize bytes) {
    return move(Move::Out, const_cast<void*>(from), bytes);
}
Result<usize> IovIter::copy_from(void* to, usize bytes) { return move(Move::In, to, bytes); }
Result<usize> IovIter::clear(usize bytes) { return move(Move::Clear, nullptr, bytes); }
