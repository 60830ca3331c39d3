/// The local descriptor table of an address space: segments of its programs' own, for code of 16 or
/// 32 bits. Most address spaces have none. Linux: arch/x86/kernel/ldt.c.
///
/// A table never changes: whoever writes an entry makes a new table, publishes it in MmStruct::ldt,
/// lets every processor that has the address space loaded load it, and drops the old one. A
/// processor enters itself in mm.cpus before it looks at mm.ldt (load_mm), so it is either told or
/// sees the new one; as with page tables. References are taken and tables exchanged under one
/// mutex for all, since that is rare.
#pragma once

#include "abi/ldt.h"
#include "core/user/user_ptr.h"
#include "vm/mm_struct.h"

namespace vm {

struct LdtStruct {
    RefCount ref_count;
    u32 count;
    u64* entries;

    static void release(LdtStruct* ldt);
};

/// Writes the entry that `info` names, with what it describes; the emptiest description takes it
/// away. `old_mode`: two rules of before 1996 (no conforming code; base 0 and limit 0 mean empty).
/// EINVAL (no such entry; conforming code that is present), ENOMEM. May sleep.
Result<void> write_ldt(MmStruct& mm, const abi::UserDesc& info, bool old_mode);

/// Copies the table to `to`, as much of it as `bytes` hold; what is left of them becomes 0. Returns
/// how many bytes that was, 0 if there is no table. EFAULT. May sleep.
Result<u64> read_ldt(MmStruct& mm, VirtAddr to, u64 bytes);

/// For fork: gives `child`, which nobody knows yet, a copy. ENOMEM.
Result<void> copy_ldt(MmStruct& child, MmStruct& parent);

/// For the end of an address space that no processor has loaded.
void free_ldt(MmStruct& mm);

extern LdtStruct* loaded_ldt;  // per-CPU

void load_other_ldt(LdtStruct* ldt);

/// Loads `ldt`, null: none, on this processor. Interrupts are off.
inline void switch_ldt(LdtStruct* ldt) {
    if (ldt != arch::this_cpu_read(loaded_ldt)) [[unlikely]] {
        load_other_ldt(ldt);
    }
}

}  // namespace vm
