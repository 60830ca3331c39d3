#include "syscall/unimplemented.h"

#include <atomic>

#include "abi/errno.h"
#include "abi/syscall_numbers.h"
#include "core/log/printk.h"
#include "sched/task.h"

namespace syscall {

namespace {

constexpr u32 kNumbers = 512;
constinit std::atomic<u32> calls[kNumbers] = {};
constinit std::atomic<u64> total{0};

void tell_once(u32 number) {
    const char* const name = abi::syscall_name(number);
    const sched::Task& task = sched::current();
    printk(Level::Debug, "%s[%d]: system call %u (%s) is not implemented", &task.comm[0], task.pid,
           number, name ? name : "?");
}

}  // namespace

u64 unimplemented(arch::TrapFrame& frame) {
    const u32 number = static_cast<u32>(frame.orig_rax);
    total.fetch_add(1, std::memory_order_relaxed);
    if (number < kNumbers && calls[number].fetch_add(1, std::memory_order_relaxed) == 0) {
        tell_once(number);
    }
    return -static_cast<u64>(ENOSYS);
}

u64 unimplemented_calls() { return total.load(std::memory_order_relaxed); }

u64 unimplemented_calls_of(u64 number) {
    return number < kNumbers ? calls[number].load(std::memory_order_relaxed) : 0;
}

}  // namespace syscall
