// See oops.h. Linux: arch/x86/kernel/dumpstack.c, kernel/panic.c.

#include "core/log/oops.h"

#include "abi/signal.h"
#include "arch/cpu.h"
#include "arch/exception_stack.h"
#include "arch/upcalls.h"
#include "core/lock/spin_lock.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/log/registers.h"
#include "core/percpu/percpu.h"
#include "core/percpu/preempt.h"

constinit std::atomic<u32> panic_on_oops{0};
constinit std::atomic<u32> panic_on_warn{0};
void (*make_task_dead)(int signal) = nullptr;

namespace {

constinit std::atomic<u32> taint_bits{0};
constinit std::atomic<u32> oopses{0}, warnings{0};

constexpr u32 kNobody = ~0u;
constinit std::atomic<u32> reporting_cpu{kNobody};

/// One report at a time; one within another on the same processor means that reporting is broken.
void claim_report(const arch::TrapFrame& frame) {
    for (;;) {
        u32 expected = kNobody;
        if (reporting_cpu.compare_exchange_strong(expected, cpu_id())) return;
        if (expected == cpu_id()) panic_with_frame("an oops within an oops", frame);
        arch::cpu_relax();
    }
}

void report(const arch::TrapFrame& frame, const char* name, VirtAddr at) {
    const u32 number = oopses.fetch_add(1, std::memory_order_relaxed) + 1;
    if (at == VirtAddr(0)) {
        printk(Level::Alert, "BUG: %s in the kernel", name);
    } else {
        printk(Level::Alert, "BUG: %s in the kernel, at %#018x%s", name, at.raw(),
               at.raw() < kPageSize ? " (null pointer)" : "");
    }
    printk(Level::Emerg, "Oops: %04x [#%u]%s", frame.orig_rax & 0xffff, number,
           tainted() != 0 ? " Tainted" : "");
    if (panic_describe_task != nullptr) panic_describe_task();
    print_registers(frame);
    print_code(frame.rip);
    print_backtrace(reinterpret_cast<const u64*>(frame.rbp), frame.rip);
    printk(Level::Emerg, "---[ end trace ]---");
}

/// Why the machine cannot go on without the code that failed; null if it can.
const char* why_fatal(const arch::TrapFrame& frame) {
    if (panic_on_oops.load() != 0) return "Fatal exception: panic_on_oops";
    if (in_interrupt()) return "Fatal exception in interrupt";
    if (preempt_depth() != 0 || arch::this_cpu_read(held_ranks) != 0) {
        return "Fatal exception with a lock held";
    }
    if (make_task_dead == nullptr) return "Fatal exception before there are tasks";
    return nullptr;
}

}  // namespace

void add_taint(Taint why) { taint_bits.fetch_or(static_cast<u32>(why), std::memory_order_relaxed); }
u32 tainted() { return taint_bits.load(std::memory_order_relaxed); }
u32 oops_count() { return oopses.load(std::memory_order_relaxed); }
u32 warn_count() { return warnings.load(std::memory_order_relaxed); }

void warn(const char* what, Here here) {
    warnings.fetch_add(1, std::memory_order_relaxed);
    printk(Level::Warning, "WARNING: %s, in %s (%s:%d)", what, here.function, here.file, here.line);
    if (panic_describe_task != nullptr) panic_describe_task();
    print_backtrace(arch::frame_pointer(), 0);
    printk(Level::Warning, "---[ end trace ]---");
    add_taint(Taint::Warn);
    if (panic_on_warn.load(std::memory_order_relaxed) != 0) panic("panic_on_warn");
}

void upcall::kernel_fault(const arch::TrapFrame& frame, const char* name, VirtAddr at) {
    if (is_panicking()) panic_with_frame(name, frame);
    if (arch::is_on_exception_stack(reinterpret_cast<u64>(&frame))) {
        // It may have interrupted the log itself, with its locks held: a panic passes them by.
        add_taint(Taint::Die);
        const FormatArg args[] = {FormatArg(name)};
        vpanic(&frame, "Fatal exception on an exception stack; BUG: %s in the kernel", args);
    }
    claim_report(frame);
    report(frame, name, at);
    add_taint(Taint::Die);
    reporting_cpu.store(kNobody, std::memory_order_release);
    if (const char* const why = why_fatal(frame)) panic("%s", why);
    make_task_dead(at == VirtAddr(0) ? abi::SIGSEGV : abi::SIGKILL);
    panic("a dead task runs again");
}
