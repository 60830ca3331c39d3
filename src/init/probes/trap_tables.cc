// Probes of lab 02-traps: gates, exceptions, fixups, system-call numbers. No part of the machine is
// touched, so the grader may call them before there are any traps.
//
//   trap_gate        in: u64 entry, u8 IST, u8 ring; out: the 16 bytes of the gate
//   trap_idt         in: u8 fill, u64 stubs
//                    out: 64 bytes before the table, the table, 64 bytes behind it; all held `fill`
//   trap_exception   in: u32 vector (neither 16 nor 19), u64 rip, u64 orig_rax
//                    out: u32 signal, u32 code, u64 address, u64 vector, u64 error
//   trap_extable     in: u32 n, n entries (u64 at, u64 resume), addresses (u64)
//                    out: the entries sorted, then for each address the u64 index found, or ~0
//   trap_fixup       in: u64 rip, u64 of all other registers
//                    out: u32 result, u64 rip, u32 registers that changed beside it
//   trap_dispatch    in: 512 bytes: which of the probe's handlers has each number; then calls (7
//                    u64: orig_rax, rdi, rsi, rdx, r10, r8, r9)
//                    out: for each call u64 rax, u32 other registers that changed

#include "arch/x86_64/trap/exception.h"
#include "arch/x86_64/trap/extable.h"
#include "arch/x86_64/trap/idt.h"
#include "fs/debugfs/probe.h"
#include "init/probes/bytes.h"
#include "syscall/dispatch.h"

namespace probes {
namespace {

using arch::TrapFrame;

Result<usize> run_gate(std::span<const std::byte> in, std::span<std::byte> out) {
    ByteReader input(in);
    const auto entry = input.take<u64>();
    const auto ist = input.take<u8>(), ring = input.take<u8>();
    if (!input.ok() || ist > 7 || ring > 3) return EINVAL;
    ByteWriter answer(out);
    answer.put(arch::make_gate(entry, static_cast<arch::Ist>(ist), ring));
    return answer.result();
}

struct FencedIdt {
    u8 before[64];
    arch::Gate table[arch::kVectors];
    u8 after[64];
};

Result<usize> run_idt(std::span<const std::byte> in, std::span<std::byte> out) {
    auto* fenced = scratch<FencedIdt>(out);
    ByteReader input(in);
    const auto fill = input.take<u8>();
    const auto stubs = input.take<u64>();
    if (!input.ok() || fenced == nullptr) return EINVAL;
    memset(static_cast<void*>(fenced), fill, sizeof *fenced);
    arch::build_idt(fenced->table, stubs);
    ByteWriter answer(out);
    answer.put_bytes(fenced, sizeof *fenced);
    return answer.result();
}

Result<usize> run_exception(std::span<const std::byte> in, std::span<std::byte> out) {
    ByteReader input(in);
    const auto vector = input.take<u32>();
    TrapFrame frame = arch::user_start_frame(VirtAddr(input.take<u64>()), VirtAddr(0));
    frame.orig_rax = input.take<u64>();
    if (!input.ok() || vector > 255 || vector == 16 || vector == 19) return EINVAL;
    const arch::UserFault fault = arch::describe_exception(frame, vector);
    ByteWriter answer(out);
    answer.put(static_cast<u32>(fault.signal));
    answer.put(static_cast<u32>(fault.code));
    answer.put(fault.address.raw());
    answer.put(fault.vector);
    answer.put(fault.error);
    return answer.result();
}

constexpr u32 kMaxEntries = 1024;
struct ExtableRun {
    arch::ExtableEntry table[kMaxEntries];
};

Result<usize> run_extable(std::span<const std::byte> in, std::span<std::byte> out) {
    auto* run = scratch<ExtableRun>(out);
    ByteReader input(in);
    const auto count = input.take<u32>();
    if (run == nullptr || count > kMaxEntries) return EINVAL;
    for (u32 i = 0; i < count; i++) run->table[i] = {input.take<u64>(), input.take<u64>()};
    if (!input.ok()) return EINVAL;
    const std::span<arch::ExtableEntry> table(run->table, count);
    arch::sort_extable(table);
    ByteWriter answer(out);
    answer.put_bytes(run->table, count * sizeof run->table[0]);
    while (input.left() >= sizeof(u64)) {
        const arch::ExtableEntry* found = arch::search_extable(table, input.take<u64>());
        answer.put(found == nullptr ? ~u64{0} : u64(found - run->table));
    }
    return answer.result();
}

/// Registers that differ between two frames, rip and rax aside.
u32 count_changes(const TrapFrame& before, TrapFrame after) {
    after.rip = before.rip;
    after.rax = before.rax;
    u64 a[sizeof before / 8], b[sizeof before / 8];
    memcpy(a, &before, sizeof a);
    memcpy(b, &after, sizeof b);
    u32 changed = 0;
    for (usize i = 0; i < sizeof a / sizeof a[0]; i++) changed += a[i] != b[i];
    return changed;
}

Result<usize> run_fixup(std::span<const std::byte> in, std::span<std::byte> out) {
    ByteReader input(in);
    const auto rip = input.take<u64>(), others = input.take<u64>();
    if (!input.ok()) return EINVAL;
    TrapFrame frame = arch::user_start_frame(VirtAddr(rip), VirtAddr(others));
    frame.rbx = frame.rcx = frame.rdi = frame.r15 = frame.orig_rax = others;
    frame.cs = arch::kKernelCs;
    const TrapFrame before = frame;
    ByteWriter answer(out);
    answer.put(u32{arch::fixup_exception(frame)});
    answer.put(frame.rip);
    answer.put(count_changes(before, frame));
    return answer.result();
}

/// Handlers that each compute something else from their arguments; tests know what.
template <u64 Number>
u64 handler(TrapFrame& frame) {
    const u64 mixed = Number + 3 * frame.rdi + 5 * frame.rsi + 7 * frame.rdx + 11 * frame.r10 +
                      13 * frame.r8 + 17 * frame.r9;
    return Number % 2 == 0 ? mixed : -(mixed % 4096);
}
constexpr syscall::Handler kHandlers[] = {handler<0>, handler<1>, handler<2>, handler<3>,
                                          handler<4>, handler<5>, handler<6>, handler<7>};

TrapFrame take_call(ByteReader& input) {
    TrapFrame frame = arch::user_start_frame(VirtAddr(0x40'0000), VirtAddr(0x7fff'0000));
    frame.orig_rax = input.take<u64>();
    for (u64* reg : {&frame.rdi, &frame.rsi, &frame.rdx, &frame.r10, &frame.r8, &frame.r9}) {
        *reg = input.take<u64>();
    }
    frame.rax = ~frame.orig_rax;
    return frame;
}

Result<usize> run_dispatch(std::span<const std::byte> in, std::span<std::byte> out) {
    auto* table = scratch<syscall::Table>(out);
    ByteReader input(in);
    if (table == nullptr) return EINVAL;
    for (syscall::Handler& place : table->handlers) place = kHandlers[input.take<u8>() % 8];
    if (!input.ok()) return EINVAL;
    ByteWriter answer(out);
    while (input.left() > 0) {
        TrapFrame frame = take_call(input);
        if (!input.ok()) return EINVAL;
        const TrapFrame before = frame;
        syscall::dispatch(*table, frame);
        answer.put(frame.rax);
        answer.put(count_changes(before, frame) + (frame.rip != before.rip));
    }
    return answer.result();
}

PROBE(gate) = {.name = "trap_gate", .run = run_gate};
PROBE(idt) = {.name = "trap_idt", .run = run_idt};
PROBE(exception) = {.name = "trap_exception", .run = run_exception};
PROBE(extable) = {.name = "trap_extable", .run = run_extable};
PROBE(fixup) = {.name = "trap_fixup", .run = run_fixup};
PROBE(dispatch) = {.name = "trap_dispatch", .run = run_dispatch};

}  // namespace
}  // namespace probes
