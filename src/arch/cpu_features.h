/// What this processor can do, and switching it on.
#pragma once

#include "lib/types.h"

namespace arch {

/// Filled in by the boot processor; all processors are taken to be alike.
struct CpuFeatures {
    bool smep, smap, umip, pge, gbpages, fsgsbase, xsave, avx, rdtscp, rdrand, rdseed, pcid;
    bool invariant_tsc;
    bool hypervisor;  // processors are somebody's threads, who may take them away at any time
    u32 family, model, stepping;
    u32 cpuid_level;                  // highest leaf of CPUID
    u32 physical_bits, virtual_bits;  // of addresses
    char vendor[13];
    char brand[49];
    u32 xsave_size;  // bytes of FPU state, 512 without XSAVE
    u64 xcr0;        // state components that are on
};
extern constinit CpuFeatures cpu_features;

/// Reads CPUID. Boot processor, once, before cpu_init().
void detect_cpu_features();

/// Builds the interrupt descriptor table and sorts the exception table. Boot processor, once,
/// before build_kernel_page_tables(), which makes both read-only.
void prepare_traps();

/// Turns on what the processor has: write protection, SMEP, SMAP, UMIP, global pages, XSAVE; loads
/// GDT, TSS, IDT; sets the system-call MSRs. On each processor, with its per-CPU area in place.
void cpu_init(unsigned cpu);

/// The flags word of /proc/cpuinfo for each known feature; returns the length.
usize describe_cpu_flags(char* room, usize size);

}  // namespace arch
