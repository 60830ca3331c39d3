/// I/O ports that a program may use: a bit for each, in the task state segment of the processor
/// that runs it. Linux: arch/x86/kernel/{ioport,process}.c. See: Intel SDM vol. 1, 19.5.2.
#pragma once

#include "arch/task.h"

namespace arch {

inline constexpr u32 kPorts = 65536;

/// A set bit forbids its port. Whoever changes it gives it a new serial, so that a processor that
/// has copied it once knows whether it has to again.
struct IoBitmap {
    u64* words = nullptr;  // kPorts bits
    u64 serial = 0;        // kFirstSerial and up
};
inline constexpr u64 kFirstSerial = 2;

/// Says in `state`, the running task's, what it may do: every port with `io_privilege` 3, else
/// those of `ports`, which may be null: none. From now on that holds. `ports` stays as long as it
/// is there.
void set_ports(TaskState& state, IoBitmap* ports, u8 io_privilege);

}  // namespace arch
