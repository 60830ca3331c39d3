/// Freeing memory after a grace period, without a callback of one's own.
#pragma once

#include "core/rcu/rcu.h"
#include "mm/slab.h"

namespace mm {

/// kfree() after a grace period; `kHead` is the object's RcuHead. No destructor runs. Any context.
///
///     kfree_rcu<Table, &Table::rcu>(*old);
template <class T, RcuHead T::*kHead>
void kfree_rcu(T& object) {
    call_rcu(object.*kHead, [](RcuHead& head) { kfree(&rcu_owner<T, kHead>(head)); });
}

}  // namespace mm
