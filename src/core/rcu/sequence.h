/// How grace periods are numbered: a counter that is odd while one is in progress. It counts up at
/// each begin and each end; 64 bits never wrap. Linux: rcu_seq_*() in kernel/rcu/rcu.h.
#pragma once

#include "lib/types.h"

namespace rcu {

constexpr bool is_in_progress(u64 sequence) { return sequence & 1; }

/// The value that, once reached, proves that a full grace period has come after `now` was read: the
/// end of the next one; if one is in progress, of the one after that, as it may have looked at some
/// processors already.
constexpr u64 end_of_full_period(u64 now) { return (now + 3) & ~u64{1}; }

constexpr bool is_reached(u64 now, u64 wanted) { return static_cast<i64>(now - wanted) >= 0; }

}  // namespace rcu
