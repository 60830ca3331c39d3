// What a task is and does: stat, status, statm, limits and smaller ones, in the formats that ps and
// top parse. See: Linux, Documentation/filesystems/proc.rst.
#include "abi/resource.h"
#include "core/log/panic.h"
#include "core/time/clock.h"
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

/// What the task list and the signal locks guard, read in one go.
struct Snapshot {
    int ppid = 0, pgrp = 0, session = 0, threads = 1, exit_code = 0;
    u64 pending = 0, shared_pending = 0, ignored = 0, caught = 0;
    u64 user_ns = 0, system_ns = 0, child_user_ns = 0, child_system_ns = 0;
    u64 minor_faults = 0, major_faults = 0, child_minor_faults = 0, child_major_faults = 0;
    u64 stack_limit = 0;
};

void add_signals(Snapshot& out, Task& task) {
    IrqGuard guard(task.sighand->lock);
    if (task.pending) out.pending = task.pending->set;
    if (task.signal) out.shared_pending = task.signal->shared_pending.set;
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
    out.stack_limit = signal.rlimits[abi::RLIMIT_STACK].current;
    const process::CpuTimes times = process::process_times_locked(task);
    out.user_ns = times.user_ns;
    out.system_ns = times.system_ns;
    out.child_user_ns = signal.child_user_ns.load();
    out.child_system_ns = signal.child_system_ns.load();
    out.minor_faults = task.min_faults + signal.minor_faults.load();
    out.major_faults = task.maj_faults + signal.major_faults.load();
    out.child_minor_faults = signal.child_minor_faults.load();
    out.child_major_faults = signal.child_major_faults.load();
}

/// A kernel thread is no process, but has its time.
void add_kernel_thread(Snapshot& out, const Task& task) {
    const sched::CpuTimes times = sched::cpu_times(task);
    out.user_ns = times.user_ns;
    out.system_ns = times.system_ns;
    out.threads = 1;
}

/// The flags as Linux numbers them: PF_KTHREAD or PF_RANDOMIZE, PF_WQ_WORKER, PF_NO_SETAFFINITY.
u32 flags_of(const Task& task) {
    return (task.has(sched::kKernelThread) ? 0x20'0000u : 0x40'0000u) |
           (task.has(sched::kWqWorker) ? 0x20u : 0) |
           (task.has(sched::kNoSetAffinity) ? 0x400'0000u : 0);
}

Snapshot take_snapshot(Task& task) {
    Snapshot out;
    IrqGuard guard(sched::tasks_lock);
    // A task that was reaped meanwhile is in no list any more, and has lost its parts.
    if (sched::find_task(task.pid) != &task) return out;
    if (task.parent) out.ppid = task.parent->tgid;
    out.exit_code = task.exit_code;
    if (task.signal) {
        add_process(out, task);
    } else {
        add_kernel_thread(out, task);
    }
    if (task.sighand) add_signals(out, task);
    return out;
}

/// The memory figures of a task; zeros without an address space.
struct MemoryFigures {
    u64 total = 0, peak_rss = 0, rss = 0, anon = 0, file = 0, shmem = 0;  // pages
    u64 data = 0, stack = 0, text_pages = 0, locked = 0, tables = 0;
    u64 start_code = 0, end_code = 0, start_stack = 0, start_data = 0, end_data = 0, start_brk = 0;
    u64 arg_start = 0, arg_end = 0, env_start = 0, env_end = 0;
    bool exists = false;
};

u64 at_least_zero(i64 value) { return value > 0 ? static_cast<u64>(value) : 0; }

MemoryFigures memory_of(Task& task) {
    MemoryFigures out;
    const TaskMm mm(task);
    if (!mm) return out;
    out.exists = true;
    out.total = mm->total_vm.load();
    out.rss = at_least_zero(mm->rss());
    out.peak_rss = std::max(at_least_zero(mm->hiwater_rss.load()), out.rss);
    out.anon = at_least_zero(mm->rss_anon.load());
    out.file = at_least_zero(mm->rss_file.load());
    out.shmem = at_least_zero(mm->rss_shmem.load());
    out.data = mm->data_vm.load();
    out.stack = mm->stack_vm.load();
    out.locked = mm->locked_vm.load();
    out.tables = at_least_zero(mm->page_table_pages.load());
    sched::ReadGuard guard(mm->mmap_lock);
    out.start_code = mm->start_code.raw(), out.end_code = mm->end_code.raw();
    out.text_pages = (page_up(mm->end_code) - page_down(mm->start_code)) >> kPageShift;
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
    case 'Z': return "zombie";
    default: return "dead";
    }
}

void print_memory_lines(SeqFile& out, const MemoryFigures& memory) {
    constexpr u64 kKiB = kPageSize / 1024;
    out.print("VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8lu kB\n",
              memory.total * kKiB, memory.total * kKiB, memory.locked * kKiB, 0);
    out.print("VmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\n", memory.peak_rss * kKiB, memory.rss * kKiB);
    out.print("RssAnon:\t%8lu kB\nRssFile:\t%8lu kB\nRssShmem:\t%8lu kB\n", memory.anon * kKiB,
              memory.file * kKiB, memory.shmem * kKiB);
    out.print("VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\n",
              memory.data * kKiB, memory.stack * kKiB, memory.text_pages * kKiB, 0);
    out.print("VmPTE:\t%8lu kB\nVmSwap:\t%8lu kB\n", memory.tables * kKiB, 0);
}

void print_cred_lines(SeqFile& out, const sched::Cred& cred) {
    out.print("Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", cred.uid, cred.euid, cred.suid,
              cred.fsuid, cred.gid, cred.egid, cred.sgid, cred.fsgid);
    out.print("Groups:\t");
    for (u32 i = 0; i < cred.group_count; i++) out.print("%u ", cred.groups[i]);
    out.print("\n");
}

}  // namespace

Result<void> show_status(SeqFile& out, Task& task) {
    const Snapshot now = take_snapshot(task);
    const MemoryFigures memory = memory_of(task);
    const char letter = sched::state_letter(task);
    auto place = fs_of(task);
    out.print("Name:\t%s\nUmask:\t%04o\nState:\t%c (%s)\n", name_of(task),
              place ? place->umask.load() : 0, letter, state_word(letter));
    out.print("Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", task.tgid, task.pid,
              now.ppid);
    print_cred_lines(out, task.cred);
    if (memory.exists) print_memory_lines(out, memory);
    out.print("CoreDumping:\t0\nThreads:\t%d\n", now.threads);
    out.print("SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", now.pending,
              now.shared_pending, task.blocked);
    out.print("SigIgn:\t%016lx\nSigCgt:\t%016lx\n", now.ignored, now.caught);
    const sched::Cred& cred = task.cred;
    out.print("CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\n",
              cred.cap_inheritable, cred.cap_permitted, cred.cap_effective, cred.cap_bounding);
    out.print("CapAmb:\t%016lx\nNoNewPrivs:\t0\nSeccomp:\t0\n", 0ul);
    out.print("Cpus_allowed:\t%lx\n", task.cpus_allowed & possible_cpus.bits());
    out.print("voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
              task.voluntary_switches, task.involuntary_switches);
    return {};
}

Result<void> show_stat(SeqFile& out, Task& task) {
    const Snapshot now = take_snapshot(task);
    const MemoryFigures memory = memory_of(task);
    const process::TtyIdentity tty =
        process::tty_hooks ? process::tty_hooks->identify(task) : process::TtyIdentity{};
    // 1-8: who; 9-17: flags, faults, times.
    out.print("%d (%s) %c %d %d %d %u %d", task.pid, name_of(task), sched::state_letter(task),
              now.ppid, now.pgrp, now.session, tty.device, tty.foreground_pgrp);
    out.print(" %u %lu %lu %lu %lu", flags_of(task), now.minor_faults, now.child_minor_faults,
              now.major_faults, now.child_major_faults);
    out.print(" %lu %lu %ld %ld", now.user_ns / kNsPerTick, now.system_ns / kNsPerTick,
              i64(now.child_user_ns / kNsPerTick), i64(now.child_system_ns / kNsPerTick));
    // 18-25: priority, nice, threads, itrealvalue, start, memory.
    out.print(" %d %d %d 0 %lu %lu %lu %lu", 20 + task.nice, task.nice, now.threads,
              task.start_time_ns / kNsPerTick, memory.total << kPageShift, memory.rss, ~0ul);
    // 26-30: addresses; esp and eip are told to nobody. 31-34: signals, the first 31 of them.
    constexpr u64 kOldSignals = 0x7fff'ffff;
    out.print(" %lu %lu %lu 0 0", memory.start_code, memory.end_code, memory.start_stack);
    out.print(" %lu %lu %lu %lu", now.pending & kOldSignals, task.blocked & kOldSignals,
              now.ignored & kOldSignals, now.caught & kOldSignals);
    // 35-52: wchan, swap counts, exit signal, processor, policy, delays, guest times, addresses.
    out.print(" 0 0 0 %d %u %u %u 0 0 0", task.exit_signal, task.cpu.load(), task.rt_priority,
              task.policy);
    out.print(" %lu %lu %lu %lu %lu %lu %lu %d\n", memory.start_data, memory.end_data,
              memory.start_brk, memory.arg_start, memory.arg_end, memory.env_start, memory.env_end,
              now.exit_code);
    return {};
}

Result<void> show_statm(SeqFile& out, Task& task) {
    const MemoryFigures memory = memory_of(task);
    out.print("%lu %lu %lu %lu 0 %lu 0\n", memory.total, memory.rss, memory.file + memory.shmem,
              memory.text_pages, memory.data + memory.stack);
    return {};
}

Result<void> show_comm(SeqFile& out, Task& task) {
    out.print("%s\n", name_of(task));
    return {};
}

Result<void> store_comm(std::string_view text, Task& task) {
    if (task.tgid != sched::current().tgid) return EINVAL;
    copy_string(task.comm, libfs::trim(text));
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

Result<void> show_wchan(SeqFile& out, Task& task) {
    const char* channel = task.state.load() == sched::kRunning ? nullptr : task.wait_channel;
    out.print("%s", channel ? channel : "0");
    return {};
}

/// The kernel functions that a sleeping task is in, found along its saved frame pointers.
Result<void> show_stack(SeqFile& out, Task& task) {
    if (task.on_cpu.load()) return {};
    const u64 base = reinterpret_cast<u64>(task.stack), end = base + sched::kKernelStackSize;
    const auto inside = [&](u64 at) { return at >= base && at <= end - 16 && at % 8 == 0; };
    if (!inside(task.arch.rsp) || !inside(task.arch.rsp + 6 * 8)) return {};
    // switch_stacks() left r15 r14 r13 r12 rbx rbp or the like, and rbp points to the first frame.
    const u64* saved = reinterpret_cast<const u64*>(task.arch.rsp);
    u64 frame = 0;
    for (int i = 0; i < 6 && !frame; i++) {
        if (inside(saved[i]) && saved[i] > task.arch.rsp) frame = saved[i];
    }
    for (int depth = 0; depth < 32 && inside(frame); depth++) {
        const u64* at = reinterpret_cast<const u64*>(frame);
        const Symbol symbol = find_symbol(at[1]);
        if (symbol.name.empty()) break;
        out.print("[<0>] %s+%#lx\n", symbol.name, symbol.offset);
        if (at[0] <= frame) break;
        frame = at[0];
    }
    return {};
}

Result<void> show_syscall(SeqFile& out, Task& task) {
    if (task.state.load() == sched::kRunning) {
        out.print("running\n");
        return {};
    }
    if (task.has(sched::kKernelThread) || !task.stack) return EINVAL;
    const arch::TrapFrame& frame = sched::user_frame(task);
    out.print("%d 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx\n", task.syscall_number,
              frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9, frame.rsp, frame.rip);
    return {};
}

Result<void> show_zero(SeqFile& out, Task&) {
    out.print("0\n");
    return {};
}

/// Nothing is charged to tasks yet.
Result<void> show_io(SeqFile& out, Task&) {
    out.print(
        "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n"
        "cancelled_write_bytes: 0\n");
    return {};
}

}  // namespace procfs
