/// futex(2) and robust lists. Linux: include/uapi/linux/futex.h.
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr u32 FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_REQUEUE = 3, FUTEX_CMP_REQUEUE = 4;
inline constexpr u32 FUTEX_WAKE_OP = 5, FUTEX_WAIT_BITSET = 9, FUTEX_WAKE_BITSET = 10;
inline constexpr u32 FUTEX_LOCK_PI = 6, FUTEX_UNLOCK_PI = 7, FUTEX_TRYLOCK_PI = 8;
inline constexpr u32 FUTEX_WAIT_REQUEUE_PI = 11, FUTEX_CMP_REQUEUE_PI = 12, FUTEX_LOCK_PI2 = 13;
inline constexpr u32 FUTEX_PRIVATE_FLAG = 128, FUTEX_CLOCK_REALTIME = 256;
inline constexpr u32 FUTEX_BITSET_MATCH_ANY = 0xffff'ffff;

inline constexpr u32 FUTEX_WAITERS = 0x8000'0000, FUTEX_OWNER_DIED = 0x4000'0000;
inline constexpr u32 FUTEX_TID_MASK = 0x3fff'ffff;

/// FUTEX_WAKE_OP: bits 28-31 of the argument (31: shift the operand), 24-27.
inline constexpr u32 FUTEX_OP_SET = 0, FUTEX_OP_ADD = 1, FUTEX_OP_OR = 2, FUTEX_OP_ANDN = 3;
inline constexpr u32 FUTEX_OP_XOR = 4, FUTEX_OP_OPARG_SHIFT = 8;
inline constexpr u32 FUTEX_OP_CMP_EQ = 0, FUTEX_OP_CMP_NE = 1, FUTEX_OP_CMP_LT = 2;
inline constexpr u32 FUTEX_OP_CMP_LE = 3, FUTEX_OP_CMP_GT = 4, FUTEX_OP_CMP_GE = 5;

/// struct robust_list_head; the list's links are addresses, bit 0 of one marks a PI futex.
struct RobustListHead {
    u64 next;
    i64 futex_offset;
    u64 list_op_pending;
};
inline constexpr unsigned kRobustListLimit = 2048;

}  // namespace abi
