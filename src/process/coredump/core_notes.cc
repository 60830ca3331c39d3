// The notes of a core file: what debuggers want to know beside the memory.

#include "arch/cpu_features.h"
#include "arch/task.h"
#include "mm/slab.h"
#include "process/coredump/coredump_internal.h"
#include "process/process.h"

namespace process {

namespace {

Result<void> add_note(GrowingBytes& notes, std::string_view name, u32 type,
                      std::span<const std::byte> contents) {
    TRY(notes.add(abi::Elf64Nhdr{static_cast<u32>(name.size() + 1),
                                 static_cast<u32>(contents.size()), type}));
    TRY(notes.append(name.data(), name.size()));
    TRY(notes.append("", 1));
    TRY(notes.align(4));
    TRY(notes.append(contents.data(), contents.size()));
    return notes.align(4);
}

template <class T>
Result<void> add_note_of(GrowingBytes& notes, u32 type, const T& value) {
    return add_note(notes, "CORE", type, std::as_bytes(std::span(&value, 1)));
}

abi::UserRegs registers_of(Task& task) {
    const arch::TrapFrame& frame = sched::user_frame(task);
    const bool runs = &task == &sched::current();
    const arch::Selectors selectors = runs ? arch::get_selectors() : task.arch.selectors;
    abi::UserRegs to;
    static_assert(sizeof frame == offsetof(abi::UserRegs, fs_base));
    memcpy(&to, &frame, sizeof frame);
    to.fs_base = runs ? arch::get_fs_base() : task.arch.fs_base;
    to.gs_base = runs ? arch::get_gs_base() : task.arch.gs_base;
    to.ds = selectors.ds;
    to.es = selectors.es;
    to.fs = selectors.fs;
    to.gs = selectors.gs;
    return to;
}

abi::CoreTime core_time(u64 ns) {
    return {static_cast<i64>(ns / 1'000'000'000), static_cast<i64>(ns % 1'000'000'000 / 1000)};
}

abi::ElfPrstatus status_of(Task& task, const abi::SigInfo& info) {
    const SignalStruct& signal = *task.signal;
    abi::ElfPrstatus to{};
    to.signo = info.signo;
    to.code = info.code;
    to.error = info.error;
    to.current_signal = static_cast<i16>(info.signo);
    to.pending = task.pending->set;
    to.blocked = task.blocked;
    IrqGuard guard(tasks_lock);
    const bool leads = task.group_leader == &task;
    const CpuTimes times = leads ? process_times_locked(task) : sched::cpu_times(task);
    to.pid = task.pid;
    to.ppid = task.parent->tgid;
    to.pgrp = signal.pgrp;
    to.session = signal.session;
    to.user = core_time(times.user_ns);
    to.system = core_time(times.system_ns);
    to.child_user = core_time(signal.children.user_ns.load());
    to.child_system = core_time(signal.children.system_ns.load());
    to.registers = registers_of(task);
    to.fpu_valid = 1;
    return to;
}

/// The command line, its strings parted by spaces.
void copy_arguments(Task& task, std::span<char> room) {
    vm::MmStruct& mm = *task.mm;
    const usize bytes = mm.arg_end > mm.arg_start ? mm.arg_end - mm.arg_start : 0;
    const std::span<char> part = room.first(std::min(bytes, room.size() - 1));
    const usize got = mm.access_remote(mm.arg_start, std::as_writable_bytes(part), false);
    for (char& c : part.first(got)) {
        if (c == '\0') c = ' ';
    }
}

abi::ElfPrpsinfo process_info(Task& task) {
    abi::ElfPrpsinfo to{};
    to.letter = 'R';  // what it did was to run into a signal
    to.nice = static_cast<i8>(task.nice);
    to.uid = task.cred.uid;
    to.gid = task.cred.gid;
    copy_string(to.name, std::string_view(task.comm));
    copy_arguments(task, to.arguments);
    IrqGuard guard(tasks_lock);
    to.pid = task.tgid;
    to.ppid = task.group_leader->parent->tgid;
    to.pgrp = task.signal->pgrp;
    to.session = task.signal->session;
    return to;
}

Result<void> add_auxv(GrowingBytes& notes, const vm::MmStruct& mm) {
    usize words = 0;
    while (words + 2 < std::size(mm.auxv) && mm.auxv[words]) words += 2;  // up to AT_NULL
    return add_note(notes, "CORE", abi::NT_AUXV,
                    std::as_bytes(std::span(mm.auxv).first(words + 2)));
}

Result<void> add_files(GrowingBytes& notes, const CoreAreas& areas) {
    if (areas.file_count == 0) return {};
    GrowingBytes note;
    TRY(note.add(areas.file_count));
    TRY(note.add(u64{kPageSize}));
    TRY(note.append(areas.files.bytes().data(), areas.files.size()));
    TRY(note.append(areas.file_names.bytes().data(), areas.file_names.size()));
    return add_note(notes, "CORE", abi::NT_FILE, note.bytes());
}

/// The FXSAVE part by itself, and everything with the mask of what is in it where debuggers look
/// for that: in bytes that XSAVE leaves to software (Intel SDM vol. 1, 13.4.1).
Result<void> add_fpu(GrowingBytes& notes, Task& task) {
    constexpr usize kFxsaveSize = 512, kMaskOffset = 464;
    const usize size = arch::fpu_state_size();
    auto* const area = static_cast<std::byte*>(TRY(mm::kmalloc(size, mm::Gfp::Kernel)));
    arch::fpu_copy_out(task.arch, area);
    Result<void> done = add_note(notes, "CORE", abi::NT_FPREGSET, {area, kFxsaveSize});
    if (done.ok() && arch::cpu_features.xsave) {
        memcpy(area + kMaskOffset, &arch::cpu_features.xcr0, sizeof arch::cpu_features.xcr0);
        done = add_note(notes, "LINUX", abi::NT_X86_XSTATE, {area, size});
    }
    mm::kfree(area);
    return done;
}

}  // namespace

Result<void> write_notes(const DumpedProcess& process, const CoreAreas& areas,
                         GrowingBytes& notes) {
    Task& first = process.dumper;
    TRY(add_note_of(notes, abi::NT_PRSTATUS, status_of(first, process.info)));
    TRY(add_note_of(notes, abi::NT_PRPSINFO, process_info(first)));
    TRY(add_note_of(notes, abi::NT_SIGINFO, process.info));
    TRY(add_auxv(notes, *first.mm));
    TRY(add_files(notes, areas));
    TRY(add_fpu(notes, first));
    for (CoreThread& other : process.others) {
        TRY(add_note_of(notes, abi::NT_PRSTATUS, status_of(*other.task, process.info)));
        TRY(add_fpu(notes, *other.task));
    }
    return {};
}

}  // namespace process
