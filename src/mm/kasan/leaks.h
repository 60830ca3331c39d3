/// Objects that nothing points to any more: lost, and never freed.
#pragma once

#include "mm/kasan/objects.h"

namespace mm {

/// Looks for a pointer to each live object, from all memory that is not itself an object or a
/// program's: conservatively, any word with an address in an object's slot is one. Objects that two
/// passes running have not found are lost; the number of these. Process context.
u64 scan_for_leaks();

/// Calls `visit` for each object that was lost at the last scan and still lives.
void for_each_leak(void (*visit)(const Slot& slot, void* context), void* context);
/// What is lost now is not told again.
void forget_leaks();

}  // namespace mm
