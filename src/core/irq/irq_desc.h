/// IrqDesc: what the kernel knows of one interrupt; and what the parts of core/irq share.
/// Linux: include/linux/{irq,irqdesc}.h.
///
/// An interrupt passes several controllers on its way: a device's line enters an I/O APIC, which
/// sends it to the local APIC of a processor as a vector. Each controller calls it by a number of
/// its own (hwirq) and is driven by an IrqChip; the IrqDesc has one IrqData for each, from the
/// device's side (`data`) to the processor's (`vector_data`).
///
/// A *flow handler* knows how to treat a signal of one kind: what to tell the chip, and when.
/// Edge: acknowledged at once, since the next edge may come while the handlers run; it is noted and
/// they run again. Level: acknowledged when the handlers have made the device let go of the line.
/// Per-CPU: nobody else can interfere.
///
/// Descriptors are made once and never freed, only used again: a processor that takes an interrupt
/// may hold a pointer that was just removed from its table.
#pragma once

#include <atomic>

#include "core/irq/irq.h"
#include "core/lock/spin_lock.h"

namespace irq {

inline constexpr unsigned kMaxIrqs = 256;
inline constexpr u32 kNoCpu = ~0u;

struct IrqDesc;
struct IrqDomain;
struct IrqThread;  // sched/irq_thread.cc

/// One interrupt as one controller sees it.
struct IrqData {
    u32 hwirq = 0;  // the controller's number for it
    class IrqChip* chip = nullptr;
    IrqDomain* domain = nullptr;
    IrqDesc* desc = nullptr;
    IrqData* parent = nullptr;  // the next controller on the way to the processor
    void* chip_data = nullptr;  // the domain's own
};

/// Where a device has to write what, so that a processor gets an interrupt.
struct MsiMessage {
    u64 address;
    u32 data;
};

/// How to drive one kind of controller. All are called with the line's lock held.
class IrqChip {
public:
    constexpr explicit IrqChip(const char* chip_name) : name(chip_name) {}

    virtual void mask(IrqData& data) = 0;
    virtual void unmask(IrqData& data) = 0;
    /// "I have seen it": an edge may come again. From here on lines may be moved.
    virtual void ack(IrqData& data) { data.parent->chip->ack(*data.parent); }
    /// "It is over": a level may be looked at again.
    virtual void eoi(IrqData& data) { data.parent->chip->eoi(*data.parent); }
    /// Whether the controller may be told of another vector now, being masked.
    virtual bool can_move(IrqData&) { return true; }
    /// Makes the interrupt happen once more.
    virtual void retrigger(IrqData& data) { data.parent->chip->retrigger(*data.parent); }

    const char* const name;

protected:
    ~IrqChip() = default;
};

/// A handler on a line.
struct IrqAction {
    HandlerFn handler;
    HandlerFn thread_fn;
    void* dev_id;
    const char* name;
    u32 irq;
    u32 flags;
    u64 thread_bit;                // in IrqDesc::threads_oneshot
    IrqThread* thread;             // null: none
    std::atomic<bool> run_wanted;  // the thread has been woken and has not looked yet
    IrqAction* next;
};

/// The vector that delivers an interrupt, and the one that did before it moved. Under vector.cc's
/// lock; `vector` 0: none.
struct VectorPlace {
    u32 cpu = kNoCpu;
    u32 vector = 0;
};
struct VectorState {
    VectorPlace now, old;
    bool moving = false;  // nothing has arrived at `now` yet; `old` still has its table entry
};

using FlowHandler = void (*)(IrqDesc& desc);

struct IrqDesc {
    explicit IrqDesc(u32 number) : irq(number) {}

    /// Marks; Linux' IRQD_* and IRQS_*.
    enum State : u32 {
        kActivated = 1 << 0,         // has a vector
        kMasked = 1 << 1,            // at the chip
        kDisabled = 1 << 2,          // by depth; masked only when an interrupt comes (lazily)
        kPending = 1 << 3,           // one arrived that nobody has handled
        kInProgress = 1 << 4,        // handlers run, without the lock
        kOneshotLine = 1 << 5,       // masked until the threads are done
        kSpuriousDisabled = 1 << 6,  // shut off: nobody cared
        kPerCpuLine = 1 << 7,
        kCannotMove = 1 << 8,
        kMoveWanted = 1 << 9,  // to `affinity`, when the next one arrives
        kLevel = 1 << 10,
    };

    const u32 irq;
    SpinLock lock{"irq_desc", LockRank::IrqDesc};

    // Guarded by lock. The chain is read without it while kInProgress keeps free_irq() waiting.
    u32 state = kMasked | kDisabled;
    u32 depth = 1;  // disable_irq() without enable_irq()
    IrqAction* action = nullptr;
    FlowHandler handle = nullptr;
    const char* flow_name = nullptr;  // "edge", "fasteoi"
    IrqData data;                     // the controller at the device's side
    IrqData vector_data;              // its parent: the local APICs
    VectorState vectors;
    u64 affinity = ~u64{0};   // where it may go
    u64 threads_oneshot = 0;  // threads that keep the line masked
    // Spurious interrupts (spurious.cc).
    u32 looked_at = 0;  // since the last judgement
    u32 unhandled = 0;  // of those
    u64 last_unhandled_tsc = 0;
    u32 threads_handled_seen = 0;

    std::atomic<u32> threads_active{0};   // woken and not yet done
    std::atomic<u32> threads_handled{0};  // times that a thread said Handled
    bool in_use = false;                  // belongs to a domain; under the table's lock
    bool is_requested = false;            // just now; under the lock of begin_request()

    bool has(u32 bits) const { return state & bits; }
};

/// The descriptor of a number that is in use, or null.
IrqDesc* irq_to_desc(unsigned irq);

/// A descriptor for the given number. EEXIST: it is in use; ENOMEM; EINVAL.
Result<IrqDesc*> alloc_desc(unsigned irq);
/// The lowest free number from kFirstDynamicIrq on. ENOSPC: none is left; ENOMEM.
Result<IrqDesc*> alloc_dynamic_desc();
/// It has no handler.
void free_desc(IrqDesc& desc);

/// Times that the interrupt was taken by a processor.
u32 irq_count(unsigned irq, unsigned cpu);
void count_irq(const IrqDesc& desc);

// --- flow handlers (flow.cc). Interrupts are off, nothing is locked. --------------------------
void handle_edge_irq(IrqDesc& desc);
void handle_fasteoi_irq(IrqDesc& desc);
void handle_percpu_irq(IrqDesc& desc);

void mask_irq(IrqDesc& desc) REQUIRES(desc.lock);
void unmask_irq(IrqDesc& desc) REQUIRES(desc.lock);
/// enable_irq() with the lock held.
void enable_locked(IrqDesc& desc) REQUIRES(desc.lock);
/// If the user wants the line elsewhere, moves it now. The line is masked meanwhile.
void move_irq_if_wanted(IrqDesc& desc) REQUIRES(desc.lock);

/// A thread of the line is done with its work; the last one unmasks. False: try again, the handlers
/// that woke it are not yet all through, on some processor.
bool finish_oneshot(IrqDesc& desc, const IrqAction& action);

// --- spurious.cc -------------------------------------------------------------------------------
/// Judges what the handlers of one interrupt said; shuts the line off if it goes on too long.
void note_interrupt(IrqDesc& desc, IrqReturn said) REQUIRES(desc.lock);

// --- lent by sched/irq_thread.cc -----------------------------------------------------------------
struct ThreadServices {
    Result<IrqThread*> (*start)(IrqDesc& desc, IrqAction& action);  // ENOMEM, EAGAIN
    void (*wake)(IrqThread& thread);
    void (*stop)(IrqThread& thread);         // waits for its end; may sleep
    void (*wait_until_idle)(IrqDesc& desc);  // until threads_active is 0; may sleep
    void (*begin_request)(IrqDesc& desc);    // from here to the other, nobody else; may sleep
    void (*end_request)(IrqDesc& desc);
};
extern constinit const ThreadServices* thread_services;

extern constinit Services services;

}  // namespace irq
