/// Freed objects that wait before they are really free.
#pragma once

#include "mm/kasan/objects.h"

namespace mm {

/// Puts a freed object in.
void put_in_quarantine(const Slot& slot);
/// Frees those that have waited for longest until no more than `keep` bytes wait; the number of
/// pages that this amounts to. None while somebody holds it.
u64 shrink_quarantine(usize keep);
/// While it is held nothing leaves. Holds nest.
void hold_quarantine(bool hold);

}  // namespace mm
