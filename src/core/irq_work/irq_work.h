/// IrqWork: a function that is called in interrupt context, soon, by whoever may do nothing
/// himself: an NMI handler, code that holds any lock, code in the middle of a context switch.
/// Linux: kernel/irq_work.c.
///
///     void wake_readers(IrqWork&);
///     constinit IrqWork work{wake_readers, IrqWork::Lazy::Yes};
///     work.queue();
///
/// The processor sends itself an interrupt, which comes as soon as interrupts are on. A lazy one
/// spares that: it waits for the next tick, or, if the tick stops, until it does.
#pragma once

#include <atomic>

#include "lib/types.h"

class IrqWork {
public:
    enum class Lazy : bool { No, Yes };

    /// `function` runs with interrupts off. The work may be queued again from there on, and must
    /// exist until the function has returned and is_busy() is false.
    constexpr explicit IrqWork(void (*function)(IrqWork&), Lazy lazy = Lazy::No)
        : function_(function), lazy_(lazy == Lazy::Yes) {}
    IrqWork(const IrqWork&) = delete;

    /// Has it called on this processor. False if it waits to be called already. Any context, NMI
    /// included, whatever locks are held.
    bool queue();
    /// On another processor, which is online; never lazily. Any context but NMI.
    bool queue_on(unsigned cpu);

    /// Waits until it neither waits to be called nor runs. Interrupts are on; not from a handler.
    void sync() const;

    bool is_pending() const { return state_.load(std::memory_order_acquire) & kPending; }
    bool is_busy() const { return state_.load(std::memory_order_acquire) != 0; }

private:
    friend struct IrqWorkList;
    enum State : u32 { kPending = 1, kBusy = 2 };

    bool claim();
    void run();

    void (*function_)(IrqWork&);
    const bool lazy_;
    std::atomic<u32> state_{0};
    IrqWork* next_ = nullptr;
};

namespace irq_work {

/// The scheduler's tick: runs the lazy ones. Interrupts are off.
void tick();

/// The tick of this processor stops, or goes on. Interrupts are off.
void note_tick_stops();
void note_tick_goes_on();

/// Installs the interrupt. Boot.
void init();

}  // namespace irq_work
