// prctl: what a program may ask about or change in itself. See: prctl(2).

#include "abi/prctl.h"
#include "fs/inode.h"
#include "lib/string.h"
#include "process/credentials.h"
#include "process/signal_internal.h"
#include "syscall/table.h"

namespace syscall {

namespace {

using sched::Cred;
using sched::Task;

/// The arguments behind the option.
struct Arguments {
    u64 value, third, fourth, fifth;
    bool has_rest() const { return third || fourth || fifth; }
};

Result<void> set_name(Task& task, VirtAddr from) {
    char name[sizeof task.comm] = {};
    const usize room = sizeof name - 1;
    const usize missing = copy_from_user_partial(name, from, room);
    if (missing != 0 && memchr(name, 0, room - missing) == nullptr) return EFAULT;
    char clean[sizeof task.comm] = {};
    copy_string(clean, {name, strnlen(name, room)});
    memcpy(task.comm, clean, sizeof clean);
    return {};
}

Result<u64> set_securebits(u64 wanted) {
    Cred now = sched::current().cred;
    const u64 locks = now.securebits & abi::kSecureAllLocks;
    const bool is_locked = (locks >> 1 & (now.securebits ^ wanted)) || (locks & ~wanted);
    const bool is_known = !(wanted & ~u64{abi::kSecureAllBits | abi::kSecureAllLocks});
    if (is_locked || !is_known || !sched::capable(abi::CAP_SETPCAP)) return EPERM;
    now.securebits = static_cast<u32>(wanted);
    TRY(process::commit_creds(now));
    return u64{0};
}

Result<u64> set_keep_caps(u64 wanted) {
    if (wanted > 1) return EINVAL;
    Cred now = sched::current().cred;
    if (now.securebits & abi::SECBIT_KEEP_CAPS_LOCKED) return EPERM;
    now.securebits &= ~abi::SECBIT_KEEP_CAPS;
    if (wanted) now.securebits |= abi::SECBIT_KEEP_CAPS;
    TRY(process::commit_creds(now));
    return u64{0};
}

Result<u64> drop_bounding(u64 capability) {
    if (!sched::capable(abi::CAP_SETPCAP)) return EPERM;
    if (capability > abi::kCapLast) return EINVAL;
    Cred now = sched::current().cred;
    now.cap_bounding &= ~(u64{1} << capability);
    TRY(process::commit_creds(now));
    return u64{0};
}

Result<u64> ambient(const Arguments& arguments) {
    Cred now = sched::current().cred;
    if (arguments.value == abi::PR_CAP_AMBIENT_CLEAR_ALL) {
        if (arguments.has_rest()) return EINVAL;
        now.cap_ambient = 0;
        TRY(process::commit_creds(now));
        return u64{0};
    }
    if (arguments.third > abi::kCapLast || arguments.fourth || arguments.fifth) return EINVAL;
    const u64 bit = u64{1} << arguments.third;
    switch (arguments.value) {
    case abi::PR_CAP_AMBIENT_IS_SET: return u64{(now.cap_ambient & bit) != 0};
    case abi::PR_CAP_AMBIENT_RAISE:
        if (!(now.cap_permitted & now.cap_inheritable & bit)) return EPERM;
        if (now.securebits & abi::SECBIT_NO_CAP_AMBIENT_RAISE) return EPERM;
        now.cap_ambient |= bit;
        break;
    case abi::PR_CAP_AMBIENT_LOWER: now.cap_ambient &= ~bit; break;
    default: return EINVAL;
    }
    TRY(process::commit_creds(now));
    return u64{0};
}

/// What concerns the credentials.
Result<u64> prctl_cred(int option, const Arguments& arguments) {
    const Cred& cred = sched::current().cred;
    switch (option) {
    case abi::PR_GET_KEEPCAPS: return u64{(cred.securebits & abi::SECBIT_KEEP_CAPS) != 0};
    case abi::PR_SET_KEEPCAPS: return set_keep_caps(arguments.value);
    case abi::PR_GET_SECUREBITS: return u64{cred.securebits};
    case abi::PR_SET_SECUREBITS: return set_securebits(arguments.value);
    case abi::PR_CAPBSET_READ:
        if (arguments.value > abi::kCapLast) return EINVAL;
        return cred.cap_bounding >> arguments.value & 1;
    case abi::PR_CAPBSET_DROP: return drop_bounding(arguments.value);
    case abi::PR_CAP_AMBIENT: return ambient(arguments);
    default: return EINVAL;
    }
}

Result<u64> set_pdeath_signal(Task& task, u64 wanted) {
    if (wanted > u64{abi::kSignals}) return EINVAL;
    task.pdeath_signal = static_cast<i32>(wanted);
    return u64{0};
}

/// What concerns the process, or the thread.
Result<u64> prctl_process(Task& task, int option, const Arguments& arguments) {
    sched::SignalStruct& signal = *task.signal;
    switch (option) {
    case abi::PR_SET_PDEATHSIG: return set_pdeath_signal(task, arguments.value);
    case abi::PR_GET_DUMPABLE: return u64{signal.dumpable};
    case abi::PR_SET_DUMPABLE:
        if (arguments.value > 1) return EINVAL;
        signal.dumpable = u8(arguments.value);
        return u64{0};
    case abi::PR_SET_CHILD_SUBREAPER: signal.is_subreaper = arguments.value != 0; return u64{0};
    case abi::PR_SET_NO_NEW_PRIVS:
        if (arguments.value != 1 || arguments.has_rest()) return EINVAL;
        task.set(sched::kNoNewPrivs);
        return u64{0};
    case abi::PR_GET_NO_NEW_PRIVS:
        if (arguments.value || arguments.has_rest()) return EINVAL;
        return u64{task.has(sched::kNoNewPrivs)};
    case abi::PR_GET_TIMERSLACK: return u64{task.timer_slack_ns};
    case abi::PR_SET_TIMERSLACK:
        task.timer_slack_ns =
            i64(arguments.value) > 0 ? arguments.value : task.default_timer_slack_ns;
        return u64{0};
    case abi::PR_SET_MM:  // where code, heap and arguments lie is what execve() has made of them
        return sched::capable(abi::CAP_SYS_RESOURCE) ? EINVAL : EPERM;
    default: return prctl_cred(option, arguments);
    }
}

Result<u64> sys_prctl(int option, u64 value, u64 third, u64 fourth, u64 fifth) {
    Task& task = sched::current();
    switch (option) {
    case abi::PR_GET_PDEATHSIG: TRY(UserPtr<i32>(value).copy_out(task.pdeath_signal)); break;
    case abi::PR_SET_NAME: TRY(set_name(task, VirtAddr(value))); break;
    case abi::PR_GET_NAME: TRY(copy_to_user(VirtAddr(value), task.comm, sizeof task.comm)); break;
    case abi::PR_GET_CHILD_SUBREAPER:
        TRY(UserPtr<i32>(value).copy_out(task.signal->is_subreaper));
        break;
    case abi::PR_GET_TID_ADDRESS:
        TRY(UserPtr<u64>(value).copy_out(task.clear_child_tid.raw()));
        break;
    default: return prctl_process(task, option, {value, third, fourth, fifth});
    }
    return u64{0};
}

constexpr Entry kCalls[] = {
    {157, "prctl", call<sys_prctl>},
};

}  // namespace

constinit const std::span<const Entry> kPrctlCalls = kCalls;

}  // namespace syscall
