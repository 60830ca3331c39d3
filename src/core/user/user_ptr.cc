// Reading and writing user memory: the checks in front of arch/user_access.h.

#include "core/user/user_ptr.h"

#include <array>

#include "arch/layout.h"
#include "arch/user_access.h"
#include "core/lock/validator.h"
#include "lib/kasan.h"
#include "lib/string.h"

namespace {

/// A user address as the copy routines want it. Only handed to arch/user_access.h.
void* raw(VirtAddr at) { return reinterpret_cast<void*>(at.raw()); }

constexpr u64 kOnes = 0x0101'0101'0101'0101;

/// The index of the first zero byte in `word`, or 8. (Borrows ripple upwards only, so the lowest
/// marked byte is right.)
unsigned first_zero_byte(u64 word) {
    const u64 marked = (word - kOnes) & ~word & (kOnes << 7);
    return marked ? static_cast<unsigned>(__builtin_ctzll(marked)) / 8 : 8;
}

/// Length of the string in `bytes`, or bytes.size() if it does not end there.
usize length_within(std::span<const char> bytes) {
    usize i = 0;
    for (; i + 8 <= bytes.size(); i += 8) {
        u64 word;
        __builtin_memcpy(&word, bytes.data() + i, 8);
        if (const unsigned zero = first_zero_byte(word); zero < 8) return i + zero;
    }
    while (i < bytes.size() && bytes[i] != '\0') i++;
    return i;
}

}  // namespace

usize copy_from_user_partial(void* to, VirtAddr from, usize bytes) {
    lockval::might_sleep("user memory");
    if (!arch::is_user_range(from, bytes)) return bytes;
    kasan::note_write(to, bytes);
    return arch::copy_user(to, raw(from), bytes);
}

usize copy_to_user_partial(VirtAddr to, const void* from, usize bytes) {
    lockval::might_sleep("user memory");
    if (!arch::is_user_range(to, bytes)) return bytes;
    kasan::note_read(from, bytes);
    return arch::copy_user(raw(to), from, bytes);
}

Result<void> copy_from_user(void* to, VirtAddr from, usize bytes) {
    if (copy_from_user_partial(to, from, bytes) != 0) return EFAULT;
    return {};
}

Result<void> copy_to_user(VirtAddr to, const void* from, usize bytes) {
    if (copy_to_user_partial(to, from, bytes) != 0) return EFAULT;
    return {};
}

Result<void> clear_user(VirtAddr to, usize bytes) {
    lockval::might_sleep("user memory");
    if (!arch::is_user_range(to, bytes)) return EFAULT;
    if (arch::clear_user_memory(raw(to), bytes) != 0) return EFAULT;
    return {};
}

/// In pieces that end where a page ends: what follows the string on the next page may be unmapped.
/// Small ones, since most strings are short.
Result<usize> copy_string_from_user(std::span<char> room, VirtAddr from) {
    lockval::might_sleep("user memory");
    constexpr usize kPiece = 64;
    usize done = 0;
    while (done < room.size()) {
        const VirtAddr at = from + done;
        if (at < from) return EFAULT;  // wrapped
        const usize to_page_end = kPageSize - at.raw() % kPageSize;
        const usize piece = std::min(std::min(kPiece, to_page_end), room.size() - done);
        TRY(copy_from_user(room.data() + done, at, piece));
        const usize length = length_within(room.subspan(done, piece));
        if (length < piece) return done + length;
        done += piece;
    }
    return ENAMETOOLONG;
}
