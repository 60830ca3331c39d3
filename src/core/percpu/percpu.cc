#include "core/percpu/percpu.h"

#include <bit>

#include "arch/cpu.h"
#include "core/percpu/preempt.h"
#include "lib/assert.h"
#include "lib/string.h"

u64 per_cpu_offset[kMaxCpus];
PER_CPU u32 cpu_number = 0;
PER_CPU u32 cpu_number_tag = 1;
PER_CPU u32 preempt_count = kNoReschedNeeded;

constinit CpuMask possible_cpus{1};
constinit CpuMask online_cpus{1};

unsigned CpuMask::count() const { return unsigned(std::popcount(bits())); }

void setup_per_cpu_areas(unsigned count, void* (*alloc)(usize bytes)) {
    extern u8 template_start[] asm("__percpu_start");
    extern u8 template_end[] asm("__percpu_end");
    const usize bytes = usize(template_end - template_start);

    for (unsigned cpu = 0; cpu < count; cpu++) {
        u8* const copy = static_cast<u8*>(alloc(bytes));
        if (copy == nullptr) assert_failed("no memory for the per-CPU areas");
        memcpy(copy, template_start, bytes);
        per_cpu_offset[cpu] = reinterpret_cast<u64>(copy) - reinterpret_cast<u64>(template_start);
        per_cpu(arch::this_cpu_offset, cpu) = per_cpu_offset[cpu];
        per_cpu(cpu_number, cpu) = cpu;
        per_cpu(cpu_number_tag, cpu) = cpu + 1;
        possible_cpus.set(cpu);
    }
    arch::wrmsr(arch::Msr::GsBase, per_cpu_offset[0]);
}
