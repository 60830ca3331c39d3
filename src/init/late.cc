// See late.h.

#include "init/late.h"

#include "arch/boot_info.h"
#include "arch/kernel_map.h"
#include "arch/upcalls.h"
#include "core/log/printk.h"
#include "core/percpu/percpu.h"
#include "core/time/hrtimer.h"
#include "init/command_line.h"
#include "mm/init.h"
#include "mm/slab.h"
#include "process/process.h"
#include "sched/sched.h"

namespace init {

namespace {

void free_init_memory() {
    const PhysRange range = arch::init_memory();
    arch::unmap_init_memory();
    const u64 pages = mm::free_reserved(range);
    printk("Freeing unused kernel image memory: %uK", pages * 4);
}

void start_first_program(const CommandLine& line) {
    static constinit process::InitCommand command{};
    command = {.rdinit = line.rdinit,
               .init = line.init,
               .argv = {line.init_argv, line.init_argc},
               .envp = {line.init_envp, line.init_envc}};
    process::start_init(command);
}

}  // namespace

void* alloc_zeroed(usize bytes) {
    Result<void*> memory = mm::kmalloc(bytes, mm::Gfp::Kernel | mm::Gfp::Zero);
    return memory.ok() ? memory.value() : nullptr;
}

void enter_service() {
    free_init_memory();
    const CommandLine& line = command_line;
    if (line.ktest != nullptr) {
        start_kernel_tests(line.ktest);
    } else {
        start_first_program(line);
    }
    sched::cpu_idle_loop();
}

}  // namespace init

void upcall::secondary_start(unsigned cpu) {
    sched::init_secondary_cpu(cpu);
    time::init_hrtimers_cpu();
    online_cpus.set(cpu);
    arch::irq_enable();
    sched::cpu_idle_loop();
}
