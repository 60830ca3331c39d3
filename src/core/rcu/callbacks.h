/// The callbacks of each processor: internal to core/rcu.
#pragma once

#include "core/rcu/callback_queue.h"

namespace rcu {

/// Those that are ready are called from the softirq; see callbacks.cc.
bool have_work();  // this processor's; interrupts are off
void raise_softirq();

/// Wakes the processors that sleep while callbacks of theirs waited for grace period `number`.
void wake_idle_with_callbacks(u64 number);

}  // namespace rcu
