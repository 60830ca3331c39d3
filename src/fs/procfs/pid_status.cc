// What a task is and does: stat, status, statm, limits and comm, in the formats that ps and top
// parse. See: Linux, Documentation/filesystems/proc.rst.
#include "abi/resource.h"
#include "core/time/clock.h"
#include "fs/procfs/cpu_mask.h"
#include "fs/procfs/pid/access.h"
#include "fs/procfs/pid_entry.h"
#include "lib/string.h"
#include "process/controlling_tty.h"
#include "process/process.h"
#include "sched/sched.h"
#include "sched/signal_struct.h"

namespace procfs {
namespace {

constexpr u64 kNsPerTick = time::kNsPerSec / 100;  // USER_HZ

std::string_view name_of(const Task& task) { return {task.comm, strnlen(task.comm, 16)}; }

/// Whose times and faults: the process', or those of the one thread.
enum class Scope : u8 { Process, Thread };

/// What the task list and the signal locks guard, read in one go.
struct Snapshot {
    int ppid = 0, tracer = 0, pgrp = 0, session = 0, threads = 0, exit_code = 0;
    u64 pending = 0, shared_pending = 0, ignored = 0, caught = 0;
    u64 queued_signals = 0, queued_limit = 0, rss_limit = 0;
    sched::Usage used, children;
};

void add_signals(Snapshot& out, Task& task) {
    IrqGuard guard(task.sighand->lock);
    if (task.pending) out.pending = task.pending->set;
    if (task.signal) out.shared_pending = task.signal->shared_pending.set;
    if (task.user) out.queued_signals = task.user->pending_signals.load();
    for (int i = 0; i < abi::kSignals; i++) {
        const u64 handler = task.sighand->action[i].handler;
        if (handler == abi::SIG_IGN) out.ignored |= u64{1} << i;
        if (handler != abi::SIG_IGN && handler != abi::SIG_DFL) out.caught |= u64{1} << i;
    }
}

void add_process(Snapshot& out, Task& task) REQUIRES(sched::tasks_lock) {
    sched::SignalStruct& signal = *task.signal;
    out.pgrp = signal.pgrp;
    out.session = signal.session;
    out.threads = static_cast<int>(signal.thread_count);
    out.rss_limit = signal.rlimits[abi::RLIMIT_RSS].current;
    out.queued_limit = signal.rlimits[abi::RLIMIT_SIGPENDING].current;
    out.children = signal.children.read();
}

/// The flags as Linux numbers them: PF_KTHREAD or PF_RANDOMIZE, PF_WQ_WORKER, PF_NO_SETAFFINITY.
u32 flags_of(const Task& task) {
    return (task.has(sched::kKernelThread) ? 0x20'0000u : 0x40'0000u) |
           (task.has(sched::kWqWorker) ? 0x20u : 0) |
           (task.has(sched::kNoSetAffinity) ? 0x400'0000u : 0);
}

/// ESRCH: the task was reaped meanwhile; it is in no list any more, and has lost its parts.
Result<Snapshot> take_snapshot(Task& task, Scope scope) {
    Snapshot out;
    IrqGuard guard(sched::tasks_lock);
    if (sched::find_task(task.pid) != &task) return ESRCH;
    if (task.parent) out.ppid = task.parent->tgid;
    if (task.tracer) out.tracer = task.tracer->pid;
    out.exit_code = task.signal && scope == Scope::Process
                        ? process::wait_status_of(*task.group_leader)
                        : task.exit_code;
    out.threads = 1;
    if (task.signal) add_process(out, task);
    if (task.signal && scope == Scope::Process) {
        out.used = process::usage_of_process(*task.signal);
    } else {
        out.used = sched::usage_of(task);  // a kernel thread is no process, but has its time
    }
    if (task.sighand) add_signals(out, task);
    return out;
}

/// The memory figures of a task; zeros without an address space.
struct MemoryFigures {
    u64 total = 0, peak = 0, peak_rss = 0, rss = 0, anon = 0, file = 0, shmem = 0;  // pages
    u64 data = 0, stack = 0, text = 0, libraries = 0, locked = 0, tables = 0;
    u64 swap = 0;
    u64 start_code = 0, end_code = 0, start_stack = 0, start_data = 0, end_data = 0, start_brk = 0;
    u64 arg_start = 0, arg_end = 0, env_start = 0, env_end = 0;
    bool exists = false;
};

/// As Linux writes it where a line must stay one.
void write_name_escaped(SeqFile& out, const Task& task) {
    for (const char c : name_of(task)) {
        constexpr std::string_view kEscaped = "\n\r\t\v\f\\", kLetters = "nrtvf\\";
        const usize which = kEscaped.find(c);
        if (which == kEscaped.npos) {
            out.write({&c, 1});
        } else {
            out.print("\\%c", kLetters[which]);
        }
    }
}

u64 at_least_zero(i64 value) { return value > 0 ? static_cast<u64>(value) : 0; }

/// Addresses are for those who may look into the task; others read 1 or 0.
MemoryFigures memory_of(Task& task, bool with_addresses) {
    MemoryFigures out;
    const TaskMm mm(task);
    if (!mm) return out;
    out.exists = true;
    out.total = mm->total_vm.load();
    out.peak = mm->peak_vm();
    out.rss = at_least_zero(mm->rss());
    out.peak_rss = std::max(at_least_zero(mm->hiwater_rss.load()), out.rss);
    out.anon = at_least_zero(mm->rss_anon.load());
    out.file = at_least_zero(mm->rss_file.load());
    out.shmem = at_least_zero(mm->rss_shmem.load());
    out.data = mm->data_vm.load();
    out.stack = mm->stack_vm.load();
    out.locked = mm->locked_vm.load();
    out.swap = at_least_zero(mm->swap_pages.load());
    out.tables = at_least_zero(mm->page_table_pages.load());
    sched::ReadGuard guard(mm->mmap_lock);
    const u64 text = (page_up(mm->end_code) - page_down(mm->start_code)) >> kPageShift;
    const u64 executable = mm->exec_vm.load();
    out.text = std::min(text, executable);
    out.libraries = executable - out.text;
    out.start_code = out.end_code = 1;
    if (!with_addresses) return out;
    out.start_code = mm->start_code.raw(), out.end_code = mm->end_code.raw();
    out.start_stack = mm->start_stack.raw();
    out.start_data = mm->start_data.raw(), out.end_data = mm->end_data.raw();
    out.start_brk = mm->start_brk.raw();
    out.arg_start = mm->arg_start.raw(), out.arg_end = mm->arg_end.raw();
    out.env_start = mm->env_start.raw(), out.env_end = mm->env_end.raw();
    return out;
}

const char* state_word(char letter) {
    switch (letter) {
    case 'R': return "running";
    case 'S': return "sleeping";
    case 'D': return "disk sleep";
    case 'T': return "stopped";
    case 't': return "tracing stop";
    case 'P': return "parked";
    case 'Z': return "zombie";
    default: return "dead";
    }
}

void print_memory_lines(SeqFile& out, const MemoryFigures& memory) {
    constexpr u64 kKiB = kPageSize / 1024;
    out.print("VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8lu kB\n",
              memory.peak * kKiB, memory.total * kKiB, memory.locked * kKiB, 0);
    out.print("VmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\n", memory.peak_rss * kKiB, memory.rss * kKiB);
    out.print("RssAnon:\t%8lu kB\nRssFile:\t%8lu kB\nRssShmem:\t%8lu kB\n", memory.anon * kKiB,
              memory.file * kKiB, memory.shmem * kKiB);
    out.print("VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\n",
              memory.data * kKiB, memory.stack * kKiB, memory.text * kKiB, memory.libraries * kKiB);
    out.print("VmPTE:\t%8lu kB\nVmSwap:\t%8lu kB\n", memory.tables * kKiB, memory.swap * kKiB);
}

void print_cred_lines(SeqFile& out, Task& task) {
    const sched::Cred& cred = task.cred;
    out.print("Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", cred.uid, cred.euid, cred.suid,
              cred.fsuid, cred.gid, cred.egid, cred.sgid, cred.fsgid);
    auto files = files_of(task);
    out.print("FDSize:\t%u\nGroups:\t", files ? files->capacity() : 0);
    for (u32 i = 0; i < cred.group_count; i++) out.print("%u ", cred.groups[i]);
    out.write(cred.group_count == 0 ? " \n" : "\n");
}

/// The numbers in each process-number namespace; there is one.
void print_namespace_lines(SeqFile& out, const Task& task, const Snapshot& now) {
    out.print("NStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", task.tgid, task.pid, now.pgrp,
              now.session);
}

void print_signal_lines(SeqFile& out, const Task& task, const Snapshot& now) {
    out.print("SigQ:\t%lu/%lu\n", now.queued_signals, now.queued_limit);
    out.print("SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", now.pending,
              now.shared_pending, task.blocked);
    out.print("SigIgn:\t%016lx\nSigCgt:\t%016lx\n", now.ignored, now.caught);
}

void print_capability_lines(SeqFile& out, const Task& task) {
    const sched::Cred& cred = task.cred;
    out.print("CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\n",
              cred.cap_inheritable, cred.cap_permitted, cred.cap_effective, cred.cap_bounding);
    out.print("CapAmb:\t%016lx\nNoNewPrivs:\t%d\nSeccomp:\t0\nSeccomp_filters:\t0\n",
              cred.cap_ambient, task.has(sched::kNoNewPrivs) ? 1 : 0);
}

void print_processor_lines(SeqFile& out, const Task& task) {
    // Nothing is done against either.
    out.write(
        "Speculation_Store_Bypass:\tvulnerable\nSpeculationIndirectBranch:\talways enabled\n");
    out.write("Cpus_allowed:\t");
    print_cpu_mask(out, task.cpus_allowed);
    out.write("Cpus_allowed_list:\t");
    print_cpu_list(out, task.cpus_allowed);
    out.write("Mems_allowed:\t1\nMems_allowed_list:\t0\n");
    out.print("voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
              task.voluntary_switches, task.involuntary_switches);
}

Result<void> write_stat(SeqFile& out, Task& task, Scope scope) {
    const Snapshot now = TRY(take_snapshot(task, scope));
    const bool permitted = may_look_into(task);
    const MemoryFigures memory = memory_of(task, permitted);
    const process::TtyIdentity tty =
        process::tty_hooks ? process::tty_hooks->identify(task) : process::TtyIdentity{};
    // 1-8: who; 9-17: flags, faults, times.
    const char letter = sched::state_letter(task);
    out.print("%d (%s) %c %d %d %d %u %d", task.pid, name_of(task), letter, now.ppid, now.pgrp,
              now.session, tty.device, tty.foreground_pgrp);
    out.print(" %u %lu %lu %lu %lu", flags_of(task), now.used.minor_faults,
              now.children.minor_faults, now.used.major_faults, now.children.major_faults);
    out.print(" %lu %lu %ld %ld", now.used.user_ns / kNsPerTick, now.used.system_ns / kNsPerTick,
              i64(now.children.user_ns / kNsPerTick), i64(now.children.system_ns / kNsPerTick));
    // 18-25: priority, nice, threads, itrealvalue, start, memory.
    out.print(" %d %d %d 0 %lu %lu %lu %lu", task.prio - sched::kMaxRtPrio, task.nice, now.threads,
              task.start_time_ns / kNsPerTick, memory.total << kPageShift, memory.rss,
              now.rss_limit);
    // 26-30: addresses; esp and eip are told to nobody. 31-34: signals, the first 31 of them.
    constexpr u64 kOldSignals = 0x7fff'ffff;
    out.print(" %lu %lu %lu 0 0", memory.start_code, memory.end_code, memory.start_stack);
    out.print(" %lu %lu %lu %lu", now.pending & kOldSignals, task.blocked & kOldSignals,
              now.ignored & kOldSignals, now.caught & kOldSignals);
    // 35-52: wchan, swap counts, exit signal, processor, policy, delays, guest times, addresses.
    out.print(" %d 0 0", permitted && letter != 'R' ? 1 : 0);
    out.print(" %d %u %u %u 0 0 0", task.exit_signal, task.cpu.load(), task.rt_priority,
              task.policy);
    out.print(" %lu %lu %lu %lu %lu %lu %lu %d\n", memory.start_data, memory.end_data,
              memory.start_brk, memory.arg_start, memory.arg_end, memory.env_start, memory.env_end,
              permitted ? now.exit_code : 0);
    return {};
}

}  // namespace

Result<void> show_status(SeqFile& out, Task& task) {
    const Snapshot now = TRY(take_snapshot(task, Scope::Thread));
    const MemoryFigures memory = memory_of(task, true);
    const char letter = sched::state_letter(task);
    auto place = fs_of(task);
    out.write("Name:\t");
    write_name_escaped(out, task);
    if (place) out.print("\nUmask:\t%04o", place->umask.load());
    out.print("\nState:\t%c (%s)\n", letter, state_word(letter));
    out.print("Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n", task.tgid, task.pid,
              now.ppid, now.tracer);
    print_cred_lines(out, task);
    print_namespace_lines(out, task, now);
    if (memory.exists) print_memory_lines(out, memory);
    out.print("CoreDumping:\t0\nTHP_enabled:\t0\nThreads:\t%d\n", now.threads);
    print_signal_lines(out, task, now);
    print_capability_lines(out, task);
    print_processor_lines(out, task);
    return {};
}

Result<void> show_stat(SeqFile& out, Task& task) { return write_stat(out, task, Scope::Process); }
Result<void> show_thread_stat(SeqFile& out, Task& task) {
    return write_stat(out, task, Scope::Thread);
}

Result<void> show_statm(SeqFile& out, Task& task) {
    const MemoryFigures memory = memory_of(task, true);
    out.print("%lu %lu %lu %lu 0 %lu 0\n", memory.total, memory.rss, memory.file + memory.shmem,
              memory.text, memory.data + memory.stack);
    return {};
}

Result<void> show_comm(SeqFile& out, Task& task) {
    out.print("%s\n", name_of(task));
    return {};
}

Result<void> store_comm(std::string_view text, Task& task) {
    if (task.tgid != sched::current().tgid) return EINVAL;
    copy_string(task.comm, text.substr(0, text.find('\0')));
    return {};
}

Result<void> show_limits(SeqFile& out, Task& task) {
    static constexpr struct {
        const char *name, *unit;
    } kLimits[abi::kRlimits] = {{"Max cpu time", "seconds"},     {"Max file size", "bytes"},
                                {"Max data size", "bytes"},      {"Max stack size", "bytes"},
                                {"Max core file size", "bytes"}, {"Max resident set", "bytes"},
                                {"Max processes", "processes"},  {"Max open files", "files"},
                                {"Max locked memory", "bytes"},  {"Max address space", "bytes"},
                                {"Max file locks", "locks"},     {"Max pending signals", "signals"},
                                {"Max msgqueue size", "bytes"},  {"Max nice priority", ""},
                                {"Max realtime priority", ""},   {"Max realtime timeout", "us"}};
    abi::Rlimit limits[abi::kRlimits];
    {
        IrqGuard guard(sched::tasks_lock);
        if (!task.signal) return ESRCH;
        memcpy(limits, task.signal->rlimits, sizeof limits);
    }
    const auto print_value = [&](u64 value) {
        if (value != abi::RLIM_INFINITY) return out.print("%-20lu ", value);
        out.print("%-20s ", "unlimited");
    };
    out.print("%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (u32 i = 0; i < abi::kRlimits; i++) {
        out.print("%-25s ", kLimits[i].name);
        print_value(limits[i].current);
        print_value(limits[i].maximum);
        out.print("%-10s\n", kLimits[i].unit);
    }
    return {};
}

}  // namespace procfs
