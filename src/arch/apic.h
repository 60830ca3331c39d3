/// The local APIC (one in each processor) and the I/O APICs (for devices). See: Intel SDM vol. 3,
/// chapter 10; 82093AA data sheet.
#pragma once

#include "arch/vectors.h"
#include "lib/result.h"
#include "lib/types.h"

namespace arch {

/// Masks the two 8259 controllers for good, with their vectors moved out of the way of the
/// exceptions, so that a spurious one is recognised.
void pic_disable();

/// Hands over the mapped registers; the boot processor's APIC is then enabled.
void apic_init(volatile void* registers);
/// Enables the local APIC of a further processor.
void apic_init_cpu();
u32 apic_id();
void apic_eoi();

/// Whether `vector` waits in this processor's APIC to be taken; and whether the last one of it was
/// a level.
bool apic_is_requested(unsigned vector);
bool apic_is_level(unsigned vector);

/// Sends an interrupt to one processor, by APIC id.
void apic_send_ipi(u32 apic_id, unsigned vector);
/// To this processor itself. Any context, NMI included: it disturbs no sending that is under way.
void apic_send_self(unsigned vector);
/// INIT and STARTUP, as the MP initialisation protocol wants them; `page` is below 1 MiB.
void apic_send_init(u32 apic_id);
void apic_send_startup(u32 apic_id, u8 page);
/// Nothing before apic_init(). Only for a processor that runs: one that was never started does not
/// wait for STARTUP in peace everywhere, and would take the NMI in real mode.
void apic_send_nmi(u32 apic_id);

/// The local timer raises kTimerVector: when a counter that starts at apic_timer_set() arrives at
/// 0, once or again and again, or when the time stamp counter passes a deadline.
enum class ApicTimerMode : u8 { Masked, OneShot, Periodic, Deadline };
void apic_timer_setup(ApicTimerMode mode);
void apic_timer_set(u32 count);  // 0 stops it
u32 apic_timer_read();

/// Whether the processor has the deadline mode; and whether its timer runs on in deep idle states.
bool apic_timer_has_deadline();
bool apic_timer_always_running();
/// In deadline mode only: a deadline that has passed interrupts at once; 0 disarms.
void apic_timer_set_deadline(u64 tsc);

/// An I/O APIC with its mapped registers; its inputs are first_gsi … first_gsi + inputs - 1.
void ioapic_add(volatile void* registers, u32 first_gsi);
/// Routes a global interrupt to a processor. Masked until ioapic_unmask(). ENXIO: no such input.
Result<void> ioapic_route(u32 gsi, unsigned vector, u32 apic_id, bool active_low, bool level);
bool ioapic_has(u32 gsi);
u32 ioapic_gsi_limit();  // one more than the last input's
/// A level was sent and has not been acknowledged (Remote IRR).
bool ioapic_is_unacknowledged(u32 gsi);
void ioapic_mask(u32 gsi);
void ioapic_unmask(u32 gsi);

}  // namespace arch
