/// Structures of the user's that grow: their size is passed along, and says which version the
/// program was built with. Linux: lib/usercopy.c (copy_struct_from_user).
#pragma once

#include "core/user/user_ptr.h"
#include "lib/string.h"

namespace syscall {

/// Reads a structure of `size` bytes, by the user's account, at `from`. What a smaller one lacks is
/// zero; a greater one may have nothing but zeros where this kernel knows no fields: E2BIG. EFAULT.
template <class T>
Result<T> copy_struct_from_user(VirtAddr from, usize size) {
    T value{};
    TRY(copy_from_user(&value, from, size < sizeof value ? size : sizeof value));
    for (usize done = sizeof value; done < size;) {
        u8 chunk[64] = {};
        const usize bytes = size - done < sizeof chunk ? size - done : sizeof chunk;
        TRY(copy_from_user(chunk, from + done, bytes));
        for (const u8 byte : chunk) {
            if (byte != 0) return E2BIG;
        }
        done += bytes;
    }
    return value;
}

}  // namespace syscall
