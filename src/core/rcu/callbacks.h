/// The callbacks of each processor: internal to core/rcu.
#pragma once

#include "core/rcu/callback_queue.h"

namespace rcu {

/// Wakes the processors that sleep while callbacks of theirs waited for grace period `number`.
void wake_idle_with_callbacks(u64 number);

}  // namespace rcu
