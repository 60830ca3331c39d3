// What a nice value is worth. Linux: kernel/sched/core.c (sched_prio_to_weight).

#include "abi/sched.h"
#include "sched/class/cfs_rq.h"

namespace sched {

namespace {

constexpr u32 kIdleWeight = 3;  // of SCHED_IDLE, whatever its nice value

/// From nice -20 to 19, each 1.25 times the next.
constexpr u32 kWeights[40] = {
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
    3906,  3121,  2501,  1991,  1586,  1277,  1024,  820,   655,   526,   423,  335,  272,  215,
    172,   137,   110,   87,    70,    56,    45,    36,    29,    23,    18,   15,
};

}  // namespace

u32 weight_of_nice(int nice) {
    ASSERT(nice >= -20 && nice <= 19);
    return kWeights[nice + 20];
}

u32 weight_of(u32 policy, int nice) {
    return policy == abi::SCHED_IDLE ? kIdleWeight : weight_of_nice(nice);
}

}  // namespace sched
