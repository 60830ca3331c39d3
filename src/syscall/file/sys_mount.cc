// mount(2), umount2(2). Linux: fs/namespace.c.
#include <optional>

#include "abi/mount.h"
#include "abi/prctl.h"
#include "fs/namei.h"
#include "lib/string.h"
#include "sched/task.h"
#include "syscall/file/calls.h"
#include "syscall/file/file_args.h"

namespace syscall {
namespace {

using namespace abi;

bool is_admin() { return sched::capable(CAP_SYS_ADMIN); }

/// A string argument that may be missing: then it is empty.
class OptionalString {
public:
    static Result<OptionalString> copy_in(UserPtr<const char> at) {
        if (at.is_null()) return OptionalString();
        return OptionalString(TRY(UserPath::copy_in(at)));
    }
    std::string_view view() const { return text_ ? text_->view() : std::string_view(); }

private:
    OptionalString() = default;
    explicit OptionalString(UserPath&& text) : text_(std::move(text)) {}
    std::optional<UserPath> text_;
};

Result<u64> sys_mount(UserPtr<const char> user_source, UserPtr<const char> user_target,
                      UserPtr<const char> user_type, u64 flags, UserPtr<const char> user_data) {
    const auto type = TRY(OptionalString::copy_in(user_type));
    const auto source = TRY(OptionalString::copy_in(user_source));
    const auto data = TRY(OptionalString::copy_in(user_data));
    const fs::Path target = TRY(path_at(AT_FDCWD, user_target, 0, Follow::Yes));
    if (!is_admin()) return EPERM;
    u32 wanted = static_cast<u32>(flags);
    if ((wanted & MS_MGC_MSK) == MS_MGC_VAL) wanted &= ~MS_MGC_MSK;
    TRY(fs::do_mount(source.view(), target, type.view(), wanted, data.view()));
    return u64{0};
}

Result<u64> sys_umount2(UserPtr<const char> name, u32 flags) {
    if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) return EINVAL;
    const u32 walk_flags = flags & UMOUNT_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0;
    const fs::Path target = TRY(path_at(AT_FDCWD, name, walk_flags, Follow::Yes));
    if (!is_admin()) return EPERM;
    TRY(fs::do_umount(target, flags & ~UMOUNT_NOFOLLOW));
    return u64{0};
}

constexpr Entry kCalls[] = {
    {165, "mount", call<sys_mount>},
    {166, "umount2", call<sys_umount2>},
};

}  // namespace

constinit const std::span<const Entry> kMountCalls = kCalls;

}  // namespace syscall
