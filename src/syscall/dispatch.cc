// From the system-call entry to the handler. The common case is a load, a test that tracing is
// off, and an indirect call.

#include "abi/syscall_numbers.h"
#include "arch/upcalls.h"
#include "lib/string.h"
#include "syscall/syscall.h"
#include "syscall/syscall_trace.h"
#include "syscall/table.h"
#include "syscall/unimplemented.h"

namespace syscall {

namespace {

constexpr u32 kTableSize = 512;

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

constinit Table native{};

/// What becomes of `number`; a program may have put anything into the register.
Handler handler_of(const Table& table, u32 number) {
    return number < kTableSize ? table.handlers[number] : unimplemented;
}

/// Calls the handler; rax then holds its result. The ABI's number is 32 bits wide.
void dispatch(const Table& table, arch::TrapFrame& frame) {
    const Handler handler = handler_of(table, static_cast<u32>(frame.orig_rax));
    if (is_traced()) [[unlikely]] {
        traced_call(frame, handler);
        return;
    }
    frame.rax = handler(frame);
}

}  // namespace

const Entry* find(u64 number) { return number < kTableSize ? native.entries[number] : nullptr; }

void init() {
    for (Handler& handler : native.handlers) handler = unimplemented;
    for (const std::span<const Entry>* family : all_families()) {
        for (const Entry& entry : *family) {
            const char* const name = abi::syscall_name(entry.number);
            ASSERT(name && strcmp(name, entry.name) == 0);
            native.add(entry);
        }
    }
}

}  // namespace syscall

void upcall::system_call(arch::TrapFrame& frame) { syscall::dispatch(syscall::native, frame); }

/// int $0x80: the i386 table is still empty.
void upcall::system_call_i386(arch::TrapFrame& frame) { frame.rax = -static_cast<u64>(ENOSYS); }
