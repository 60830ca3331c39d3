// A way to hurt the kernel on purpose, for the tests of what it does then. Linux has lkdtm
// (drivers/misc/lkdtm), whose names for the wounds are used here.
//
//   crash   in: one of the names below; out: "survived" if the kernel came back
//
// Unlike the other probes this one is only for a running kernel, not for the caller from outside.

#include "arch/cpu.h"
#include "core/irq/ipi.h"
#include "core/lock/spin_lock.h"
#include "core/log/oops.h"
#include "core/log/panic.h"
#include "fs/debugfs/probe.h"
#include "init/probes/bytes.h"

namespace probes {
namespace {

/// Not inlined: the compiler knows that none of this can be right.
[[gnu::noinline]] void write_to(u64 address) { *reinterpret_cast<volatile u64*>(address) = 0x6e6f; }

/// Each call takes another 512 bytes.
[[gnu::noinline]] u64 exhaust_stack(u64 depth, u64 limit) {
    volatile u64 ballast[64];
    ballast[depth % 64] = depth;
    return depth == limit ? 0 : exhaust_stack(depth + 1, limit) + ballast[depth % 64];
}
[[gnu::noinline]] void call(u64 address) { reinterpret_cast<void (*)()>(address)(); }

void use_null() { write_to(0x10); }
void use_noncanonical() { write_to(0x8000'0000'0000'0000); }
void write_idt() { write_to(arch::sidt().base); }
void write_text() { write_to(reinterpret_cast<u64>(&exhaust_stack)); }
void exec_null() { call(0); }
void overflow_stack() { exhaust_stack(0, ~u64{0}); }
void warn_once() {
    for (int i = 0; i < 3; i++) WARN_ON_ONCE(i >= 0);
}
void assert_false() { ASSERT(arch::read_cr3() == 0); }
void die() { panic("asked for"); }

void in_irq() {
    IrqOffGuard irqs_off;
    irq::on_each_cpu([](void*) { use_null(); }, nullptr);
}
void with_lock() {
    static constinit SpinLock lock{"crash", LockRank::Vmalloc};
    IrqGuard guard(lock);
    use_null();
}

constexpr struct {
    std::string_view name;
    void (*run)();
} kWounds[] = {
    {"EXCEPTION", use_null},
    {"NONCANONICAL", use_noncanonical},
    {"WRITE_IDT", write_idt},
    {"WRITE_KERN", write_text},
    {"EXEC_NULL", exec_null},
    {"EXHAUST_STACK", overflow_stack},
    {"WARNING", warn_once},
    {"BUG", assert_false},
    {"PANIC", die},
    {"EXCEPTION_IN_IRQ", in_irq},
    {"EXCEPTION_LOCKED", with_lock},
};

Result<usize> run_crash(std::span<const std::byte> in, std::span<std::byte> out) {
    const std::string_view wanted(reinterpret_cast<const char*>(in.data()), in.size());
    for (const auto& wound : kWounds) {
        if (wound.name != wanted) continue;
        wound.run();
        ByteWriter answer(out);
        answer.put_text("survived");
        return answer.result();
    }
    return EINVAL;
}

PROBE(crash) = {.name = "crash", .run = run_crash};

}  // namespace
}  // namespace probes
