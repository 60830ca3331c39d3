// epoll_create(2), epoll_ctl(2), epoll_wait(2). Linux: fs/eventpoll.c.
#include "ipc/epoll.h"
#include "syscall/file/calls.h"
#include "syscall/file/file_args.h"
#include "syscall/file/wait_args.h"

namespace syscall {
namespace {

using namespace abi;

Result<u64> sys_epoll_create1(u32 flags) {
    auto file = TRY(ipc::Epoll::create_file(flags));
    auto reservation = TRY(fs::reserve_fd((flags & EPOLL_CLOEXEC) != 0));
    const int fd = reservation.number();
    reservation.install(std::move(file));
    return u64(fd);
}
Result<u64> sys_epoll_create(int size) {
    if (size <= 0) return EINVAL;
    return sys_epoll_create1(0);
}

/// Regular files and directories are always ready: watching them is refused, as in Linux.
bool can_be_watched(const fs::File& file) {
    const fs::Inode* inode = file.inode();
    return !inode || !(inode->is_regular() || inode->is_dir());
}

Result<u64> sys_epoll_ctl(int epoll_fd, int op, int fd, UserPtr<const EpollEvent> user_event) {
    EpollEvent event{};
    if (op != EPOLL_CTL_DEL) event = TRY(user_event.copy_in());
    auto epoll_file = TRY(fget_data(epoll_fd));
    auto file = TRY(fget_data(fd));
    if (!can_be_watched(*file)) return EPERM;
    ipc::Epoll* epoll = ipc::Epoll::of(*epoll_file);
    if (!epoll || file.get() == epoll_file.get()) return EINVAL;
    TRY(epoll->control(op, *file, fd, event));
    return u64{0};
}

Result<u64> wait_for_events(int epoll_fd, UserPtr<EpollEvent> events, int limit, u64 deadline) {
    constexpr int kMostEvents = 0x7fff'ffff / sizeof(EpollEvent);
    if (limit <= 0 || limit > kMostEvents) return EINVAL;
    TRY(check_user_range(events.address().raw(), limit * sizeof(EpollEvent)));
    auto file = TRY(fget_data(epoll_fd));
    ipc::Epoll* epoll = ipc::Epoll::of(*file);
    if (!epoll) return EINVAL;
    return u64{TRY(epoll->wait(events, static_cast<usize>(limit), deadline))};
}

Result<u64> sys_epoll_wait(int epoll_fd, UserPtr<EpollEvent> events, int limit, int timeout_ms) {
    return wait_for_events(epoll_fd, events, limit, deadline_after_ms(timeout_ms));
}

Result<u64> sys_epoll_pwait(int epoll_fd, UserPtr<EpollEvent> events, int limit, int timeout_ms,
                            UserPtr<const u64> mask, u64 mask_size) {
    auto sigmask = TRY(TemporarySigmask::set(mask, mask_size));
    return sigmask.finish(wait_for_events(epoll_fd, events, limit, deadline_after_ms(timeout_ms)));
}

Result<u64> sys_epoll_pwait2(int epoll_fd, UserPtr<EpollEvent> events, int limit,
                             UserPtr<const Timespec> timeout, UserPtr<const u64> mask,
                             u64 mask_size) {
    const u64 deadline = TRY(deadline_in(timeout));
    auto sigmask = TRY(TemporarySigmask::set(mask, mask_size));
    return sigmask.finish(wait_for_events(epoll_fd, events, limit, deadline));
}

constexpr Entry kCalls[] = {
    {213, "epoll_create", call<sys_epoll_create>},   {232, "epoll_wait", call<sys_epoll_wait>},
    {233, "epoll_ctl", call<sys_epoll_ctl>},         {281, "epoll_pwait", call<sys_epoll_pwait>},
    {291, "epoll_create1", call<sys_epoll_create1>}, {441, "epoll_pwait2", call<sys_epoll_pwait2>},
};

}  // namespace

constinit const std::span<const Entry> kEpollCalls = kCalls;

}  // namespace syscall
