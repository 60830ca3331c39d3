/// A path name copied in from user space. Linux: getname().
#pragma once

#include <string_view>

#include "core/user/user_ptr.h"
#include "mm/slab.h"

namespace syscall {

/// Owns a copy of the name; up to PATH_MAX (4096) bytes with its NUL.
class UserPath {
public:
    /// EFAULT, ENAMETOOLONG, ENOMEM. An empty name is allowed here; the walk says ENOENT.
    static Result<UserPath> copy_in(UserPtr<const char> at);

    UserPath(UserPath&& from) : text_(std::exchange(from.text_, nullptr)), length_(from.length_) {}
    ~UserPath() { mm::kfree(text_); }
    std::string_view view() const { return {text_, length_}; }

private:
    UserPath(char* text, usize length) : text_(text), length_(length) {}
    char* text_;
    usize length_;
};

}  // namespace syscall
