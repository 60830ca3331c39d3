/// Segments that programs make themselves: three slots of the GDT for each task (thread-local
/// storage of 32-bit code), and a table for each address space, the LDT.
///
/// Only descriptors that make_user_segment() encoded ever get into the tables of the processor:
/// code and data of ring 3, never a gate, a system segment or 64-bit code. So the worst that a
/// program can do with them is to fault.
///
/// Linux: arch/x86/include/asm/desc.h. See: Intel SDM vol. 3, 3.4.5 and 3.5.1.
#pragma once

#include "abi/ldt.h"
#include "arch/task.h"

namespace arch {

/// The slots of the GDT that are the task's, as programs know them (Linux' GDT_ENTRY_TLS_MIN).
inline constexpr u32 kFirstTlsSlot = 12;

/// The eight bytes that the processor wants. `entry_number` and UD_LM do not count.
u64 make_user_segment(const abi::UserDesc& from);
/// And back; `entry_number` is 0.
abi::UserDesc describe_user_segment(u64 descriptor);

/// True if `from` is the way to say "nothing": read-only, not present, all else 0.
bool is_empty_segment(const abi::UserDesc& from);

/// Puts `descriptor` (0: nothing) into slot `index` of `state`, 0 to kTlsSlots - 1. If the task is
/// the running one, what its data segment registers hold of this slot is loaded again; if it has
/// never run, a base it has from this slot becomes `base`. Process context.
void set_tls(TaskState& state, bool is_running, u32 index, u64 descriptor, u32 base);

/// Makes `count` descriptors at `entries` this processor's LDT; none: `count` is 0. They are not
/// changed as long as they are loaded. Interrupts are off.
void load_ldt(const u64* entries, u32 count);
/// Loads DS and ES again if they come from the LDT, which is another one now: what is not there any
/// more becomes 0. Interrupts are off.
void refresh_ldt_segments();

/// The stack segment that a handler gets: `wanted`, if that is one that it can have (writable data
/// of ring 3), else that of every program.
u16 valid_stack_segment(u16 wanted);

}  // namespace arch
