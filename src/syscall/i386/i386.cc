// int $0x80: from its own numbers and registers to the handlers.

#include "syscall/i386/i386.h"

#include "abi/syscall_numbers_i386.h"
#include "arch/upcalls.h"
#include "core/percpu/percpu.h"
#include "lib/scope_guard.h"
#include "lib/string.h"
#include "sched/task.h"
#include "syscall/i386/compat.h"
#include "syscall/i386/same.h"
#include "syscall/syscall_trace.h"
#include "syscall/unimplemented.h"

namespace syscall {

namespace {

constexpr u32 kTableSize = 512;

/// Either has a handler of its own, for the registers as they are, or that of a native call, for
/// native_frame(); or neither.
struct Place {
    Handler own = nullptr;
    Handler native = nullptr;
};
constinit Place places[kTableSize]{};

constexpr const std::span<const Entry>* kFamilies[] = {
    &kCompatCalls, &kFileCalls386, &kMachineCalls386, &kProcessCalls386, &kTimerCalls386};

PER_CPU u64 calls_here = 0;

u64 unimplemented_here(arch::TrapFrame& frame) { return count_unimplemented(frame, Abi::I386); }

u64 call(const Place& place, arch::TrapFrame& frame) {
    if (place.own != nullptr) return place.own(frame);
    if (place.native == nullptr) return unimplemented_here(frame);
    arch::TrapFrame as_native = native_frame(frame);
    return place.native(as_native);
}

const Place& place_of(u64 number) {
    static constexpr Place kNone{};
    const u32 index = static_cast<u32>(number);
    return index < kTableSize ? places[index] : kNone;
}

/// The trace points, and ptrace(2), which may change the call.
[[gnu::noinline]] void traced(arch::TrapFrame& frame) {
    sched::Task& task = sched::current();
    task.set(sched::kCompatCall);
    const ScopeGuard leave([&] {
        process::ptrace_syscall_exit(frame);
        task.clear(sched::kCompatCall);
    });
    if (!process::ptrace_syscall_enter(frame)) return;
    const arch::TrapFrame f = native_frame(frame);
    const i64 id = static_cast<i32>(frame.orig_rax);
    trace::point(SysEnter{id, f.rdi, f.rsi, f.rdx, f.r10, f.r8, f.r9});
    frame.rax = call(place_of(frame.orig_rax), frame);
    trace::point(SysExit{id, static_cast<i64>(frame.rax)});
}

}  // namespace

void init_i386() {
    for (const SameCall& same : kSameCalls) {
        const Entry* const entry = find(same.native);
        ASSERT(places[same.i386].native == nullptr);
        if (entry != nullptr) places[same.i386].native = entry->handler;
    }
    for (const std::span<const Entry>* family : kFamilies) {
        for (const Entry& entry : *family) {
            ASSERT(strcmp(abi::syscall_name_i386(entry.number), entry.name) == 0);
            places[entry.number].own = entry.handler;
        }
    }
}

u64 i386_calls() {
    u64 sum = 0;
    for_each_cpu(possible_cpus, [&](unsigned cpu) { sum += per_cpu(calls_here, cpu); });
    return sum;
}

}  // namespace syscall

void upcall::system_call_i386(arch::TrapFrame& frame) {
    using namespace syscall;
    arch::this_cpu_add(calls_here, 1);
    if (is_traced()) [[unlikely]] {
        traced(frame);
    } else {
        frame.rax = call(place_of(frame.orig_rax), frame);
    }
    if (frame.rax == -static_cast<u64>(ERESTART_RESTARTBLOCK)) {
        sched::current().set(sched::kRestartI386);
    }
}
