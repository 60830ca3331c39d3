// Where in the kernel a task is: wchan, stack, syscall.
//
// switch_stacks() leaves a sleeper's registers at the top of its stack, and the frame pointers lead
// from there outwards. The task may wake up meanwhile and use the stack for something else: so
// every word that is followed must lie in this one stack, which the caller's reference keeps. What
// is found then may be nonsense, but it is text.
#include "abi/errno.h"
#include "abi/prctl.h"
#include "core/log/panic.h"
#include "fs/procfs/pid/access.h"
#include "fs/procfs/pid_entry.h"
#include "sched/sched.h"
#include "sched/signal_struct.h"

namespace procfs {
namespace {

/// What switch_stacks() pushes (arch/x86_64/cpu/switch_to.cc), lowest address first.
struct SwitchFrame {
    u64 r15, r14, r13, r12, rbp, rbx, return_address;
};

/// The return addresses on a sleeper's kernel stack, from the inside out.
class StackWalk {
public:
    explicit StackWalk(const Task& task)
        : base_(reinterpret_cast<u64>(task.stack)), end_(base_ + sched::kKernelStackSize) {
        const u64 top = task.arch.rsp;
        if (task.on_cpu.load() || !holds(top, sizeof(SwitchFrame))) return;
        const auto* saved = reinterpret_cast<const volatile SwitchFrame*>(top);
        frame_ = saved->rbp;
        address_ = saved->return_address;
    }
    /// 0: that was all.
    u64 address() const { return address_; }
    void advance() {
        address_ = 0;
        if (++depth_ >= kMostFrames || !holds(frame_, 2 * sizeof(u64))) return;
        const auto* words = reinterpret_cast<const volatile u64*>(frame_);
        const u64 outer = words[0];
        address_ = words[1];
        frame_ = outer > frame_ ? outer : 0;
    }

private:
    static constexpr unsigned kMostFrames = 64;
    bool holds(u64 at, usize bytes) const {
        return base_ != 0 && at >= base_ && at <= end_ - bytes && at % sizeof(u64) == 0;
    }

    u64 base_, end_;
    u64 frame_ = 0, address_ = 0;
    unsigned depth_ = 0;
};

/// Functions that put a task to sleep on behalf of their caller, who is the one that waits: those
/// that Linux puts into the section .sched.text.
constexpr std::string_view kWaysToSleep[] = {
    "sched::schedule",    "sched::context_switch", "sched::WaitQueue::", "sched::WokenWaiter::",
    "sched::Mutex::",     "sched::RwSemaphore::",  "sched::Semaphore::", "sched::Completion::",
    "sched::sleep_until", "sched::hrtimer_sleep",  "sched::msleep",      "ipc::schedule_until",
    "ipc::PollWait::",
};

bool is_way_to_sleep(std::string_view name) {
    for (std::string_view way : kWaysToSleep) {
        if (name.starts_with(way)) return true;
    }
    return false;
}

/// A name as Linux has it: of "process::do_wait" the last word; a class keeps its name
/// ("Pipe::read"). A system call may have become part of syscall::call<&sys_x>, which unpacks its
/// arguments.
std::string_view without_namespaces(std::string_view name) {
    constexpr std::string_view kCall = "syscall::call<&";
    if (name.starts_with(kCall) && name.ends_with('>')) {
        name = name.substr(kCall.size(), name.size() - kCall.size() - 1);
    }
    for (usize colons; (colons = name.find("::")) != name.npos; name.remove_prefix(colons + 2)) {
        const char first = name.front();
        if (first < 'a' || first > 'z' || name.find('<') < colons) break;
    }
    return name;
}

/// Whether the task has left the processor and stays away. One that is about to is given a moment:
/// its state says where it goes before it gets there. Linux: wait_task_inactive().
bool is_asleep(const Task& task) {
    constexpr int kMostTries = 100;
    for (int i = 0; i < kMostTries; i++) {
        if (task.state.load() == sched::kRunning) return false;
        if (!task.on_cpu.load() && !task.on_rq.load()) return true;
        sched::yield();
    }
    return false;
}

}  // namespace

Result<void> show_wchan(SeqFile& out, Task& task) {
    std::string_view name = "0";
    if (&task != &sched::current() && may_look_into(task) && is_asleep(task)) {
        for (StackWalk walk(task); walk.address() != 0; walk.advance()) {
            const Symbol symbol = find_symbol(walk.address());
            if (symbol.name.empty()) break;
            if (is_way_to_sleep(symbol.name)) continue;
            name = without_namespaces(symbol.name);
            break;
        }
    }
    out.write(name);
    return {};
}

Result<void> show_stack(SeqFile& out, Task& task) {
    if (!sched::capable(abi::CAP_SYS_ADMIN)) return EACCES;
    TRY(check_look_into(task, EPERM));
    bool inside_sleep = true;
    for (StackWalk walk(task); walk.address() != 0; walk.advance()) {
        const Symbol symbol = find_symbol(walk.address());
        if (symbol.name.empty()) break;
        inside_sleep = inside_sleep && is_way_to_sleep(symbol.name);
        if (!inside_sleep) {
            out.print("[<0>] %s+%#lx/%#lx\n", symbol.name, symbol.offset, symbol.size);
        }
    }
    return {};
}

Result<void> show_syscall(SeqFile& out, Task& task) {
    TRY(check_look_into(task, EPERM));
    if (&task != &sched::current() && !is_asleep(task)) {
        out.write("running\n");
        return {};
    }
    if (task.has(sched::kKernelThread) || task.has(sched::kExiting)) {
        out.write("-1 0x0 0x0\n");
        return {};
    }
    const arch::TrapFrame& frame = sched::user_frame(task);
    const i64 number = static_cast<i64>(frame.orig_rax);
    if (number < 0) {
        out.print("-1 0x%lx 0x%lx\n", frame.rsp, frame.rip);
        return {};
    }
    out.print("%ld 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx\n", number, frame.rdi, frame.rsi,
              frame.rdx, frame.r10, frame.r8, frame.r9, frame.rsp, frame.rip);
    return {};
}

}  // namespace procfs
