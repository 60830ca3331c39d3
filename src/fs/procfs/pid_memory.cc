// What lies in a task's address space: cmdline, environ, auxv, maps.
#include "fs/char_dev.h"
#include "fs/procfs/pid_entry.h"
#include "mm/slab.h"

namespace procfs {
namespace {

constexpr usize kMostText = 1 << 20;

/// Appends the bytes [from, to) of the address space.
Result<void> write_memory(SeqFile& out, vm::MmStruct& mm, VirtAddr from, VirtAddr to) {
    auto* buffer = static_cast<char*>(TRY(mm::kmalloc(kPageSize, mm::Gfp::Kernel)));
    const usize total = from < to ? std::min<usize>(to - from, kMostText) : 0;
    for (usize done = 0; done < total;) {
        const usize piece = std::min(total - done, kPageSize);
        const usize got =
            mm.access_remote(from + done, {reinterpret_cast<std::byte*>(buffer), piece}, false);
        out.write({buffer, got});
        done += got;
        if (got < piece) break;
    }
    mm::kfree(buffer);
    return {};
}

struct Range {
    VirtAddr start, end;
};

Range range_of(vm::MmStruct& mm, VirtAddr vm::MmStruct::*start, VirtAddr vm::MmStruct::*end) {
    sched::ReadGuard guard(mm.mmap_lock);
    return {mm.*start, mm.*end};
}

/// What stands at the end of a line of maps: a file's name, or what the area is for.
void write_area_name(SeqFile& out, const vm::VmArea& area, std::span<char> room, usize length) {
    if (area.file) {
        out.write_escaped({room.data(), length}, "\n");
    } else if (area.flags & vm::kVmHeap) {
        out.write("[heap]");
    } else if (area.flags & vm::kVmStack) {
        out.write("[stack]");
    }
}

}  // namespace

/// A program that overwrites its arguments with what ps is to show (setproctitle) leaves no NUL at
/// their end, and may go on into the environment behind them: then the text ends at the first NUL.
Result<void> show_cmdline(SeqFile& out, Task& task) {
    const TaskMm mm(task);
    if (!mm) return {};
    const Range args = range_of(*mm, &vm::MmStruct::arg_start, &vm::MmStruct::arg_end);
    const Range env = range_of(*mm, &vm::MmStruct::env_start, &vm::MmStruct::env_end);
    if (args.start >= args.end) return {};
    char last = 0;
    mm->access_remote(args.end - 1, std::as_writable_bytes(std::span(&last, 1)), false);
    if (last == 0) return write_memory(out, *mm, args.start, args.end);
    const VirtAddr most = args.start + kPageSize;
    const VirtAddr end = env.start == args.end && env.end > env.start ? env.end : args.end;
    TRY(write_memory(out, *mm, args.start, std::min(end, most)));
    const usize nul = out.text().find('\0');
    if (nul != out.text().npos) out.shorten_to(nul + 1);
    return {};
}

Result<void> show_environ(SeqFile& out, Task& task) {
    const TaskMm mm(task);
    if (!mm) return {};
    const Range env = range_of(*mm, &vm::MmStruct::env_start, &vm::MmStruct::env_end);
    return write_memory(out, *mm, env.start, env.end);
}

Result<void> show_auxv(SeqFile& out, Task& task) {
    const TaskMm mm(task);
    if (!mm) return {};
    usize words = 0;
    while (words + 2 < std::size(mm->auxv) && mm->auxv[words]) words += 2;  // up to AT_NULL
    out.write({reinterpret_cast<const char*>(mm->auxv), (words + 2) * sizeof(u64)});
    return {};
}

void write_area(SeqFile& out, const vm::VmArea& area, std::span<char> room) {
    constexpr usize kNameColumn = 73;
    u32 device = 0;
    u64 inode = 0;
    const usize length = area.file ? area.file->describe(room, device, inode) : 0;
    const usize start_of_line = out.text().size();
    out.print("%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", area.start, area.end,
              area.flags & vm::kVmRead ? 'r' : '-', area.flags & vm::kVmWrite ? 'w' : '-',
              area.flags & vm::kVmExec ? 'x' : '-', area.is_shared() ? 's' : 'p',
              area.file ? area.page_offset << kPageShift : 0, fs::major_of(device),
              fs::minor_of(device), inode);
    if (area.file || (area.flags & (vm::kVmHeap | vm::kVmStack))) {
        while (out.text().size() - start_of_line < kNameColumn && out.error().ok()) out.write(" ");
        write_area_name(out, area, room, length);
    }
    out.write("\n");
}

Result<void> show_maps(SeqFile& out, Task& task) {
    const TaskMm mm(task);
    if (!mm) return {};
    auto* room = static_cast<char*>(TRY(mm::kmalloc(kPageSize, mm::Gfp::Kernel)));
    {
        sched::ReadGuard guard(mm->mmap_lock);
        for (const vm::VmArea& area : mm->areas) write_area(out, area, {room, kPageSize});
    }
    mm::kfree(room);
    return {};
}

}  // namespace procfs
