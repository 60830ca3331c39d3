/// The trace point tlb:tlb_flush, as Linux' : a processor forgets translations, or asks others to.
#pragma once

#include "core/trace/trace.h"

namespace vm {

/// The numbers are Linux'.
enum class TlbReason : u32 {
    TaskSwitch = 0,
    RemoteShootdown = 1,  // another processor asked
    LocalShootdown = 2,
    SendIpi = 4,  // others are asked
};
inline constexpr u64 kTlbAll = ~u64{0};  // instead of a number of pages

struct TlbFlush {
    static constexpr const char* kSystem = "tlb";
    static constexpr const char* kName = "tlb_flush";
    static const trace::Field kFields[2];
    static trace::Event event;
    u64 pages;
    u32 reason;
};

inline void trace_tlb_flush(TlbReason reason, u64 pages) {
    if (trace::is_enabled<TlbFlush>()) [[unlikely]] {
        trace::point(TlbFlush{pages, static_cast<u32>(reason)});
    }
}

}  // namespace vm
