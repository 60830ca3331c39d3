#include "core/log/registers.h"

#include "arch/cpu.h"
#include "arch/user_access.h"
#include "core/log/printk.h"

void print_registers(const arch::TrapFrame& f) {
    printk("RIP: %04x:%016x  RFLAGS: %08x  ERR: %x", f.cs, f.rip, f.rflags, f.orig_rax);
    printk("RSP: %04x:%016x", f.ss, f.rsp);
    printk("RAX: %016x RBX: %016x RCX: %016x", f.rax, f.rbx, f.rcx);
    printk("RDX: %016x RSI: %016x RDI: %016x", f.rdx, f.rsi, f.rdi);
    printk("RBP: %016x R08: %016x R09: %016x", f.rbp, f.r8, f.r9);
    printk("R10: %016x R11: %016x R12: %016x", f.r10, f.r11, f.r12);
    printk("R13: %016x R14: %016x R15: %016x", f.r13, f.r14, f.r15);
    printk("CR2: %016x CR3: %016x CR4: %016x", arch::read_cr2(), arch::read_cr3(),
           arch::read_cr4());
}

void print_code(u64 rip) {
    constexpr u64 kBefore = 24, kBytes = 40;
    char line[4 * kBytes + 16];
    usize length = format_to(line, "Code:");
    for (u64 at = rip - kBefore; at != rip - kBefore + kBytes; at++) {
        u8 byte;
        // This copy may fail anywhere: with interrupts off a fault goes straight to its fixup.
        const bool readable = arch::copy_user(&byte, reinterpret_cast<const void*>(at), 1) == 0;
        const std::span<char> room(line + length, sizeof line - length);
        const char* const format = at == rip ? " <%02x>" : " %02x";
        length += readable ? format_to(room, format, byte) : format_to(room, " ??");
    }
    printk("%s", static_cast<const char*>(line));
}
