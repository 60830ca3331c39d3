/// The tick: what happens kHz times a second on every processor that is busy. Linux:
/// kernel/time/tick-sched.c, tick-common.c.
///
/// At boot the local timer interrupts once per tick, and HrTimers go off in that interrupt: exact
/// to a tick only. As soon as the clocks allow it a processor switches to *high resolution*: from
/// then on the hardware is always aimed at the next HrTimer, and the tick is one of them.
///
/// A processor that idles needs no tick: its first tick in idle stops it (NO_HZ), until the next
/// Timer is due or there is work again. Not at once: work often comes back within a tick, and
/// aiming the hardware twice costs more than the interrupt it saves.
///
/// One processor counts jiffies. When it stops ticking it lets go of that, and the next one that
/// ticks takes over; when all sleep nobody counts, until somebody looks (jiffies.h).
#pragma once

#include "core/percpu/percpu.h"
#include "core/time/hrtimer.h"

namespace time {

/// What the command line decides; set before init_ticks().
struct TickOptions {
    bool high_resolution = true;  // highres=off
    bool nohz = true;             // nohz=off
    bool skew = false;            // skew_tick=1: not all processors tick at the same moment
};
extern constinit TickOptions tick_options;

/// The tick of one processor.
struct TickSched {
    enum class Mode : u8 { Periodic, LowRes, HighRes };  // NO_HZ is for the latter two

    Mode mode = Mode::Periodic;
    bool idle = false;     // between tick_idle_enter() and tick_idle_exit()
    bool stopped = false;  // no tick until next_ns
    u64 last_tick_ns = 0;  // the latest tick that was due while it was not stopped
    u64 next_ns = kTimeMax;
    // For /proc/timer_list.
    u64 idle_calls = 0, idle_sleeps = 0;  // times idle; times the tick stopped
    u64 idle_entry_ns = 0, idle_exit_ns = 0, idle_sleep_ns = 0;
    u64 ticks = 0;
};
const TickSched& tick_sched(unsigned cpu);

/// Does everything that is to be done at a tick, on this processor, in its interrupt. `keeper`:
/// true on the one that counts jiffies, for what is done once in the system. Set by sched/.
extern void (*update_process_times)(u64 now_ns, bool keeper);

/// The idle task got the processor, or gives it up. Interrupts are off.
void tick_idle_enter(u64 now_ns);
void tick_idle_exit(u64 now_ns);
/// Before the idle task halts, with interrupts off: a timer may have been started since the tick
/// stopped.
void tick_idle_reevaluate();

/// How fine timers are: 1 ns in high resolution, else a tick.
u64 hrtimer_resolution_ns();

/// Prepares the ticks of all processors. Boot; then each starts its own.
void init_ticks();
void start_tick();

}  // namespace time
