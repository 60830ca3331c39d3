/// The marks that kernel.ld sets. Private to arch/x86_64.
#pragma once

#include "lib/types.h"

namespace arch {

extern "C" {
extern const u8 __kernel_start[], __kernel_end[];
extern const u8 __text_start[], __text_end[];
extern const u8 __rodata_start[], __rodata_end[];
extern const u8 __data_start[];
extern const u8 __init_begin[], __init_end[];
extern const u8 __bss_start[], __bss_end[];
extern const u8 __percpu_start[], __percpu_end[];
}

inline u64 address_of(const u8* mark) { return reinterpret_cast<u64>(mark); }

}  // namespace arch
