/// Reading and writing user memory.
///
/// A user address is a claim, not a pointer: it may point anywhere, may be unmapped, may be
/// changed by another thread at any time. So it cannot be dereferenced here; the functions below
/// check that it lies in the user half and copy through instructions whose faults are caught
/// (arch/user_access.h). Copy in once, then use the copy.
///
/// All of them may sleep (a page fault may read a file): no spin lock may be held.
#pragma once

#include <span>
#include <type_traits>

#include "lib/result.h"
#include "lib/strong.h"

/// Types whose bytes may cross the user boundary: plain memory, and no padding, since padding
/// would carry stale kernel stack out to the user.
template <class T>
concept UserCopyable =
    std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>;

Result<void> copy_from_user(void* to, VirtAddr from, usize bytes);      // EFAULT
Result<void> copy_to_user(VirtAddr to, const void* from, usize bytes);  // EFAULT
Result<void> clear_user(VirtAddr to, usize bytes);                      // EFAULT

/// As above, but as far as it goes: the number of bytes *not* copied.
usize copy_from_user_partial(void* to, VirtAddr from, usize bytes);
usize copy_to_user_partial(VirtAddr to, const void* from, usize bytes);

/// Copies a string of at most `room.size()` bytes including its NUL; returns its length without.
/// EFAULT; ENAMETOOLONG if no NUL is found in that many bytes.
Result<usize> copy_string_from_user(std::span<char> room, VirtAddr from);

/// An address that user space gave us, and claims to hold a T (or an array of T).
template <class T>
requires UserCopyable<std::remove_const_t<T>>
class UserPtr {
public:
    constexpr UserPtr() = default;
    constexpr explicit UserPtr(u64 raw) : at_(raw) {}
    constexpr explicit UserPtr(VirtAddr at) : at_(at) {}
    VirtAddr address() const { return at_; }
    bool is_null() const { return at_.raw() == 0; }
    UserPtr operator+(usize n) const { return UserPtr(at_.raw() + n * sizeof(T)); }

    Result<std::remove_const_t<T>> copy_in() const {
        std::remove_const_t<T> value;
        TRY(copy_from_user(&value, at_, sizeof value));
        return value;
    }
    Result<void> copy_out(const T& value) const requires(!std::is_const_v<T>) {
        return copy_to_user(at_, &value, sizeof value);
    }

private:
    VirtAddr at_;
};
