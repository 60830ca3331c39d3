// ktest=pattern: the kernel's own unit tests, in the running kernel. Prints TAP lines; the exit
// code of QEMU's debug-exit device tells the result, else the last line does.

#include "arch/power.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/time/clock.h"
#include "init/late.h"
#include "lib/string.h"
#include "lib/test.h"
#include "sched/kthread.h"

extern "C" const KernelTest* const __ktests_start[];  // kernel.ld
extern "C" const KernelTest* const __ktests_end[];

namespace init {

namespace {

constexpr u8 kExitPassed = 0x10;
constexpr u8 kExitFailed = 0x11;

/// `*` at the end of the pattern stands for anything.
bool matches(std::string_view pattern, std::string_view name) {
    if (pattern.empty() || pattern.back() != '*') return pattern == name;
    pattern.remove_suffix(1);
    return name.substr(0, pattern.size()) == pattern;
}

void report(TestContext& test, const char* what, Here where) {
    printk(Level::Err, "# %s: %s (%s:%d)", test.name, what, where.file, where.line);
}

void run_matching(void* context) {
    const char* const pattern = static_cast<const char*>(context);
    u32 passed = 0, failed = 0;
    for (const KernelTest* const* at = __ktests_start; at < __ktests_end; at++) {
        const KernelTest& entry = **at;
        if (!matches({pattern, strlen(pattern)}, {entry.name, strlen(entry.name)})) continue;
        TestContext test{.name = entry.name, .report = report};
        const u64 begin = time::now_ns();
        entry.run(test);
        const u64 us = (time::now_ns() - begin) / 1000;
        const bool ok = test.failures == 0;
        (ok ? passed : failed)++;
        printk("%s %u - %s (%u us)", ok ? "ok" : "not ok", passed + failed, entry.name, us);
    }
    if (passed + failed == 0) printk(Level::Err, "ktest=%s matches no test", pattern);
    printk("ktest: %u passed, %u failed", passed, failed);
    const bool ok = failed == 0 && passed > 0;
    arch::debug_exit(ok ? kExitPassed : kExitFailed);
    arch::power_off();
    arch::halt_forever();
}

}  // namespace

void start_kernel_tests(const char* pattern) {
    const Result<sched::Task*> thread =
        sched::kthread_run(run_matching, const_cast<char*>(pattern), "ktest");
    if (!thread.ok()) panic("no thread for the tests: %s", thread.error());
}

}  // namespace init
