/// The only code that touches user addresses (cpu/user_copy.S). A fault that nobody resolves ends
/// the access instead of the kernel. The callers (core/user) have checked that the addresses lie
/// in the user half; interrupts are on and no spin lock is held, since a fault may sleep.
#pragma once

#include "lib/types.h"

namespace arch {

extern "C" {
/// Copies; either side may be user memory. Returns the number of bytes not copied.
usize copy_user(void* to, const void* from, usize bytes);

/// Clears user memory. Returns the number of bytes not cleared.
usize clear_user_memory(void* to, usize bytes);

/// Reads an aligned word. 0, or 1 if it faulted.
int load_user_u32(const u32* from, u32* value);

/// Atomically: `*found = *at; if (*found == expected) *at = wanted`. 0, or 1 if it faulted.
int compare_exchange_user_u32(u32* at, u32 expected, u32 wanted, u32* found);
}

}  // namespace arch
