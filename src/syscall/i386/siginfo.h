/// siginfo_t of i386. Private to syscall/i386. Linux: kernel/signal.c,
/// copy_siginfo_to_external32().
#pragma once

#include <array>

#include "abi/signal.h"
#include "lib/types.h"

namespace syscall {

/// 32 words: signo, error, code, and with no gap what depends on the signal.
using SigInfo32 = std::array<i32, 32>;

/// What the kernel's form says, in this one; addresses and values are cut.
SigInfo32 to_siginfo32(const abi::SigInfo& info);

}  // namespace syscall
