// /proc/vitrine_unimplemented: the calls that programs made and that do not exist here, with their
// number, name and how often. They say what to write next.
#include "abi/syscall_numbers.h"
#include "fs/libfs/tree.h"
#include "syscall/file/calls.h"
#include "syscall/unimplemented.h"

namespace syscall {

static Result<void> show_unimplemented(libfs::SeqFile& out, void*) {
    constexpr u64 kNumbers = 512;
    for (u64 number = 0; number < kNumbers; number++) {
        const u64 calls = unimplemented_calls_of(number);
        if (calls == 0) continue;
        const char* name = abi::syscall_name(static_cast<u32>(number));
        out.print("%lu %s %lu\n", number, name ? name : "?", calls);
    }
    out.print("total %lu\n", unimplemented_calls());
    return {};
}

static constexpr libfs::TextNode kUnimplemented{"vitrine_unimplemented", 0444, show_unimplemented};

void add_proc_files() { libfs::proc_create(kUnimplemented); }

}  // namespace syscall
