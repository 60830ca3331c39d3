/// Flags of splice(2), tee(2), vmsplice(2). Values of Linux (include/linux/splice.h).
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr u32 SPLICE_F_MOVE = 1, SPLICE_F_NONBLOCK = 2, SPLICE_F_MORE = 4, SPLICE_F_GIFT = 8;

}  // namespace abi
