// /proc/vitrine_unimplemented: the calls that programs made and that do not exist here, with their
// number, name and how often. They say what to write next.
// /proc/vitrine_entries: system calls by an unusual way in or out.
#include "arch/entry_counts.h"
#include "core/percpu/percpu.h"
#include "fs/libfs/tree.h"
#include "syscall/file/calls.h"
#include "syscall/i386/i386.h"
#include "syscall/unimplemented.h"

namespace syscall {

static void show_door(libfs::SeqFile& out, Abi abi, const char* mark) {
    constexpr u64 kNumbers = 512;
    for (u64 number = 0; number < kNumbers; number++) {
        const u64 calls = unimplemented_calls_of(number, abi);
        if (calls == 0) continue;
        const char* name = name_of_call(number, abi);
        out.print("%lu %s%s %lu\n", number, name ? name : "?", mark, calls);
    }
}

static Result<void> show_unimplemented(libfs::SeqFile& out, void*) {
    show_door(out, Abi::X86_64, "");
    show_door(out, Abi::I386, "(i386)");
    out.print("total %lu\n", unimplemented_calls());
    return {};
}

static Result<void> show_entries(libfs::SeqFile& out, void*) {
    u64 by_iret = 0;
    for_each_cpu(possible_cpus,
                 [&](unsigned cpu) { by_iret += per_cpu(arch::syscall_iret_exits, cpu); });
    out.print("int80 %lu\nsyscall_iret %lu\n", i386_calls(), by_iret);
    return {};
}

static constexpr libfs::TextNode kUnimplemented{"vitrine_unimplemented", 0444, show_unimplemented};
static constexpr libfs::TextNode kEntries{"vitrine_entries", 0444, show_entries};

void add_proc_files() {
    libfs::proc_create(kUnimplemented);
    libfs::proc_create(kEntries);
}

}  // namespace syscall
