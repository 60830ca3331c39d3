/// The trace points of waiting for a lock, as Linux has them.
#pragma once

#include "core/lock/lock_stat.h"
#include "core/trace/trace.h"

namespace lock_stat {

/// Linux' LCB_F_ bits: what kind of lock it is.
inline u32 flags_of(Kind kind) {
    constexpr u32 kSpin = 1, kRead = 2, kMutex = 32;
    switch (kind) {
    case Kind::Spin: return kSpin;
    case Kind::RwSpin: return kSpin | kRead;
    case Kind::Mutex: return kMutex;
    default: return 0;
    }
}

struct ContentionBegin {
    static constexpr const char* kSystem = "lock";
    static constexpr const char* kName = "contention_begin";
    static const trace::Field kFields[2];
    static trace::Event event;
    u64 lock_addr;
    u32 flags;
};

struct ContentionEnd {
    static constexpr const char* kSystem = "lock";
    static constexpr const char* kName = "contention_end";
    static const trace::Field kFields[2];
    static trace::Event event;
    u64 lock_addr;
    i32 ret;
};

}  // namespace lock_stat
