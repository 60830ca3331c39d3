// Path names from user space. Most are short: they get a small block first.
#include "syscall/user_path.h"

#include "abi/fcntl.h"

namespace syscall {

static Result<UserPath> copy_in_up_to(usize room, UserPtr<const char> at, auto make) {
    auto* text = static_cast<char*>(TRY(mm::kmalloc(room, mm::Gfp::Kernel)));
    auto length = copy_string_from_user(std::span(text, room), at.address());
    if (length.ok()) return make(text, length.value());
    mm::kfree(text);
    return length.error();
}

Result<UserPath> UserPath::copy_in(UserPtr<const char> at) {
    constexpr usize kShort = 128;
    const auto make = [](char* text, usize length) { return UserPath(text, length); };
    auto path = copy_in_up_to(kShort, at, make);
    if (path.ok() || path.error() != ENAMETOOLONG) return path;
    return copy_in_up_to(abi::kPathMax, at, make);
}

}  // namespace syscall
