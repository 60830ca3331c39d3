/// Interrupts between processors: "run this", "look who should run", "stop". Linux: kernel/smp.c.
///
/// Each processor has a queue of calls that others want from it. Whoever puts the first one into it
/// also sends the interrupt; what is put behind it before the other looks needs none.
///
/// A caller may have interrupts off while it waits: it then answers the calls that others put into
/// its own queue, so two may wait for each other. What it must not have is a spin lock that a
/// called function takes.
#pragma once

#include <atomic>

#include "core/percpu/percpu.h"
#include "lib/result.h"
#include "lib/types.h"

namespace irq {

using CallFn = void (*)(void* argument);

/// One call to one processor; Linux' call_single_data. Free to be used again when !is_busy().
struct CallSingle {
    CallFn function = nullptr;
    void* argument = nullptr;
    CallSingle* next = nullptr;
    enum State : u32 { kFree, kAsync, kSync };
    std::atomic<u32> state{kFree};

    bool is_busy() const { return state.load(std::memory_order_acquire) != kFree; }
};

/// Whether the caller goes on at once, or when the function has returned.
enum class CallWait : u8 { No, Yes };

/// Runs `function(argument)` on `cpu`, in interrupt context with interrupts off; on this processor
/// it is simply called, with interrupts off. ENXIO: `cpu` is not online. Not from interrupt
/// handlers.
Result<void> smp_call_function_single(unsigned cpu, CallFn function, void* argument, CallWait wait);

/// The same with memory of the caller's, which stays until it is no longer busy; never waits.
/// Any context. EBUSY: the last call with it is not over; ENXIO.
Result<void> smp_call_function_single_async(unsigned cpu, CallSingle& call);

/// Runs it on all online processors in `cpus` but this one.
void smp_call_function_many(u64 cpus, CallFn function, void* argument, CallWait wait);

/// On all online processors, this one included (last). Waits.
void on_each_cpu(CallFn function, void* argument);

/// smp_call_function_many() that waits.
inline void call_on_cpus(u64 cpus, CallFn function, void* argument) {
    smp_call_function_many(cpus, function, argument, CallWait::Yes);
}

/// Makes `cpu` look whether it should reschedule.
void send_reschedule(unsigned cpu);

/// Makes `cpu` take an interrupt with this vector. Any context.
void send_vector(unsigned cpu, unsigned vector);

/// All other processors stop for good: the machine is about to be switched off. Waits for at most
/// a second.
void stop_other_cpus();

/// For /proc/interrupts: this processor has flushed its TLB because another one asked.
void count_tlb_shootdown();
u32 tlb_shootdowns(unsigned cpu);

/// Tells which APIC id a processor answers to. Boot.
void set_apic_id(unsigned cpu, u32 apic_id);
u32 apic_id_of(unsigned cpu);
void init_ipis();

}  // namespace irq
