/// Restartable sequences: rseq(2), as of Linux 6.1.
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr i32 RSEQ_FLAG_UNREGISTER = 1;
inline constexpr u32 RSEQ_CPU_ID_UNINITIALIZED = ~0u;

/// What a thread shares with the kernel. 32 bytes, aligned to 32.
struct Rseq {
    u32 cpu_id_start;      // a valid number, also before registration
    u32 cpu_id;            // where the thread runs
    u64 critical_section;  // address of an RseqCs, or 0
    u32 flags;
    u32 reserved[3];
};
static_assert(sizeof(Rseq) == 32);

/// A critical section: [start, start + length), which goes on at `abort` when disturbed.
struct RseqCs {
    u32 version, flags;
    u64 start, length, abort;
};
static_assert(sizeof(RseqCs) == 32);

}  // namespace abi
