#include "syscall/unimplemented.h"

#include <atomic>

#include "abi/errno.h"
#include "abi/syscall_numbers_i386.h"
#include "core/log/printk.h"
#include "sched/task.h"

namespace syscall {

namespace {

constexpr u32 kNumbers = 512;
constinit std::atomic<u32> calls[2][kNumbers] = {};  // by Abi
constinit std::atomic<u64> total{0};

void tell_once(u32 number, Abi abi) {
    const char* const name = name_of_call(number, abi);
    const sched::Task& task = sched::current();
    printk(Level::Debug, "%s[%d]: system call %u (%s)%s is not implemented", &task.comm[0],
           task.pid, number, name ? name : "?", abi == Abi::I386 ? " of i386" : "");
}

}  // namespace

const char* name_of_call(u64 number, Abi abi) {
    return abi == Abi::I386 ? abi::syscall_name_i386(number) : abi::syscall_name(number);
}

u64 unimplemented(arch::TrapFrame& frame) { return count_unimplemented(frame, Abi::X86_64); }

u64 count_unimplemented(arch::TrapFrame& frame, Abi abi) {
    const u32 number = static_cast<u32>(frame.orig_rax);
    total.fetch_add(1, std::memory_order_relaxed);
    if (number < kNumbers && calls[u8(abi)][number].fetch_add(1, std::memory_order_relaxed) == 0) {
        tell_once(number, abi);
    }
    return -static_cast<u64>(ENOSYS);
}

u64 unimplemented_calls() { return total.load(std::memory_order_relaxed); }

u64 unimplemented_calls_of(u64 number, Abi abi) {
    return number < kNumbers ? calls[u8(abi)][number].load(std::memory_order_relaxed) : 0;
}

}  // namespace syscall
