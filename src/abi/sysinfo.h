/// struct sysinfo of sysinfo(2).
#pragma once

#include "abi/types.h"

namespace abi {

struct Sysinfo {
    i64 uptime;    // seconds
    u64 loads[3];  // 16 fraction bits
    u64 total_ram, free_ram, shared_ram, buffer_ram;
    u64 total_swap, free_swap;
    u16 processes;
    u16 pad0;
    u32 pad1;
    u64 total_high, free_high;
    u32 unit;  // bytes that the sizes count
    u32 pad2;
};
static_assert(sizeof(Sysinfo) == 112);

}  // namespace abi
