// personality, random bytes, memory barriers.

#include "abi/prctl.h"
#include "core/irq/ipi.h"
#include "core/random/random.h"
#include "lib/string.h"
#include "process/signal_internal.h"
#include "syscall/table.h"
#include "vm/mm_struct.h"

namespace syscall {

namespace {

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

/// Every command is a full barrier on all processors: more than some of them ask for. EPERM: the
/// program has not announced that it would want this one.
Result<u64> sys_membarrier(int command, u32 flags, int) {
    constexpr int kQuery = 0, kGlobal = 1, kGlobalExpedited = 2, kRegisterGlobalExpedited = 4;
    constexpr int kPrivateExpedited = 8, kRegisterPrivateExpedited = 16;
    if (flags != 0) return EINVAL;
    std::atomic<bool>& registered = sched::current().mm->uses_membarrier;
    switch (command) {
    case kQuery:
        return u64{kGlobal | kGlobalExpedited | kRegisterGlobalExpedited | kPrivateExpedited |
                   kRegisterPrivateExpedited};
    case kRegisterGlobalExpedited: return u64{0};
    case kRegisterPrivateExpedited: registered.store(true); return u64{0};
    case kPrivateExpedited:
        if (!registered.load()) return EPERM;
        [[fallthrough]];
    case kGlobal:
    case kGlobalExpedited:
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
    {318, "getrandom", call<sys_getrandom>},
    {324, "membarrier", call<sys_membarrier>},
};

}  // namespace

constinit const std::span<const Entry> kMiscCalls = kCalls;

}  // namespace syscall
