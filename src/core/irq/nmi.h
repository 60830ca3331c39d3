/// Non-maskable interrupts: counted in /proc/interrupts and told to the log.
#pragma once

namespace irq {

/// Boot, after the local APIC.
void init_nmi();

}  // namespace irq
