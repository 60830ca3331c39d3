#include "vm/ldt.h"

#include "arch/user_segment.h"
#include "lib/string.h"
#include "mm/own.h"
#include "mm/vmalloc.h"
#include "sched/mutex.h"
#include "vm/tables/tlb.h"

namespace vm {

PER_CPU LdtStruct* loaded_ldt = nullptr;

namespace {

constinit sched::Mutex ldt_mutex("ldt_mutex");

/// A table with room for `count` entries; `old`'s are its first.
Result<Ref<LdtStruct>> make_table(u32 count, const LdtStruct* old) {
    const usize bytes = count * sizeof(u64);
    mm::Own<LdtStruct> ldt = TRY(mm::make<LdtStruct>());
    ldt->count = count;
    ldt->entries = static_cast<u64*>(TRY(mm::vmalloc(bytes)));
    memset(ldt->entries, 0, bytes);
    if (old != nullptr) memcpy(ldt->entries, old->entries, old->count * sizeof(u64));
    return Ref<LdtStruct>::adopt(ldt.leak());
}

/// The table of `mm`, or none.
Ref<LdtStruct> table_of(const MmStruct& mm) {
    if (mm.ldt.load(std::memory_order_relaxed) == nullptr) return {};
    sched::MutexGuard guard(ldt_mutex);
    return Ref<LdtStruct>::share(mm.ldt.load(std::memory_order_relaxed));
}

Result<u64> encode(const abi::UserDesc& info, bool old_mode) {
    const bool present = !(info.flags & abi::UD_SEG_NOT_PRESENT);
    const u32 contents = (info.flags & abi::UD_CONTENTS) >> abi::UD_CONTENTS_SHIFT;
    // Conforming code runs with its caller's privilege: only as a mark, not to be used.
    if (contents == abi::kContentsConforming && (old_mode || present)) return EINVAL;
    const bool was_empty = old_mode && info.base == 0 && info.limit == 0;
    if (was_empty || arch::is_empty_segment(info)) return u64{0};
    abi::UserDesc described = info;
    if (old_mode) described.flags &= ~abi::UD_USEABLE;
    return arch::make_user_segment(described);
}

}  // namespace

void LdtStruct::release(LdtStruct* ldt) {
    mm::vfree(ldt->entries);
    mm::destroy(ldt);
}

void load_other_ldt(LdtStruct* ldt) {
    arch::this_cpu_write(loaded_ldt, ldt);
    arch::load_ldt(ldt ? ldt->entries : nullptr, ldt ? ldt->count : 0);
}

Result<void> write_ldt(MmStruct& mm, const abi::UserDesc& info, bool old_mode) {
    if (info.entry_number >= abi::kLdtEntries) return EINVAL;
    const u64 descriptor = TRY(encode(info, old_mode));
    sched::MutexGuard guard(ldt_mutex);
    LdtStruct* const old = mm.ldt.load(std::memory_order_relaxed);
    const u32 count = std::max(info.entry_number + 1, old ? old->count : 0);
    Ref<LdtStruct> ldt = TRY(make_table(count, old));
    ldt->entries[info.entry_number] = descriptor;
    mm.ldt.store(ldt.leak());
    reload_ldt_everywhere(mm);
    Ref<LdtStruct>::adopt(old).reset();
    return {};
}

Result<u64> read_ldt(MmStruct& mm, VirtAddr to, u64 bytes) {
    bytes = std::min<u64>(bytes, abi::kLdtEntries * abi::kLdtEntrySize);
    const Ref<LdtStruct> ldt = table_of(mm);
    if (!ldt) return u64{0};
    const u64 there = std::min<u64>(bytes, ldt->count * abi::kLdtEntrySize);
    TRY(copy_to_user(to, ldt->entries, there));
    TRY(clear_user(to + there, bytes - there));
    return bytes;
}

Result<void> copy_ldt(MmStruct& child, MmStruct& parent) {
    const Ref<LdtStruct> ldt = table_of(parent);
    if (!ldt) return {};
    child.ldt.store(TRY(make_table(ldt->count, ldt.get())).leak());
    return {};
}

void free_ldt(MmStruct& mm) {
    if (LdtStruct* const ldt = mm.ldt.load(std::memory_order_relaxed)) {
        mm.ldt.store(nullptr);
        Ref<LdtStruct>::adopt(ldt).reset();
    }
}

}  // namespace vm
