// From the system-call entry to the handler. The common case is a load, a test that tracing is
// off, and an indirect call.

#include <atomic>

#include "abi/syscall_numbers.h"
#include "arch/upcalls.h"
#include "core/trace/trace.h"
#include "lib/string.h"
#include "syscall/syscall.h"
#include "syscall/table.h"

namespace syscall {

namespace {

constexpr u32 kTableSize = 512;

struct SysEnter {
    static constexpr const char* kSystem = "raw_syscalls";
    static constexpr const char* kName = "sys_enter";
    i64 id;
    u64 arg0, arg1, arg2, arg3, arg4, arg5;
    static const trace::Field kFields[7];
    static trace::Event event;
};
const trace::Field SysEnter::kFields[] = {
    TRACE_FIELD(SysEnter, id),       TRACE_FIELD_HEX(SysEnter, arg0),
    TRACE_FIELD_HEX(SysEnter, arg1), TRACE_FIELD_HEX(SysEnter, arg2),
    TRACE_FIELD_HEX(SysEnter, arg3), TRACE_FIELD_HEX(SysEnter, arg4),
    TRACE_FIELD_HEX(SysEnter, arg5)};
TRACE_POINT(SysEnter);

struct SysExit {
    static constexpr const char* kSystem = "raw_syscalls";
    static constexpr const char* kName = "sys_exit";
    i64 id, ret;
    static const trace::Field kFields[2];
    static trace::Event event;
};
const trace::Field SysExit::kFields[] = {TRACE_FIELD(SysExit, id), TRACE_FIELD(SysExit, ret)};
TRACE_POINT(SysExit);

// Filled by init(), then constant. An empty place has unimplemented() as its handler.
constinit Handler handlers[kTableSize] = {};
constinit const Entry* entries[kTableSize] = {};
constinit std::atomic<u32> unimplemented_count[kTableSize] = {};
constinit std::atomic<u64> unimplemented_total{0};

u64 unimplemented(arch::TrapFrame& frame) {
    const u64 number = static_cast<u32>(frame.orig_rax);
    if (number < kTableSize) unimplemented_count[number].fetch_add(1, std::memory_order_relaxed);
    unimplemented_total.fetch_add(1, std::memory_order_relaxed);
    return -static_cast<u64>(ENOSYS);
}

[[gnu::noinline]] void traced_call(arch::TrapFrame& frame, Handler handler) {
    const i64 id = static_cast<i32>(frame.orig_rax);
    trace::point(SysEnter{id, frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9});
    frame.rax = handler(frame);
    trace::point(SysExit{id, static_cast<i64>(frame.rax)});
}

}  // namespace

const Entry* find(u64 number) { return number < kTableSize ? entries[number] : nullptr; }

u64 unimplemented_calls() { return unimplemented_total.load(std::memory_order_relaxed); }

u64 unimplemented_calls_of(u64 number) {
    return number < kTableSize ? unimplemented_count[number].load(std::memory_order_relaxed) : 0;
}

void init() {
    for (Handler& handler : handlers) handler = unimplemented;
    for (const std::span<const Entry>* family : all_families()) {
        for (const Entry& entry : *family) {
            ASSERT(entry.number < kTableSize && entries[entry.number] == nullptr);
            const char* const name = abi::syscall_name(entry.number);
            ASSERT(name && strcmp(name, entry.name) == 0);
            entries[entry.number] = &entry;
            handlers[entry.number] = entry.handler;
        }
    }
}

}  // namespace syscall

void upcall::system_call(arch::TrapFrame& frame) {
    using namespace syscall;
    const u32 number = static_cast<u32>(frame.orig_rax);
    const Handler handler = number < kTableSize ? handlers[number] : unimplemented;
    if (trace::is_enabled<SysEnter>() || trace::is_enabled<SysExit>()) [[unlikely]] {
        traced_call(frame, handler);
        return;
    }
    frame.rax = handler(frame);
}

/// int $0x80: the i386 table is still empty.
void upcall::system_call_i386(arch::TrapFrame& frame) { frame.rax = -static_cast<u64>(ENOSYS); }
