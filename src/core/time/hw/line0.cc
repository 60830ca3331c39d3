#include "core/time/hw/line0.h"

#include <atomic>

#include "core/irq/irq.h"
#include "core/log/printk.h"

namespace time {

namespace {

constinit std::atomic<ClockEventDevice*> connected{nullptr};

irq::IrqReturn timer_interrupt(unsigned, void*) {
    clockevents_event(*connected.load(std::memory_order_relaxed));
    return irq::IrqReturn::Handled;
}

}  // namespace

void connect_line0(ClockEventDevice& device) {
    if (connected.exchange(&device) != nullptr) return;
    const Result<void> requested = irq::request_irq(0, timer_interrupt, 0, "timer", &connected);
    if (!requested.ok()) printk(Level::Err, "irq 0: %s: no timer there", requested.error());
}

}  // namespace time
