// pipe(2), eventfd(2). Linux: fs/pipe.c, fs/eventfd.c.
#include "abi/epoll.h"
#include "ipc/eventfd.h"
#include "ipc/pipe.h"
#include "syscall/file/calls.h"
#include "syscall/file/file_args.h"

namespace syscall {
namespace {

using namespace abi;

/// `user_fds[0]` becomes the read end, `user_fds[1]` the write end. Either both descriptors appear
/// or neither does: they are reserved first and installed last, which cannot fail.
Result<u64> sys_pipe2(UserPtr<int> user_fds, u32 flags) {
    if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) return EINVAL;
    auto ends = TRY(ipc::make_pipe(flags & (O_NONBLOCK | O_DIRECT)));
    const bool close_on_exec = (flags & O_CLOEXEC) != 0;
    auto read_fd = TRY(fs::reserve_fd(close_on_exec));
    auto write_fd = TRY(fs::reserve_fd(close_on_exec));

    TRY(user_fds.copy_out(read_fd.number()));
    TRY((user_fds + 1).copy_out(write_fd.number()));

    read_fd.install(std::move(ends.reader));
    write_fd.install(std::move(ends.writer));
    return u64{0};
}
Result<u64> sys_pipe(UserPtr<int> user_fds) { return sys_pipe2(user_fds, 0); }

Result<u64> sys_eventfd2(u32 initial, u32 flags) {
    auto file = TRY(ipc::make_eventfd(initial, flags));
    auto reservation = TRY(fs::reserve_fd((flags & EFD_CLOEXEC) != 0));
    const int fd = reservation.number();
    reservation.install(std::move(file));
    return u64(fd);
}
Result<u64> sys_eventfd(u32 initial) { return sys_eventfd2(initial, 0); }

constexpr Entry kCalls[] = {
    {22, "pipe", call<sys_pipe>},
    {284, "eventfd", call<sys_eventfd>},
    {290, "eventfd2", call<sys_eventfd2>},
    {293, "pipe2", call<sys_pipe2>},
};

}  // namespace

constinit const std::span<const Entry> kPipeCalls = kCalls;

}  // namespace syscall
