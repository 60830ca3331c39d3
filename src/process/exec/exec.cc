// The order of execve(): build the new program beside the old one, then exchange them.

#include "process/exec/exec.h"
#include "process/exec/vdso.h"

#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/prctl.h"
#include "fs/namei.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/own.h"
#include "process/credentials.h"
#include "process/ptrace/ptrace.h"
#include "process/rseq.h"
#include "process/signal_internal.h"
#include "process/timer/posix_timer.h"
#include "process/trace_events.h"
#include "sched/user.h"

namespace process {

constinit std::atomic<u32> randomize_va_space{2};

namespace {

constexpr u64 kSecureStack = 8 << 20;  // a set-id program's limit is never more
/// Personality bits that make attacks easier: gone when a program gains rights.
constexpr u32 kPersonalityGoes =
    abi::READ_IMPLIES_EXEC | abi::ADDR_NO_RANDOMIZE | abi::ADDR_COMPAT_LAYOUT | abi::MMAP_PAGE_ZERO;
constexpr u64 kMinArgumentLimit = 128 * 1024, kMaxArgumentLimit = 6 << 20;

u64 argument_limit() {
    const u64 stack = sched::current().signal->rlimits[abi::RLIMIT_STACK].current;
    return std::max(kMinArgumentLimit, std::min(stack / 4, kMaxArgumentLimit));
}

Result<fs::Path> find_program(int dirfd, std::string_view name, u32 at_flags) {
    u32 flags = (at_flags & abi::AT_SYMLINK_NOFOLLOW) ? 0 : u32{fs::kLookupFollow};
    if (at_flags & abi::AT_EMPTY_PATH) flags |= fs::kLookupEmpty;
    if (name.empty() && !(at_flags & abi::AT_EMPTY_PATH)) return ENOENT;
    const fs::Path start = TRY(fs::start_of_walk(dirfd, name));
    return fs::lookup(start, name, flags);
}

Result<void> add_arguments(BinPrm& bprm, const ExecRequest& request, std::string_view name) {
    Arguments& arguments = bprm.arguments;
    const u32 skip = TRY(load_script(bprm, name));
    arguments.argc += TRY(arguments.add_list(request.argv, skip));
    if (arguments.argc == 0) {  // a program finds at least its argv[0]
        TRY(arguments.add(""));
        arguments.argc = 1;
    }
    arguments.env_start = arguments.bytes().size();
    arguments.envc = TRY(arguments.add_list(request.envp, 0));
    arguments.name_start = arguments.bytes().size();
    return arguments.add(name);
}

void set_comm(BinPrm& bprm, std::string_view name) {
    const usize slash = name.rfind('/');
    if (slash != name.npos) name.remove_prefix(slash + 1);
    copy_string(bprm.comm, name);
}

bool is_by_descriptor(const ExecRequest& request) {
    return request.dirfd != abi::AT_FDCWD && !request.name.starts_with('/');
}

/// What the program is told that it is called: the name as it was given, and for one that begins at
/// a descriptor "/dev/fd/3" or "/dev/fd/3/name".
class ProgramName {
public:
    /// ENOMEM.
    static Result<ProgramName> of(const ExecRequest& request) {
        if (!is_by_descriptor(request)) return ProgramName(nullptr, request.name);
        constexpr usize kPrefix = sizeof "/dev/fd/-2147483648/";
        const usize size = kPrefix + request.name.size() + 1;
        char* const room = static_cast<char*>(TRY(mm::kmalloc(size, mm::Gfp::Kernel)));
        const usize length =
            request.name.empty()
                ? format_to({room, size}, "/dev/fd/%d", request.dirfd)
                : format_to({room, size}, "/dev/fd/%d/%s", request.dirfd, request.name);
        return ProgramName(room, {room, length});
    }
    ProgramName(ProgramName&& from)
        : room_(std::exchange(from.room_, nullptr)), text_(from.text_) {}
    ~ProgramName() { mm::kfree(room_); }
    std::string_view text() const { return text_; }

private:
    ProgramName(char* room, std::string_view text) : room_(room), text_(text) {}
    char* room_;
    std::string_view text_;
};

/// A descriptor alone has no name to be called by; the file has.
void set_comm_of(BinPrm& bprm, const ExecRequest& request) {
    if (!request.name.empty()) return set_comm(bprm, request.name);
    char room[sizeof bprm.comm];
    set_comm(bprm, {room, bprm.file->path.dentry->copy_name(room)});
}

/// Everything that can be prepared without changing the running program.
Result<void> prepare(BinPrm& bprm, const ExecRequest& request) {
    const ProgramName name = TRY(ProgramName::of(request));
    Task& task = sched::current();
    bprm.randomize = randomize_va_space.load(std::memory_order_relaxed) > 0 &&
                     !(task.signal->personality & abi::ADDR_NO_RANDOMIZE);
    bprm.file = TRY(open_exec(request.dirfd, request.name, request.at_flags));
    set_comm_of(bprm, request);
    bprm.name_goes =
        is_by_descriptor(request) && TRY(sched::current().files->close_on_exec(request.dirfd));
    TRY(add_arguments(bprm, request, name.text()));
    compute_exec_creds(bprm);
    // ADDR_NO_RANDOMIZE is one of kPersonalityGoes.
    if (bprm.gains) bprm.randomize = randomize_va_space.load(std::memory_order_relaxed) > 0;
    bprm.mm = TRY(vm::MmStruct::create());
    TRY(load_elf_binary(bprm));
    TRY(map_vdso(bprm));
    return create_elf_tables(bprm);
}

/// A descriptor table that is shared with another process stays with that one.
Result<void> unshare_files(Task& task) {
    if (task.files->ref_count.value() == 1) return {};
    fs::FdTable* const own = TRY(task.files->duplicate());
    fs::FdTable* shared;
    {
        IrqGuard guard(tasks_lock);
        shared = std::exchange(task.files, own);
    }
    Ref<fs::FdTable>::adopt(shared).reset();
    return {};
}

/// Nobody who may not read a program may look into what it becomes.
bool may_be_looked_into(const Task& task, const BinPrm& bprm) {
    constexpr unsigned kRead = 4;
    if (!fs::inode_permission(*bprm.file->inode(), kRead).ok()) return false;
    return task.cred.euid == task.cred.uid && task.cred.egid == task.cred.gid;
}

/// The new rights come before the new memory: who asks for the memory first and then whether it may
/// look at it (mm_access) cannot get what it must not see. A tracer without power over the new
/// rights keeps them from being gained; it may have come since prepare().
void begin_new_rights(Task& task, BinPrm& bprm) {
    SignalStruct& signal = *task.signal;
    if (bprm.secure) {
        abi::Rlimit& stack = signal.rlimits[abi::RLIMIT_STACK];
        stack.current = std::min(stack.current, kSecureStack);
        task.pdeath_signal = 0;
    }
    if (bprm.gains) signal.personality &= ~kPersonalityGoes;
    IrqGuard guard(tasks_lock);
    signal.self_exec_id++;
    if (bprm.gains && ptrace_forbids_rights(task)) bprm.cred = task.cred;
    (void)commit_creds(bprm.cred);  // the real user stays, so this cannot fail, nor sleep
}

/// The running program ends here; what follows belongs to the new one.
void begin_new_exec(Task& task, BinPrm& bprm) {
    mm_release(task);
    begin_new_rights(task, bprm);
    const bool is_open = may_be_looked_into(task, bprm);
    if (!is_open) task.signal->dumpable = 0;  // from the first page on
    vm::MmStruct* const old = vm::exec_mmap(std::exchange(bprm.mm, nullptr));
    if (old) old->put();
    task.signal->dumpable = is_open;
    complete_vfork(task);
    exit_posix_timers(*task.signal);
    task.files->do_close_on_exec();
    flush_signal_handlers(task);
    memcpy(task.comm, bprm.comm, sizeof task.comm);
    task.altstack_base = VirtAddr(0);
    task.altstack_size = 0;
    task.altstack_flags = abi::SS_DISABLE;
    task.clear_child_tid = task.set_child_tid = VirtAddr(0);
    rseq_forget(task);
    task.signal->has_execed = true;
    task.exit_signal = abi::SIGCHLD;
    task.clear(sched::kForkedNoExec);
    arch::fpu_reset(task.arch);
    arch::segments_reset(task.arch);
    arch::debug_reset(task.arch);
}

void trace_exec(const Task& task, std::string_view name, sched::PidNumber old_pid) {
    if (!trace::is_enabled<SchedProcessExec>()) return;
    SchedProcessExec record{.filename = {}, .pid = task.pid, .old_pid = old_pid};
    const usize room = sizeof record.filename - 1;
    if (name.size() > room) name.remove_prefix(name.size() - room);
    copy_string(record.filename, name);
    trace::point(record);
}

}  // namespace

BinPrm::~BinPrm() {
    if (mm) mm->put();
}

Result<Ref<fs::File>> open_exec(int dirfd, std::string_view name, u32 at_flags) {
    const fs::Path path = TRY(find_program(dirfd, name, at_flags));
    const fs::Inode* inode = path.inode();
    if (inode == nullptr) return ENOENT;
    if (inode->is_symlink()) return ELOOP;
    if (!inode->is_regular() || (path.mount->flags & abi::MS_NOEXEC)) return EACCES;
    constexpr unsigned kExecute = 1;
    TRY(fs::inode_permission(*inode, kExecute));
    Ref<fs::File> file = TRY(fs::File::open(path, abi::O_RDONLY));
    TRY(file->deny_writing());
    return file;
}

Result<void> do_execveat(const ExecRequest& request, arch::TrapFrame& frame) {
    if (request.at_flags & ~(abi::AT_EMPTY_PATH | abi::AT_SYMLINK_NOFOLLOW)) return EINVAL;
    Task& task = sched::current();
    // setuid() into a user with too many tasks works, because programs do not expect it to fail.
    const u64 limit = task.signal->rlimits[abi::RLIMIT_NPROC].current;
    if (task.has(sched::kTooManyTasks) && has_too_many_processes(*task.user, limit)) return EAGAIN;
    task.clear(sched::kTooManyTasks);
    mm::Own<BinPrm> bprm = TRY(mm::make<BinPrm>(argument_limit()));
    TRY(prepare(*bprm, request));
    TRY(unshare_files(task));
    TRY(unshare_sighand(task));

    const sched::PidNumber old_pid = task.pid;
    TRY(de_thread(task));
    const VirtAddr entry = bprm->entry, stack = bprm->stack_pointer;
    sched::sched_exec();
    begin_new_exec(task, *bprm);
    frame = arch::user_start_frame(entry, stack);
    task.clear(sched::kForcedTf);
    trace_exec(task, request.name, old_pid);
    ptrace_exec(old_pid);
    return {};
}

}  // namespace process
