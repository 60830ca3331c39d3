// Reports of the lock validator: what was done, where, and the other half of it before. See
// report.h.

#include "core/validator/report.h"

#include "arch/cpu.h"
#include "arch/layout.h"
#include "core/lock/spin_lock.h"
#include "core/log/callers.h"
#include "core/log/panic.h"
#include "core/log/printk.h"

namespace lockval {

namespace {

constinit std::atomic<bool> on{true};

void print_trace(const char* title, const Trace& trace) {
    printk(Level::Emerg, "%s", title);
    for (const u64 address : trace) {
        if (address == 0) return;
        const Symbol symbol = find_symbol(address);
        if (symbol.name.empty()) {
            printk(Level::Emerg, " [<%016x>] ?", address);
        } else {
            printk(Level::Emerg, " [<%016x>] %s+%#x", address, symbol.name, symbol.offset);
        }
    }
}

/// The thread is on its way out, whatever it held or had disabled.
[[noreturn]] void end_thread(Catcher& catcher) {
    arch::irq_disable();
    task_locks()->catcher = nullptr;
    task_locks()->count = 0;
    arch::this_cpu_write(held_ranks, u64{0});
    arch::this_cpu_write(preempt_count, arch::this_cpu_read(preempt_count) & kNoReschedNeeded);
    arch::irq_enable();
    catcher.end_thread(catcher);
    panic("a thread that should have ended goes on");
}

}  // namespace

bool is_on() { return on.load(std::memory_order_relaxed); }

void catch_reports(Catcher* catcher) { task_locks()->catcher = catcher; }

void capture(Trace& trace) { capture_callers(trace, 2048); }

void print(const Report& report) {
    printk(Level::Emerg, "lock validator: %s: '%s'%s%s%s", report.what, report.lock,
           report.other != nullptr ? ", '" : "", report.other != nullptr ? report.other : "",
           report.other != nullptr ? "'" : "");
    print_trace("Now:", report.now);
    if (report.before[0] != 0) print_trace("Before:", report.before);
}

void deliver(const Report& report) {
    TaskLocksChecked* const locks = task_locks();
    if (locks != nullptr && locks->catcher != nullptr) {
        Catcher& catcher = *locks->catcher;
        catcher.report = report;
        end_thread(catcher);
    }
    if (!on.exchange(false)) return;
    print(report);
    panic("lock validator: %s: '%s'", report.what, report.lock);
}

void tell_catcher(Misuse misuse, const char* what, const char* lock) {
    const TaskLocksChecked* const locks = task_locks();
    if (locks == nullptr || locks->catcher == nullptr) return;
    Report report{.misuse = misuse, .what = what, .lock = lock};
    capture(report.now);
    deliver(report);
}

}  // namespace lockval
