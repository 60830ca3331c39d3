// signalfd(2), signalfd4(2). Linux: fs/signalfd.c.

#include "abi/signalfd.h"
#include "fs/fd_table.h"
#include "process/signalfd.h"
#include "syscall/table.h"

namespace syscall {

namespace {

Result<u64> sys_signalfd4(int fd, UserPtr<const u64> user_mask, u64 size, u32 flags) {
    if (size != sizeof(u64)) return EINVAL;
    const u64 mask = TRY(user_mask.copy_in());
    if (flags & ~(abi::SFD_CLOEXEC | abi::SFD_NONBLOCK)) return EINVAL;
    if (fd != -1) {
        auto file = TRY(fs::fget(fd));
        TRY(process::signalfd_set_mask(*file, mask));
        return static_cast<u64>(fd);
    }
    auto file = TRY(process::make_signalfd(mask, flags));
    auto reservation = TRY(fs::reserve_fd((flags & abi::SFD_CLOEXEC) != 0));
    const int number = reservation.number();
    reservation.install(std::move(file));
    return static_cast<u64>(number);
}

Result<u64> sys_signalfd(int fd, UserPtr<const u64> user_mask, u64 size) {
    return sys_signalfd4(fd, user_mask, size, 0);
}

constexpr Entry kCalls[] = {
    {282, "signalfd", call<sys_signalfd>},
    {289, "signalfd4", call<sys_signalfd4>},
};

}  // namespace

constinit const std::span<const Entry> kSignalfdCalls = kCalls;

}  // namespace syscall
