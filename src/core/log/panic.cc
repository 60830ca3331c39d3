// The panic report. See panic.h. Everything here may run in the worst of states: no locks are
// taken, and a second panic on the way stops at once.

#include "core/log/panic.h"

#include <atomic>

#include "arch/cpu.h"
#include "arch/power.h"
#include "arch/upcalls.h"
#include "core/lock/rank_name.h"
#include "core/lock/spin_lock.h"
#include "core/log/printk.h"
#include "core/log/registers.h"
#include "core/trace/trace.h"
#include "lib/lab.h"
#include "lib/string.h"

void (*panic_describe_machine)() = nullptr;
void (*panic_describe_task)() = nullptr;

namespace {

constexpr u32 kNobody = ~0u;
constinit std::atomic<u32> panicking_cpu{kNobody};

constexpr u8 kExitPanic = 0x31;  // QEMU's exit code becomes 2 * 0x31 + 1 = 99
constexpr u8 kExitLabTodo = 0x32;

/// One record of some processor's ring, for merging them by time.
struct Cursor {
    unsigned back = 0;  // how many of the newest have been looked at
};

/// Prints the last records of all processors, newest first.
void print_last_records(unsigned count) {
    static constinit std::byte bytes[trace::kMaxRecord], best_bytes[trace::kMaxRecord];
    static constinit char line[200];
    static constinit Cursor cursors[kMaxCpus];
    bool any = false;
    for (unsigned n = 0; n < count; n++) {
        trace::RecordHeader best{};
        unsigned best_cpu = kMaxCpus;
        for_each_cpu(possible_cpus, [&](unsigned cpu) {
            trace::RecordHeader header;
            if (!trace::peek_record(cpu, cursors[cpu].back, header, bytes)) return;
            if (best_cpu != kMaxCpus && header.time_ns <= best.time_ns) return;
            best = header;
            best_cpu = cpu;
            memcpy(best_bytes, bytes, sizeof bytes);
        });
        if (best_cpu == kMaxCpus) break;
        if (!any) printk("Last trace records, newest first:");
        any = true;
        cursors[best_cpu].back++;
        const usize length = trace::format_record(best_cpu, best, best_bytes, line);
        printk(" %s", std::string_view(line, length));
    }
}

/// True for the first processor to get here; the others stop. A panic within the panic ends it.
void claim_panic(const char* what) {
    arch::irq_disable();
    const u32 me = cpu_id();
    u32 expected = kNobody;
    if (panicking_cpu.compare_exchange_strong(expected, me)) return;
    if (expected == me) {
        console_write_unlocked("\npanic within a panic: ");
        console_write_unlocked(what);
        console_write_unlocked("\n");
        arch::debug_exit(kExitPanic);
    }
    arch::halt_forever();
}

[[noreturn]] void report_and_stop(const arch::TrapFrame* frame, const u64* frame_pointer) {
    trace::tracing_on.store(false, std::memory_order_relaxed);
    if (panic_describe_machine != nullptr) panic_describe_machine();
    if (panic_describe_task != nullptr) panic_describe_task();
    if (frame != nullptr) {
        print_registers(*frame);
        print_backtrace(reinterpret_cast<const u64*>(frame->rbp), frame->rip);
    } else {
        print_backtrace(frame_pointer, 0);
    }
    print_last_records(32);
    printk("---[ end Kernel panic ]---");
    arch::debug_exit(kExitPanic);
    arch::halt_forever();
}

}  // namespace

bool is_anyone_panicking() { return panicking_cpu.load(std::memory_order_relaxed) != kNobody; }

bool is_panicking() { return panicking_cpu.load(std::memory_order_relaxed) == cpu_id(); }

void vpanic(const arch::TrapFrame* frame, const char* format, std::span<const FormatArg> args) {
    claim_panic(format);
    upcall::stop_other_cpus();
    static constinit char text[256];
    vformat(text, format, args);
    printk("Kernel panic - not syncing: %s", static_cast<const char*>(text));
    report_and_stop(frame, arch::frame_pointer());
}

void panic_with_frame(const char* message, const arch::TrapFrame& frame) {
    const FormatArg args[] = {FormatArg(message)};
    vpanic(&frame, "%s", args);
}

void assert_failed(const char* what, Here here) {
    panic("assertion failed: %s, in %s (%s:%d)", what, here.function, here.file, here.line);
}

namespace {

/// The lowest rank this processor holds: where the next lock would have to stand below.
const char* lowest_held_rank() {
    const u64 held = arch::this_cpu_read(held_ranks);
    return held == 0 ? "none" : rank_name(static_cast<LockRank>(std::bit_width(held) - 1));
}

}  // namespace

void lock_misused(const char* what, const char* name, LockRank rank) {
    if constexpr (kDebugBuild) lockval::tell_catcher(lockval::Misuse::Rank, what, name);
    panic("lock '%s' (rank %s) %s; ranks held down to %s", name, rank_name(rank), what,
          lowest_held_rank());
}

void lock_misused(const char* what, const SpinLock& lock, const SpinLock* held) {
    if constexpr (kDebugBuild) lockval::tell_catcher(lockval::Misuse::Rank, what, lock.name());
    panic("lock '%s' (rank %s) %s%s%s; ranks held down to %s, holder: processor %d", lock.name(),
          rank_name(lock.rank()), what, held != nullptr ? ", holding " : "",
          held != nullptr ? held->name() : "", lowest_held_rank(), lock.holder());
}

/// Not through printk() and the console: formatting and the UART may be the very hole.
void lab_todo(const char* lab, const char* function) {
    arch::irq_disable();
    for (const char* part : {"\r\nLAB ", lab, ": ", function,
                             "() is not written yet; see the handout of this lab.\r\n"}) {
        arch::emergency_write(part);
    }
    arch::debug_exit(kExitLabTodo);
    arch::halt_forever();
}
