// LAB FILE (02-traps): from the system-call entry to the handler.
//
// Every call of every program passes here, so the common case is short: a comparison, a load, a
// test that nobody traces, and an indirect call.

#include "syscall/dispatch.h"

#include "arch/upcalls.h"
#include "lib/lab.h"
#include "syscall/syscall_trace.h"

namespace syscall {

/// LAB traps, task 4 "System calls" (handouts/02-traps.md). Write the body.
///   Before  `number` is what a program left in the register: anything. Every place of the table
///           has a handler.
///   After   the handler of the call. The ABI's number is 32 bits wide, what stands above does not
///           count. Whatever is not in the table is unimplemented().
///   Use     table.handlers, kTableSize, unimplemented.
///   Check   `make grade LAB=traps T=dispatch`
///   Think   what would a *signed* comparison do with the number -1?
Handler handler_of(const Table& table, u64 number) {
#ifdef SOLVED_TRAPS
    const u32 index = static_cast<u32>(number);
    return index < kTableSize ? table.handlers[index] : unimplemented;
#else
    lab_todo("traps", "handler_of");
#endif
}

/// LAB traps, task 4 "System calls" (handouts/02-traps.md). Write the body.
///   Before  the number is in frame.orig_rax, the arguments where the program put them. Interrupts
///           are on.
///   After   the handler has run once, with this frame; its result is in frame.rax. While somebody
///           traces system calls, that happened in traced_call(), which also stores the result.
///   Use     handler_of(), is_traced(), traced_call().
///   Check   `make grade LAB=traps T=dispatch`
///   Think   why does orig_rax exist, beside rax?
void dispatch(const Table& table, arch::TrapFrame& frame) {
#ifdef SOLVED_TRAPS
    const Handler handler = handler_of(table, frame.orig_rax);
    if (is_traced()) [[unlikely]] {
        traced_call(frame, handler);
    } else {
        frame.rax = handler(frame);
    }
#else
    lab_todo("traps", "dispatch");
#endif
}

}  // namespace syscall

[[gnu::flatten]] void upcall::system_call(arch::TrapFrame& frame) {
    syscall::dispatch(syscall::native, frame);
}
