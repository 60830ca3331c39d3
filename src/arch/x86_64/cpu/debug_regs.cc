// The debug registers of programs. See arch/debug_regs.h.

#include "arch/debug_regs.h"

#include "abi/errno.h"
#include "arch/cpu.h"
#include "arch/layout.h"
#include "arch/task.h"

namespace arch {

namespace {

constexpr u64 kAlwaysOne = 1 << 10;
// L0 to G3, LE and GE, and the kinds and lengths of the four.
constexpr u64 kProgramBits = 0xffff'03ff;
enum : u32 { kExecute = 0, kWrite = 1, kInputOutput = 2, kReadWrite = 3 };

bool is_enabled(u64 control, unsigned index) { return (control >> 2 * index & 3) != 0; }
u32 kind_of(u64 control, unsigned index) { return control >> (16 + 4 * index) & 3; }
/// In bytes; the encoding has 8 between 2 and 4.
u64 length_of(u64 control, unsigned index) {
    constexpr u64 kBytes[] = {1, 2, 8, 4};
    return kBytes[control >> (18 + 4 * index) & 3];
}

Result<void> check_breakpoint(u64 address, u64 control, unsigned index) {
    if (!is_enabled(control, index)) return {};
    const u32 kind = kind_of(control, index);
    const u64 length = length_of(control, index);
    if (kind == kInputOutput || (kind == kExecute && length != 1)) return EINVAL;
    if (address % length != 0 || !is_user_range(VirtAddr(address), length)) return EINVAL;
    return {};
}

}  // namespace

Result<u64> get_debug_register(const DebugRegisters& registers, unsigned index) {
    switch (index) {
    case 6: return u64{registers.status};
    case 7: return u64{registers.control};
    default: break;
    }
    if (index >= 4) return EIO;
    return u64{registers.address[index]};
}

Result<void> set_debug_register(DebugRegisters& registers, unsigned index, u64 value) {
    if (index < 4) {
        if (!is_user_address(VirtAddr(value))) return EINVAL;
        TRY(check_breakpoint(value, registers.control, index));
        registers.address[index] = value;
    } else if (index == 6) {
        registers.status = value;
    } else if (index == 7) {
        const u64 control = value & kProgramBits;
        for (unsigned i = 0; i < 4; i++) TRY(check_breakpoint(registers.address[i], control, i));
        registers.control = control;
    } else {
        return EIO;
    }
    return {};
}

bool hit_instruction(const DebugRegisters& registers, u64 status) {
    for (unsigned i = 0; i < 4; i++) {
        const bool hit = (status >> i & 1) && is_enabled(registers.control, i);
        if (hit && kind_of(registers.control, i) == kExecute) return true;
    }
    return false;
}

void load_debug_registers(const DebugRegisters& registers) {
    write_dr7(kAlwaysOne);  // nothing strikes while the addresses change
    if (!registers.armed()) return;
    write_dr0(registers.address[0]);
    write_dr1(registers.address[1]);
    write_dr2(registers.address[2]);
    write_dr3(registers.address[3]);
    write_dr7(registers.control | kAlwaysOne);
}

void debug_reset(TaskState& state) {
    const bool irqs = irq_save();
    if (state.debug.armed()) write_dr7(kAlwaysOne);
    state.debug = {};
    irq_restore(irqs);
}

}  // namespace arch
