/// For tests only: a device of our own that interrupts. Edges go the way of real messages: what
/// alloc_msi() composed is taken apart and sent through the local APIC.
#pragma once

#include "arch/cpu.h"
#include "arch/vectors.h"
#include "core/irq/entry.h"
#include "core/irq/ipi.h"
#include "core/irq/msi.h"
#include "core/irq/vector.h"
#include "lib/test.h"

namespace irq_test {

using namespace irq;

/// The processor that answers to an APIC id.
inline unsigned cpu_of_apic(u32 id) {
    unsigned found = 0;
    for_each_cpu(possible_cpus, [&](unsigned cpu) {
        if (apic_id_of(cpu) == id) found = cpu;
    });
    return found;
}

/// An edge-triggered line; with `masked` set the device's message is lost, as an I/O APIC loses it.
struct EdgeLine {
    MsiDevice device{"test", write_message, set_masked};
    std::atomic<u64> address{0};
    std::atomic<u32> data{0};
    std::atomic<bool> masked{true};
    unsigned irq = 0;

    static EdgeLine& of(MsiDevice& device) { return reinterpret_cast<EdgeLine&>(device); }
    static void write_message(MsiDevice& device, u32, const MsiMessage& message) {
        of(device).address = message.address;
        of(device).data = message.data;
    }
    static void set_masked(MsiDevice& device, u32, bool on) { of(device).masked = on; }

    EdgeLine() {
        Result<unsigned> number = alloc_msi(device, 0);
        irq = number.ok() ? number.value() : 0;
    }
    ~EdgeLine() {
        if (irq != 0) free_msi(irq);
    }

    unsigned cpu() const { return cpu_of_apic(u32(address.load() >> 12 & 0xff)); }
    void raise() {
        if (!masked) send_vector(cpu(), data.load() & 0xff);
    }
    IrqDesc& desc() const { return *irq_to_desc(irq); }
    u32 marks() const {
        IrqGuard guard(desc().lock);
        return desc().state;
    }
};

/// Waits (interrupts on) until `counter` is at least `wanted`; false if it never gets there.
inline bool reaches(const std::atomic<u32>& counter, u32 wanted) {
    for (u64 tries = 0; tries < 200'000'000; tries++) {
        if (counter.load() >= wanted) return true;
        arch::cpu_relax();
    }
    return false;
}

/// Gives what should not come the time to come.
inline void settle() {
    for (unsigned i = 0; i < 20'000; i++) arch::cpu_relax();
}

}  // namespace irq_test
