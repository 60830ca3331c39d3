// The first tasks: init, which becomes a program, and kthreadd, the parent of kernel threads.

#include "abi/fcntl.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "fs/fd_table.h"
#include "fs/namei.h"
#include "ipc/pipe.h"
#include "lib/errno_name.h"
#include "lib/string.h"
#include "mm/page_alloc.h"
#include "process/exec/exec.h"
#include "process/futex/futex.h"
#include "process/oom/oom.h"
#include "process/signal_internal.h"
#include "sched/kthread.h"

namespace process {

namespace {

constexpr u64 kStackLimit = 8 << 20;
constexpr u32 kMaxWords = 32;  // as init/command_line.h

constinit Task* kthreadd = nullptr;
constinit const InitCommand* init_command = nullptr;

// --- kernel threads ------------------------------------------------------------------------------

Result<void> adopt_kernel_thread(Task& task) {
    const bool first = kthreadd == nullptr;
    TRY(sched::reserve_pid(task, first ? sched::kKthreaddPid : 0));
    IrqGuard guard(tasks_lock);
    task.tgid = task.pid;
    task.group_leader = &task;
    task.threads.push_back(task);
    if (first) {
        kthreadd = &task;
    } else {
        task.parent = kthreadd;
        kthreadd->children.push_back(task);
    }
    sched::attach_pid(task);
    return {};
}

void exit_kernel_thread(Task& task) {
    DeadTasks dead;
    {
        IrqGuard guard(tasks_lock);
        sched::set_special_state(sched::kZombie);
        task.thread_link.unlink();
        if (task.sibling_link.is_linked()) task.sibling_link.unlink();
        sched::free_pid(task);
        dead.push_back(task);
    }
    put_dead(dead);
    sched::do_task_dead();
}

void kthreadd_main(void*) {
    for (;;) {
        sched::set_current_state(sched::kInterruptible);
        sched::schedule();
    }
}

// --- init ----------------------------------------------------------------------------------------

/// Linux' defaults (include/asm-generic/resource.h).
void set_default_limits(SignalStruct& signal) {
    using namespace abi;
    const u64 threads = mm::total_pages() / 32;
    signal.rlimits[RLIMIT_STACK] = {kStackLimit, RLIM_INFINITY};
    signal.rlimits[RLIMIT_CORE] = {0, RLIM_INFINITY};
    signal.rlimits[RLIMIT_NPROC] = {threads, threads};
    signal.rlimits[RLIMIT_NOFILE] = {1024, 4096};
    signal.rlimits[RLIMIT_MEMLOCK] = {8 << 20, 8 << 20};
    signal.rlimits[RLIMIT_SIGPENDING] = {threads, threads};
    signal.rlimits[RLIMIT_MSGQUEUE] = {819200, 819200};
    signal.rlimits[RLIMIT_NICE] = {0, 0};
    signal.rlimits[RLIMIT_RTPRIO] = {0, 0};
}

/// Descriptors 0, 1, 2: the console, if there is one.
void open_console() {
    Result<Ref<fs::File>> console = fs::do_open(abi::AT_FDCWD, "/dev/console", abi::O_RDWR, 0);
    if (!console.ok()) {
        printk(Level::Warning, "Warning: unable to open an initial console.\n");
        return;
    }
    const Ref<fs::File> file = console.take();
    for (int i = 0; i < 3; i++) {
        Result<fs::FdReservation> slot = fs::reserve_fd(false);
        if (slot.ok()) slot.value().install(file);
    }
}

/// The paths that were tried, for the panic.
struct Attempts {
    char text[400] = {};
    usize length = 0;

    void note(const char* path, Errno why) {
        length +=
            format_to(std::span(text).subspan(length), "%s%s: %s", length ? ", " : "", path, why);
        if (length >= sizeof text) length = sizeof text - 1;
    }
};

/// argv[0] is the path; then the words of the command line that nobody knew.
Result<void> run_init_process(const char* path, arch::TrapFrame& frame) {
    const char* argv[kMaxWords + 1] = {path};
    const char* envp[kMaxWords + 2] = {"HOME=/", "TERM=linux"};
    usize argc = 1, envc = 2;
    for (const char* word :
         init_command->argv.first(std::min<usize>(init_command->argv.size(), kMaxWords))) {
        argv[argc++] = word;
    }
    for (const char* word :
         init_command->envp.first(std::min<usize>(init_command->envp.size(), kMaxWords))) {
        envp[envc++] = word;
    }
    const ExecRequest request{.dirfd = abi::AT_FDCWD,
                              .name = {path, strlen(path)},
                              .at_flags = 0,
                              .argv = {.user = {}, .kernel = {argv, argc}, .from_kernel = true},
                              .envp = {.user = {}, .kernel = {envp, envc}, .from_kernel = true}};
    return do_execveat(request, frame);
}

bool try_init(const char* path, arch::TrapFrame& frame, Attempts& attempts) {
    const Result<void> done = run_init_process(path, frame);
    if (done.ok()) {
        printk("Run %s as init process\n", path);
        return true;
    }
    attempts.note(path, done.error());
    return false;
}

const char* given(const char* word) { return word && word[0] ? word : nullptr; }

/// Order of Linux' kernel_init(): the initramfs first, then init=, then the usual places. A program
/// that was asked for and cannot be run is an error; nothing else is tried then.
bool choose_init(arch::TrapFrame& frame, Attempts& attempts) {
    const char* const rdinit = given(init_command->rdinit);
    const char* const init = given(init_command->init);
    const char* const early = rdinit ? rdinit : "/init";
    if (try_init(early, frame, attempts)) return true;
    if (rdinit) printk(Level::Err, "cannot run %s: %s\n", rdinit, attempts.text);
    if (init) return try_init(init, frame, attempts);
    for (const char* path : {"/sbin/init", "/etc/init", "/bin/init", "/bin/sh"}) {
        if (try_init(path, frame, attempts)) return true;
    }
    return false;
}

/// Task 1's first instructions. Returning enters user mode with the frame at the stack's top.
void kernel_init() {
    Attempts attempts;
    open_console();
    if (choose_init(sched::user_frame(sched::current()), attempts)) return;
    panic("No working init found. Tried %s. Try passing init= to the kernel.", attempts.text);
}

Result<Task*> make_init_task() {
    Task* const task = TRY(sched::alloc_task());
    TRY(make_process_parts(*task));
    copy_string(task->comm, "init");
    set_default_limits(*task->signal);
    task->files = TRY(fs::FdTable::create());
    const fs::Path root = fs::root_path();
    task->fs = TRY(fs::FsStruct::create(root, root, 022));
    TRY(sched::sched_fork(*task, sched::current()));
    task->cpus_allowed = ~u64{0};
    arch::prepare_stack(task->arch, static_cast<u8*>(task->stack) + sched::kKernelStackSize,
                        kernel_init);
    TRY(sched::reserve_pid(*task, sched::kInitPid));
    IrqGuard guard(tasks_lock);
    task->tgid = task->pid;
    task->group_leader = task;
    task->threads.push_back(*task);
    task->parent = &sched::current();
    sched::attach_pid(*task);
    return task;
}

}  // namespace

void init() {
    init_cpu_timers();
    futex_init();
    sched::adopt_kthread = adopt_kernel_thread;
    sched::kthread_exit_hook = exit_kernel_thread;
    arm_oops();
    ipc::broken_pipe_hook = [] { send_signal_to_self(abi::SIGPIPE); };
    const Result<Task*> thread = sched::kthread_run(kthreadd_main, nullptr, "kthreadd");
    if (!thread.ok()) panic("cannot start kthreadd: %s", thread.error());
    const Result<void> oom = init_oom();
    if (!oom.ok()) panic("cannot start oom_reaper: %s", oom.error());
}

void start_init(const InitCommand& command) {
    init_command = &command;
    Result<Task*> task = make_init_task();
    if (!task.ok()) panic("cannot make task 1: %s", task.error());
    sched::count_fork();
    sched::wake_up_new_task(*task.value());
}

}  // namespace process
