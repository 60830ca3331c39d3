/// Interrupts from devices, as drivers see them. Linux: include/linux/interrupt.h.
///
/// An interrupt has a number that is good in the whole machine ("IRQ 4"), whatever processor and
/// vector deliver it. Numbers 0 … 15 are the lines of the ISA bus, those up to irq_domain.h's
/// kFirstDynamicIrq the further inputs of the I/O APICs, the rest is given out on demand (msi.h).
///
/// A handler runs with interrupts off, on the interrupt stack of the processor that took the
/// interrupt, and must not sleep. What takes longer goes into a threaded handler, a softirq or a
/// work queue.
#pragma once

#include "arch/trap_frame.h"
#include "lib/result.h"
#include "lib/types.h"

namespace irq {

/// What a handler says about an interrupt. Bits: a shared line adds up what its handlers say.
enum class IrqReturn : u8 {
    None = 0,        // it was not my device's
    Handled = 1,     // it was, and is done
    WakeThread = 2,  // it was, and my thread does the rest
};
constexpr IrqReturn operator|(IrqReturn a, IrqReturn b) {
    return static_cast<IrqReturn>(static_cast<u8>(a) | static_cast<u8>(b));
}

using HandlerFn = IrqReturn (*)(unsigned irq, void* dev_id);

/// How a line is requested; the numbers are those of Linux' IRQF_*.
enum Flags : u32 {
    kTriggerRising = 0x1,
    kTriggerFalling = 0x2,
    kTriggerHigh = 0x4,
    kTriggerLow = 0x8,
    kTriggerMask = 0xf,
    kShared = 0x80,           // others may have the line, too, if they say the same
    kPerCpu = 0x400,          // each processor has its own; never moves
    kNoBalancing = 0x800,     // stays where it is, whatever user space writes
    kOneshot = 0x2000,        // a level line stays masked until the thread is done
    kNoAutoEnable = 0x80000,  // as if disable_irq() had been called
};

/// The two halves of a threaded handler. `hard` null: only wake the thread.
struct ThreadedHandler {
    HandlerFn hard;
    HandlerFn thread;  // runs in process context, in a thread "irq/N-name"; null: no thread
};

/// Connects a handler to a line; the first one also gives the line a vector and enables it.
/// `dev_id` is handed to the handler and tells it apart on a shared line. `name` must live as long
/// as the handler is connected.
///
/// EINVAL: no such line, no handler, kShared without dev_id, kShared with kNoAutoEnable, a thread
/// alone without kOneshot; EBUSY: somebody has the line and not both of you share, or you do not
/// agree on trigger and kOneshot; ENXIO: no controller has the line; ENOSPC: no vector is free;
/// ENOMEM, EAGAIN: no memory, no thread. May sleep if there is a thread to start.
Result<void> request_irq(unsigned irq, HandlerFn handler, u32 flags, const char* name,
                         void* dev_id);
Result<void> request_threaded_irq(unsigned irq, ThreadedHandler handler, u32 flags,
                                  const char* name, void* dev_id);

/// Takes the handler off the line, and waits until it runs nowhere any more; the last one frees the
/// vector. The line must have been requested with this `dev_id`. Process context: may sleep.
void free_irq(unsigned irq, void* dev_id);

/// Keeps the line from being handled until enable_irq() was called as often; an edge that arrives
/// meanwhile is handled then. disable_irq() also waits until no handler runs, so never call it
/// from a handler of that line. EINVAL (to nobody): an irq that is not requested is left alone.
void disable_irq(unsigned irq);
void disable_irq_nosync(unsigned irq);  // any context
void enable_irq(unsigned irq);          // any context; one too many is reported

/// Waits until no handler (and no thread) of the line runs. Process context.
void synchronize_irq(unsigned irq);

/// Says that the line should be handled by one of `cpus`. The move happens when the next
/// interrupt has arrived, so that none gets lost on the way. EINVAL: no such line, or none of them
/// is online; EIO: the line cannot move.
Result<void> set_affinity(unsigned irq, u64 cpus);

/// Who acknowledges the interrupt at a vector to the local APIC.
enum class Acknowledge : u8 { BeforeHandler, ByHandler };

/// Calls `handle(frame)` for a vector that is no device line (timer, IPIs): counted, acknowledged
/// unless the handler does that, no lock taken. Boot only.
void set_vector_handler(unsigned vector, void (*handle)(arch::TrapFrame& frame), const char* name,
                        Acknowledge who = Acknowledge::BeforeHandler);

/// The registers that the innermost interrupt on this processor interrupted; null outside one.
const arch::TrapFrame* current_frame();

/// What the folders above lend to this one. Set once at boot, before the first request.
struct Services {
    Result<void*> (*map)(PhysAddr at, usize bytes);  // mm::ioremap
    void* (*alloc)(usize bytes);                     // zeroed memory; null: none
    void (*free)(void* memory);
    void* (*alloc_stack)(usize bytes);  // with a guard page below; null: none
};

/// Maps and enables the interrupt controllers. Panics without memory.
void init(const Services& services);

}  // namespace irq
