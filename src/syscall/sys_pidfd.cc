// pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2). Linux: kernel/pid.c, kernel/signal.c.

#include "abi/fcntl.h"
#include "fs/fd_table.h"
#include "process/pidfd.h"
#include "process/signal_internal.h"
#include "syscall/table.h"

namespace syscall {

namespace {

using sched::PidNumber;

constexpr u32 kPidfdNonblock = abi::O_NONBLOCK;

Result<u64> install(Ref<fs::File> file) {
    fs::FdReservation reservation = TRY(fs::reserve_fd(true));
    const int fd = reservation.number();
    reservation.install(std::move(file));
    return static_cast<u64>(fd);
}

Result<u64> sys_pidfd_open(PidNumber pid, u32 flags) {
    if (flags & ~kPidfdNonblock) return EINVAL;
    return install(TRY(process::pidfd_open(pid, flags)));
}

/// To itself a process may send what it likes; to others nothing that looks like the kernel's.
Result<abi::SigInfo> signal_to_send(const sched::SignalStruct& target, int signal, u64 user_info) {
    if (user_info == 0) return process::info_from_current(signal, abi::SI_USER);
    const abi::SigInfo info = TRY(UserPtr<const abi::SigInfo>(user_info).copy_in());
    if (info.signo != signal) return EINVAL;
    const bool forged = info.code >= 0 || info.code == abi::SI_TKILL;
    if (forged && &target != sched::current().signal) return EPERM;
    return abi::SigInfo(info);
}

Result<void> sys_pidfd_send_signal(int fd, int signal, u64 user_info, u32 flags) {
    if (flags != 0) return EINVAL;
    auto file = TRY(fs::fget(fd));
    sched::SignalStruct& target = *TRY(process::process_of_pidfd(*file));
    const abi::SigInfo info = TRY(signal_to_send(target, signal, user_info));
    if (signal != 0 && !process::is_valid_signal(signal)) return EINVAL;
    return process::send_to_process_of(target, info);
}

Result<u64> sys_pidfd_getfd(int pidfd, int fd, u32 flags) {
    if (flags != 0) return EINVAL;
    auto file = TRY(fs::fget(pidfd));
    return install(TRY(process::pidfd_getfd(*file, fd)));
}

constexpr Entry kCalls[] = {
    {424, "pidfd_send_signal", call<sys_pidfd_send_signal>},
    {434, "pidfd_open", call<sys_pidfd_open>},
    {438, "pidfd_getfd", call<sys_pidfd_getfd>},
};

}  // namespace

constinit const std::span<const Entry> kPidfdCalls = kCalls;

}  // namespace syscall
