/// Interrupts between processors. Linux: kernel/smp.c.
#pragma once

#include "core/percpu/percpu.h"
#include "lib/types.h"

namespace irq {

/// Runs `function(argument)` on every processor in `cpus` but this one, in interrupt context
/// there, and waits until all have done so. Interrupts must be on, or nobody may wait for this
/// processor meanwhile: it answers such calls while it waits, so two may call each other.
void call_on_cpus(u64 cpus, void (*function)(void*), void* argument);

/// Makes `cpu` look whether it should reschedule.
void send_reschedule(unsigned cpu);

/// Tells which APIC id a processor answers to. Boot.
void set_apic_id(unsigned cpu, u32 apic_id);
void init_ipis();

}  // namespace irq
