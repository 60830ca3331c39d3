/// ksoftirqd: one thread for each processor that runs the softirqs for which there was no time
/// right after the interrupt. See core/softirq/softirq.h. Linux: kernel/softirq.c.
#pragma once

namespace sched {

/// Starts the thread of every online processor. Boot, once.
void start_ksoftirqd();

}  // namespace sched
