// What the steps of the boot do. See main.cc for their order.

#include "init/steps.h"

#include "abi/version.h"
#include "arch/apic.h"
#include "arch/boot_info.h"
#include "arch/clock.h"
#include "arch/cpu_features.h"
#include "arch/layout.h"
#include "arch/numa.h"
#include "arch/smp.h"
#include "arch/uart.h"
#include "block/block_device.h"
#include "core/irq/ipi.h"
#include "core/irq/irq.h"
#include "core/irq/nmi.h"
#include "core/irq_work/irq_work.h"
#include "core/log/oops.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "core/percpu/percpu.h"
#include "core/random/random.h"
#include "core/softirq/softirq.h"
#include "core/softirq/tasklet.h"
#include "core/time/clock.h"
#include "core/time/clocksource.h"
#include "core/time/hrtimer.h"
#include "core/time/tick/tick.h"
#include "core/trace/trace.h"
#include "drivers/drivers.h"
#include "fs/initramfs/initramfs.h"
#include "fs/mount.h"
#include "init/command_line.h"
#include "init/late.h"
#include "lib/string.h"
#include "mm/init.h"
#include "mm/slab.h"
#include "mm/slab/debug/options.h"
#include "mm/slab/merge.h"
#include "mm/vmalloc.h"
#include "process/exec/vdso.h"
#include "process/process.h"
#include "sched/balance/stopper.h"
#include "sched/ksoftirqd.h"
#include "sched/kthread.h"
#include "sched/log_wait.h"
#include "sched/rcu/grace_period.h"
#include "sched/run_queue.h"
#include "sched/sched.h"
#include "sched/workqueue/workqueue.h"
#include "syscall/file/calls.h"
#include "syscall/syscall.h"
#include "vm/mm_struct.h"
#include "vm/reclaim/reclaim.h"

namespace init {

namespace {

constinit Console early_console{"ttyS0",
                                [](std::string_view text) { arch::uart_com1.write_text(text); }};

void* alloc_boot_memory(usize bytes) {
    const u64 size = align_up(bytes, kPageSize);
    Result<PhysAddr> at = arch::memblock.alloc(size, kPageSize);
    if (!at.ok()) return nullptr;
    void* const memory = arch::phys_to_virt(at.value());
    memset(memory, 0, size);
    return memory;
}

void* alloc_area(usize bytes) {
    Result<void*> memory = mm::vmalloc(bytes);
    return memory.ok() ? memory.value() : nullptr;
}

const char* type_name(u32 type) {
    switch (static_cast<arch::MemoryType>(type)) {
    case arch::MemoryType::Usable: return "usable";
    case arch::MemoryType::Reserved: return "reserved";
    case arch::MemoryType::AcpiReclaimable: return "ACPI data";
    case arch::MemoryType::AcpiNvs: return "ACPI NVS";
    case arch::MemoryType::Bad: return "bad";
    }
    return "unknown, taken as reserved";
}

void print_memory_map() {
    for (usize i = 0; i < arch::boot_info.map_count; i++) {
        const arch::MemoryMapEntry& entry = arch::boot_info.map[i];
        printk("BIOS-e820: [mem 0x%016x-0x%016x] %s", entry.start, entry.start + entry.length - 1,
               type_name(entry.type));
    }
    if (arch::boot_info.map_dropped > 0) {
        printk(Level::Warning, "memory map: %u entries too many, ignored",
               arch::boot_info.map_dropped);
    }
}

unsigned cpus_to_start() {
    const unsigned described = arch::acpi_info.cpu_count > 0 ? arch::acpi_info.cpu_count : 1;
    const unsigned wanted = command_line.max_cpus > 0 ? command_line.max_cpus : 1;
    return described < wanted ? described : wanted;
}

/// The processor that boots is number 0; the others keep the order of the firmware's table.
u32 apic_id_of(unsigned cpu, u32 boot_id) {
    if (cpu == 0) return boot_id;
    unsigned number = 0;
    for (u32 i = 0; i < arch::acpi_info.cpu_count; i++) {
        const u32 id = arch::acpi_info.apic_ids[i];
        if (id != boot_id && ++number == cpu) return id;
    }
    return boot_id;
}

/// Copies the initrd to RAM that mem= leaves. ENXIO if it never lay in RAM.
Result<PhysAddr> move_initrd(const arch::BootInfo& info, bool was_in_ram) {
    constexpr u64 kEarlyMapped = u64{4} << 30;
    if (!was_in_ram) return ENXIO;
    const u64 bytes = align_up(info.initrd_bytes, kPageSize);
    const PhysAddr to = TRY(arch::memblock.alloc(bytes, kPageSize, kEarlyMapped));
    memcpy(arch::phys_to_virt(to), arch::phys_to_virt(PhysAddr(info.initrd_start)),
           info.initrd_bytes);
    return to;
}

/// mem= may have cut off the RAM in which the loader put the initrd: then it moves, as on Linux.
void keep_initrd(arch::BootInfo& info, bool was_in_ram) {
    const u64 start = info.initrd_start, end = start + info.initrd_bytes;
    if (start == end || arch::memblock.memory.contains(start, end)) return;
    Result<PhysAddr> to = move_initrd(info, was_in_ram);
    if (to.ok()) {
        info.initrd_start = to.value().raw();
        printk("initrd: moved from 0x%x to 0x%x", start, info.initrd_start);
    } else {
        info.initrd_bytes = 0;
        printk(Level::Err, "initrd: [mem 0x%016x-0x%016x] %s; ignored", start, end - 1,
               was_in_ram ? "does not fit into mem=" : "is not RAM");
    }
}

}  // namespace

void start_console() {
    parse_command_line({arch::boot_info.command_line, strlen(arch::boot_info.command_line)},
                       command_line);
    console_loglevel = command_line.quiet ? 4 : 7;
    if (command_line.oops_panics) panic_on_oops = 1;
    if (arch::uart_com1.init(arch::Uart::kMaxBaud)) register_console(early_console);
    printk("%s", abi::kVersionBanner);
    printk("Command line: %s", arch::boot_info.command_line);
    print_memory_map();
}

void read_firmware_tables() {
    arch::acpi_init(arch::boot_info);
    const arch::AcpiInfo& acpi = arch::acpi_info;
    if (acpi.cpu_count == 0) printk(Level::Warning, "ACPI: no MADT; one processor is assumed");
    printk("ACPI: %u processors, %u I/O APICs, HPET at %#x, PM timer at port %#x", acpi.cpu_count,
           acpi.ioapic_count, acpi.hpet, acpi.pm_timer_port);
}

void set_up_memory() {
    extern const u8 kernel_start[] asm("__kernel_start");
    extern const u8 kernel_end[] asm("__kernel_end");
    const PhysRange kernel{arch::virt_to_phys(kernel_start).raw(),
                           arch::virt_to_phys(kernel_end).raw()};
    const Result<void> filled =
        arch::memory_map_to_memblock(arch::boot_info, kernel, arch::memblock);
    if (!filled.ok() && filled.error() == EEXIST) panic("the initrd lies over the kernel image");
    if (!filled.ok()) panic("the memory map cannot be used: %s", filled.error());
    arch::BootInfo& info = arch::boot_info;
    const bool initrd_in_ram =
        arch::memblock.memory.contains(info.initrd_start, info.initrd_start + info.initrd_bytes);
    if (command_line.memory_limit != 0 &&
        !arch::memblock.limit_memory(command_line.memory_limit).ok()) {
        printk(Level::Warning, "mem= is ignored: too many memory ranges");
    }
    if (arch::memblock.memory.total() < 4 << 20) panic("less than 4 MiB of RAM: check mem=");
    keep_initrd(info, initrd_in_ram);
    arch::detect_cpu_features();  // may still patch the kernel's text
    arch::prepare_traps();        // may still write read-only data
    arch::build_kernel_page_tables();
}

void set_up_boot_cpu() {
    setup_per_cpu_areas(cpus_to_start(), alloc_boot_memory);
    arch::cpu_init(0);
}

void start_frames() {
    if (arch::acpi_info.srat_refused) printk(Level::Warning, "ACPI: the SRAT is damaged; ignored");
    if (const char* const option = command_line.slab_debug) {
        mm::set_slab_debug({option, strlen(option)});
    }
    mm::slab_merging = !command_line.slab_nomerge;
    mm::init(arch::memblock, arch::numa_map);
}

/// Tells memory management where each processor is.
static void place_cpus(u32 boot_id) {
    for_each_cpu(possible_cpus, [&](unsigned cpu) {
        mm::set_cpu_node(cpu, arch::numa_map.node_of_apic_id(apic_id_of(cpu, boot_id)));
    });
}

void start_tracing() {
    const u64 bytes = command_line.trace_bytes;
    trace::init(alloc_area, bytes != 0 ? bytes : trace::kDefaultRingBytes);
    if (command_line.trace == nullptr) return;
    std::string_view rest(command_line.trace, strlen(command_line.trace));
    while (!rest.empty()) {
        const usize comma = rest.find(',');
        const std::string_view event = rest.substr(0, comma);
        if (!trace::set_events(event, true)) {
            printk(Level::Warning, "trace=: there is no event %s", event);
        }
        rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
}

void start_interrupts() {
    irq::init(
        {.map = mm::ioremap, .alloc = alloc_zeroed, .free = mm::kfree, .alloc_stack = alloc_area});
    irq::init_ipis();
    irq::init_nmi();
    irq_work::init();
    init_tasklets();
    irq::set_apic_id(0, arch::apic_id());
}

void start_clock() {
    const CommandLine& line = command_line;
    const auto says = [](const char* value, const char* word) {
        return value != nullptr && strcmp(value, word) == 0;
    };
    if (arch::acpi_info.hpet != 0 && !says(line.hpet, "disable")) {
        Result<void*> registers = mm::ioremap(PhysAddr(arch::acpi_info.hpet), 1024);
        if (registers.ok() && !arch::hpet_init(registers.value())) {
            printk(Level::Warning, "hpet: it does not work; ignored");
        }
    }
    if (line.clocksource != nullptr) {
        time::clock_options.clocksource = {line.clocksource, strlen(line.clocksource)};
    }
    time::clock_options.no_tsc = line.no_tsc || says(line.tsc, "unstable");
    time::clock_options.tsc_reliable = says(line.tsc, "reliable");
    time::tick_options = {.high_resolution = !says(line.highres, "off"),
                          .nohz = !says(line.nohz, "off"),
                          .skew = says(line.skew_tick, "1")};
    time::init();
    time::init_hrtimers();
    time::init_hrtimers_cpu();
    time::start_clock_watchdog();
    random_init();
    printk("tsc: %u.%03u MHz, measured against %s", time::tsc_khz() / 1000, time::tsc_khz() % 1000,
           arch::clock_reference());
}

void start_scheduler() {
    sched::init();
    sched::init_irq_threads();
    sched::init_workqueues_early();
    arch::irq_enable();
}

void start_address_spaces() { vm::init(); }

void start_vfs() { fs::init(); }

void start_system_calls() {
    syscall::init();
    syscall::add_proc_files();
}

/// vdso=0: programs ask the kernel what time it is.
static void start_vdso() {
    const char* wanted = command_line.vdso;
    if (wanted != nullptr && strcmp(wanted, "0") == 0) return;
    const Result<void> made = process::init_vdso();
    if (!made.ok()) printk(Level::Err, "vdso: %s; programs must do without", made.error());
}

void start_processes() {
    process::init();
    start_vdso();
    sched::rcu_init();
}

void start_other_cpus() {
    const u32 boot_id = arch::apic_id();
    place_cpus(boot_id);
    const unsigned count = arch::can_start_cpus() ? cpus_to_start() : 1;
    if (count < cpus_to_start()) {
        printk(Level::Err, "smp: no RAM below 1 MiB for the others to begin in; skipped");
    }
    for (unsigned cpu = 1; cpu < count; cpu++) {
        const u32 id = apic_id_of(cpu, boot_id);
        irq::set_apic_id(cpu, id);
        Result<sched::Task*> idle = sched::create_idle_task(cpu);
        if (!idle.ok()) {
            printk(Level::Err, "cpu %u: no memory for its idle task; skipped", cpu);
            continue;
        }
        void* const top = static_cast<u8*>(idle.value()->stack) + sched::kKernelStackSize;
        if (!arch::start_cpu(cpu, id, top, per_cpu_offset[cpu])) {
            printk(Level::Err, "cpu %u (APIC id %u) does not answer; skipped", cpu, id);
            continue;
        }
        while (!online_cpus.has(cpu)) arch::cpu_relax();
        printk("cpu %u (APIC id %u) is up", cpu, id);
    }
    printk("smp: %u of %u processors online", online_cpus.count(), cpus_to_start());
    if (!arch::cpu_features.rdtscp || mm::nr_nodes == 1) return;
    irq::on_each_cpu([](void*) { arch::set_user_cpu_number(cpu_id(), mm::node_of_cpu(cpu_id())); },
                     nullptr);
}

void start_deferred_work() {
    sched::start_stoppers();
    sched::start_ksoftirqd();
    softirq::open(SoftIrq::Sched, sched::rebalance);
    sched::init_workqueues();
    const Result<void> kswapd = vm::start_kswapd();
    if (!kswapd.ok()) printk(Level::Err, "kswapd: %s", kswapd.error());
    sched::init_log_wait();
}

void start_devices() {
    drivers::init(command_line.console);
    constexpr u64 kMostDisks = 256, kMostKib = u64{1} << 30;
    const u64 count = std::min(command_line.ram_disks, kMostDisks);
    const Result<void> made =
        block::init_ram_disks(count, std::min(command_line.ram_disk_kib, kMostKib));
    if (!made.ok()) printk(Level::Err, "brd: %s", made.error());
}

void unpack_root() {
    const arch::BootInfo& info = arch::boot_info;
    if (info.initrd_bytes == 0) {
        printk(Level::Warning, "no initramfs: the root directory is empty");
        return;
    }
    const auto* bytes = arch::phys_to_virt<const std::byte>(PhysAddr(info.initrd_start));
    const Result<void> unpacked = fs::unpack_initramfs({bytes, info.initrd_bytes});
    if (!unpacked.ok()) printk(Level::Err, "initramfs: %s", unpacked.error());
    const PhysRange range{info.initrd_start, info.initrd_start + info.initrd_bytes};
    printk("Freeing initrd memory: %uK", mm::free_reserved(range) * 4);
}

}  // namespace init
