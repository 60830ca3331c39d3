/// Who called: return addresses from the frame pointers, for whoever keeps them to print them
/// later.
#pragma once

#include <span>

#include "arch/cpu.h"
#include "arch/layout.h"

/// Return addresses of the callers, innermost first, 0 behind the last. A frame is at most `reach`
/// words long: more is no frame. Inline, so that it is checked as its caller is: KASAN's is not,
/// and writes to memory that nobody else may.
[[gnu::always_inline]] inline void capture_callers(std::span<u64> trace, isize reach) {
    const u64* frame = arch::frame_pointer();
    usize depth = 0;
    for (; depth < trace.size(); depth++) {
        const u64* const next = reinterpret_cast<const u64*>(frame[0]);
        trace[depth] = frame[1];
        const bool plausible = reinterpret_cast<u64>(next) >= arch::kDirectMap.raw() &&
                               next > frame && next - frame < reach &&
                               reinterpret_cast<u64>(next) % 8 == 0;
        if (!plausible) break;
        frame = next;
    }
    for (depth++; depth < trace.size(); depth++) trace[depth] = 0;
}
