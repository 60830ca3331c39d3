// What the kernel and the machine are: version, cmdline, cpuinfo, devices, kallsyms.
#include "abi/version.h"
#include "arch/boot_info.h"
#include "arch/cpu_features.h"
#include "arch/layout.h"
#include "block/block_device.h"
#include "core/percpu/percpu.h"
#include "core/time/clock.h"
#include "fs/char_dev.h"
#include "fs/procfs/system.h"
#include "lib/string.h"
#include "sched/task.h"

extern "C" {
extern const u32 kallsyms_count;
extern const u32 kallsyms_offsets[];
extern const u32 kallsyms_name_offsets[];
extern const char kallsyms_names[];
}

namespace procfs {

Result<void> show_version(SeqFile& out, void*) {
    out.print("%s version %s (g++ " __VERSION__ ") %s\n", abi::kSysname, abi::kRelease,
              abi::kVersion);
    return {};
}

Result<void> show_cmdline_of_kernel(SeqFile& out, void*) {
    out.print("%s\n", arch::boot_info.command_line);
    return {};
}

Result<void> show_cpuinfo(SeqFile& out, void*) {
    const arch::CpuFeatures& cpu_type = arch::cpu_features;
    char flags[512] = {};
    arch::describe_cpu_flags(flags, sizeof flags);
    const u64 khz = time::tsc_khz();
    for_each_cpu(online_cpus, [&](unsigned cpu) {
        out.print("processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", cpu,
                  cpu_type.vendor, cpu_type.family, cpu_type.model);
        out.print("model name\t: %s\nstepping\t: %u\ncpu MHz\t\t: %lu.%03lu\n", cpu_type.brand,
                  cpu_type.stepping, khz / 1000, khz % 1000);
        out.print("physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\n",
                  online_cpus.count(), cpu, online_cpus.count());
        out.print("fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n",
                  cpu_type.cpuid_level);
        out.print("flags\t\t: %s\n", flags);
        out.print("bogomips\t: %lu.%02lu\nclflush size\t: 64\ncache_alignment\t: 64\n", khz / 500,
                  khz / 5 % 100);
        out.print("address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
                  cpu_type.physical_bits, cpu_type.virtual_bits);
    });
    return {};
}

Result<void> show_devices(SeqFile& out, void*) {
    out.print("Character devices:\n");
    fs::for_each_char_device(
        [](const fs::CharDevice& device, void* context) {
            static_cast<SeqFile*>(context)->print("%3u %s\n", device.major, device.name);
        },
        &out);
    out.print("\nBlock devices:\n");
    if (block::find_block_device(1, 0)) out.print("%3u ramdisk\n", 1);
    return {};
}

Result<void> show_partitions(SeqFile& out, void*) {
    out.print("major minor  #blocks  name\n\n");
    for (const auto* disk = block::first_block_device(); disk; disk = disk->next) {
        out.print("%4u  %7u %10lu %s\n", disk->major, disk->minor, disk->sectors() / 2,
                  static_cast<const char*>(disk->name));
    }
    return {};
}

/// Addresses are for root only: they would help an attack on the kernel.
Result<void> show_kallsyms(SeqFile& out, void*) {
    const bool show_addresses = sched::current().cred.is_root();
    for (u32 i = 0; i < kallsyms_count; i++) {
        const u64 at = arch::kKernelBase.raw() + kallsyms_offsets[i];
        out.print("%016lx t %s\n", show_addresses ? at : 0,
                  kallsyms_names + kallsyms_name_offsets[i]);
    }
    return {};
}

}  // namespace procfs
