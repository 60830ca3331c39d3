#include "core/time/jiffies.h"

namespace time {

constinit JiffiesClock jiffies_clock;

u64 update_jiffies(u64 now_ns) {
    u64 count = jiffies_clock.count.load(std::memory_order_relaxed);
    const u64 target = kInitialJiffies + now_ns / kTickNs;
    for (;;) {
        if (!time_after(target, count)) return 0;  // somebody did it, with a later clock even
        if (jiffies_clock.count.compare_exchange_weak(count, target)) return target - count;
    }
}

}  // namespace time
