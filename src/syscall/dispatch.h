/// From a system call's number to its handler. Private to syscall/.
#pragma once

#include "lib/assert.h"
#include "syscall/syscall.h"
#include "syscall/unimplemented.h"

namespace syscall {

inline constexpr u32 kTableSize = 512;

/// One door's calls. Filled in by init(), then constant. An empty place has unimplemented() as its
/// handler, so that the common case need not test for it.
struct Table {
    Handler handlers[kTableSize] = {};
    const Entry* entries[kTableSize] = {};

    void add(const Entry& entry) {
        ASSERT(entry.number < kTableSize && entries[entry.number] == nullptr);
        entries[entry.number] = &entry;
        handlers[entry.number] = entry.handler;
    }
};

/// The calls of the 64-bit door.
extern constinit Table native;

/// The handler for what a program left in rax. Never null.
Handler handler_of(const Table& table, u64 number);

/// Makes the call whose number and arguments are in `frame`; its result is in frame.rax then.
void dispatch(const Table& table, arch::TrapFrame& frame);

}  // namespace syscall
