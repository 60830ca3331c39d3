/// Per-processor data and the set of processors. See arch/percpu.h for how it works.
///
///     PER_CPU u64 counter;                // one for each processor
///     arch::this_cpu_add(counter, 1);     // ours, in one instruction
///     this_cpu(queue).push(task);         // ours; preemption is off
///     per_cpu(counter, cpu)               // somebody's
#pragma once

#include <atomic>

#include "arch/percpu.h"
#include "lib/types.h"

inline constexpr unsigned kMaxCpus = 64;

/// Distance from the template to each processor's copy; valid for possible processors.
extern u64 per_cpu_offset[kMaxCpus];

extern u32 cpu_number;  // per-CPU: read it through cpu_id()

/// The number of this processor. Stays true only while preemption is off.
inline unsigned cpu_id() { return arch::this_cpu_read(cpu_number); }

/// That number and 1: who holds something, in words where 0 means nobody.
extern u32 cpu_number_tag;  // per-CPU
inline u32 cpu_tag() { return arch::this_cpu_read(cpu_number_tag); }

template <class T>
T& per_cpu(T& variable, unsigned cpu) {
    return *reinterpret_cast<T*>(reinterpret_cast<u64>(&variable) + per_cpu_offset[cpu]);
}
/// This processor's copy; preemption or interrupts are off as long as the reference is used.
template <class T>
T& this_cpu(T& variable) {
    return *reinterpret_cast<T*>(reinterpret_cast<u64>(&variable) +
                                 arch::this_cpu_read(arch::this_cpu_offset));
}

/// A set of processors that may be read and changed from any of them at any time.
class CpuMask {
public:
    constexpr CpuMask() = default;
    constexpr explicit CpuMask(u64 bits) : bits_(bits) {}
    void set(unsigned cpu) { bits_.fetch_or(u64{1} << cpu, std::memory_order_seq_cst); }
    void clear(unsigned cpu) { bits_.fetch_and(~(u64{1} << cpu), std::memory_order_seq_cst); }
    bool has(unsigned cpu) const { return bits() >> cpu & 1; }
    u64 bits() const { return bits_.load(std::memory_order_seq_cst); }
    unsigned count() const;

private:
    std::atomic<u64> bits_{0};
};

extern constinit CpuMask possible_cpus;  // described by the firmware, numbered 0 … count - 1
extern constinit CpuMask online_cpus;    // running the scheduler

/// Calls `body(cpu)` for every processor in `mask`, in rising order.
template <class Body>
void for_each_cpu(const CpuMask& mask, Body body) {
    for (u64 bits = mask.bits(); bits != 0; bits &= bits - 1) {
        body(unsigned(__builtin_ctzll(bits)));
    }
}

/// Makes the copies for processors 0 … count - 1 and moves the boot processor to its own.
/// Called once, while the boot processor is alone. `alloc` yields zeroed, page-aligned memory.
void setup_per_cpu_areas(unsigned count, void* (*alloc)(usize bytes));
