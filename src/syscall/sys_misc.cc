// prctl and its like: what a program may ask about or change in itself.

#include "abi/prctl.h"
#include "core/irq/ipi.h"
#include "core/random/random.h"
#include "lib/string.h"
#include "process/signal_internal.h"
#include "syscall/table.h"

namespace syscall {

namespace {

using sched::Task;

bool capable(unsigned capability) { return sched::current().cred.cap_effective >> capability & 1; }

// --- prctl ---------------------------------------------------------------------------------------

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

Result<u64> prctl_process(Task& task, int option, u64 value) {
    sched::SignalStruct& signal = *task.signal;
    switch (option) {
    case abi::PR_GET_DUMPABLE: return u64{signal.dumpable};
    case abi::PR_SET_DUMPABLE:
        if (value > 1) return EINVAL;
        signal.dumpable = u8(value);
        return u64{0};
    case abi::PR_GET_KEEPCAPS: return u64{signal.keep_caps};
    case abi::PR_SET_KEEPCAPS:
        if (value > 1) return EINVAL;
        signal.keep_caps = value;
        return u64{0};
    case abi::PR_SET_CHILD_SUBREAPER: signal.is_subreaper = value != 0; return u64{0};
    case abi::PR_SET_NO_NEW_PRIVS:
        if (value != 1) return EINVAL;
        signal.no_new_privs = true;
        return u64{0};
    case abi::PR_GET_NO_NEW_PRIVS: return u64{signal.no_new_privs};
    case abi::PR_GET_TIMERSLACK: return u64{task.timer_slack_ns};
    case abi::PR_SET_TIMERSLACK:
        task.timer_slack_ns = i64(value) > 0 ? value : task.default_timer_slack_ns;
        return u64{0};
    default: return EINVAL;
    }
}

Result<u64> sys_prctl(int option, u64 value, u64 arg3, u64 arg4, u64 arg5) {
    Task& task = sched::current();
    const bool has_rest = arg3 || arg4 || arg5;
    switch (option) {
    case abi::PR_SET_PDEATHSIG:
        if (value != 0 && !process::is_valid_signal(int(std::min<u64>(value, 1000)))) return EINVAL;
        task.pdeath_signal = i32(value);
        return u64{0};
    case abi::PR_GET_PDEATHSIG: TRY(UserPtr<i32>(value).copy_out(task.pdeath_signal)); break;
    case abi::PR_SET_NAME: TRY(set_name(task, VirtAddr(value))); break;
    case abi::PR_GET_NAME: TRY(copy_to_user(VirtAddr(value), task.comm, sizeof task.comm)); break;
    case abi::PR_GET_CHILD_SUBREAPER:
        TRY(UserPtr<i32>(value).copy_out(task.signal->is_subreaper));
        break;
    case abi::PR_CAPBSET_READ:
        if (value > abi::kCapLast) return EINVAL;
        return task.cred.cap_bounding >> value & 1;
    case abi::PR_CAPBSET_DROP:
        if (!capable(abi::CAP_SETPCAP)) return EPERM;
        if (value > abi::kCapLast) return EINVAL;
        task.cred.cap_bounding &= ~(u64{1} << value);
        break;
    case abi::PR_SET_NO_NEW_PRIVS:
    case abi::PR_GET_NO_NEW_PRIVS:
        if (has_rest) return EINVAL;
        [[fallthrough]];
    default: return prctl_process(task, option, value);
    }
    return u64{0};
}

/// Of all bits only ADDR_NO_RANDOMIZE changes anything; the others are kept for who asks.
Result<u64> sys_personality(u32 wanted) {
    sched::SignalStruct& signal = *sched::current().signal;
    const u32 old = signal.personality;
    if (wanted != 0xffff'ffff) signal.personality = wanted;
    return u64{old};
}

// --- random bytes, memory barriers ---------------------------------------------------------------

Result<u64> sys_getrandom(VirtAddr to, u64 size, u32 flags) {
    constexpr u32 kKnown = abi::GRND_NONBLOCK | abi::GRND_RANDOM | abi::GRND_INSECURE;
    if ((flags & ~kKnown) || (flags & kKnown) == (abi::GRND_RANDOM | abi::GRND_INSECURE)) {
        return EINVAL;
    }
    size = std::min<u64>(size, INT32_MAX);
    std::byte block[256];
    u64 done = 0;
    while (done < size) {
        const usize step = std::min<u64>(size - done, sizeof block);
        get_random_bytes({block, step});
        const usize missing = copy_to_user_partial(to + done, block, step);
        done += step - missing;
        if (missing != 0) return done != 0 ? Result<u64>(done) : EFAULT;
        if (done < size && signal_pending(sched::current())) return done;
    }
    return done;
}

Result<u64> sys_membarrier(int command, u32 flags, int) {
    constexpr int kQuery = 0, kGlobal = 1, kGlobalExpedited = 2, kRegisterGlobalExpedited = 4;
    constexpr int kPrivateExpedited = 8, kRegisterPrivateExpedited = 16;
    if (flags != 0) return EINVAL;
    switch (command) {
    case kQuery:
        return u64{kGlobal | kGlobalExpedited | kRegisterGlobalExpedited | kPrivateExpedited |
                   kRegisterPrivateExpedited};
    case kRegisterGlobalExpedited:
    case kRegisterPrivateExpedited: return u64{0};
    case kGlobal:
    case kGlobalExpedited:
    case kPrivateExpedited:
        // An interrupt is a full barrier on the processor that takes it.
        std::atomic_thread_fence(std::memory_order_seq_cst);
        irq::call_on_cpus(
            online_cpus.bits(), [](void*) {}, nullptr);
        return u64{0};
    default: return EINVAL;
    }
}

constexpr Entry kCalls[] = {
    {135, "personality", call<sys_personality>},
    {157, "prctl", call<sys_prctl>},
    {318, "getrandom", call<sys_getrandom>},
    {324, "membarrier", call<sys_membarrier>},
};

}  // namespace

constinit const std::span<const Entry> kMiscCalls = kCalls;

}  // namespace syscall
