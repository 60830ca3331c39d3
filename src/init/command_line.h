/// The kernel's command line, as Linux reads it: words separated by spaces, a value may be quoted.
/// Words we know are ours; unknown `name=value` go to init's environment, other unknown words to
/// its arguments; everything behind `--` to its arguments.
#pragma once

#include <span>
#include <string_view>

#include "lib/types.h"

namespace init {

struct CommandLine {
    static constexpr usize kMaxInitWords = 32;

    char text[2048];          // the words, each NUL-terminated: what the pointers below point into
    const char* init;         // init=; null if not given
    const char* rdinit;       // rdinit=
    const char* root;         // root=
    const char* console;      // the last console=; "" if there is none
    const char* trace;        // trace=: events to switch on
    const char* ktest;        // ktest=: run these tests in the kernel and power off
    u64 memory_limit;         // mem=; 0: none
    u64 trace_bytes;          // trace_buf_size=: for each processor's trace records; 0: not given
    unsigned max_cpus;        // maxcpus=
    u64 ram_disks;            // brd.rd_nr=: how many
    u64 ram_disk_kib;         // ramdisk_size=: of each
    const char* clocksource;  // clocksource=: the one to be used
    const char* hpet;         // hpet=disable: as if there were none
    const char* tsc;          // tsc=reliable, tsc=unstable
    const char* vdso;         // vdso=0: programs get none
    const char* highres;      // highres=off: timers are as fine as the tick
    const char* nohz;         // nohz=off: idle processors tick, too
    const char* slab_debug;   // slab_debug=: which caches are checked, and how
    const char* skew_tick;    // skew_tick=1: not all processors tick at the same moment
    bool no_tsc;              // notsc: do not trust it
    bool slab_nomerge;        // each cache has slabs of its own
    bool quiet;
    bool read_only;    // ro
    bool oops_panics;  // oops=panic
    const char* init_argv[kMaxInitWords];
    usize init_argc;
    const char* init_envp[kMaxInitWords];
    usize init_envc;
    usize dropped;  // words for init that did not fit
};

/// Parses `line` into `out`, which is all zeros. Never fails: what makes no sense is reported by
/// report_problems(), when printk works.
void parse_command_line(std::string_view line, CommandLine& out);

/// The one of this boot.
extern constinit CommandLine command_line;

}  // namespace init
