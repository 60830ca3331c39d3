/// The steps of the boot, one function each; main.cc has the list.
#pragma once

namespace init {

void start_console();
void read_firmware_tables();
void set_up_memory();
void set_up_boot_cpu();
void start_frames();
void start_tracing();
void start_interrupts();
void start_clock();
void start_scheduler();
void start_address_spaces();
void start_vfs();
void start_system_calls();
void start_processes();
void start_other_cpus();
void start_deferred_work();
void start_devices();
void unpack_root();

}  // namespace init
