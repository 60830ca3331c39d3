#include "process/machine/tls.h"

#include "arch/user_segment.h"

namespace process {

namespace {

/// The segment that is all zeros, and means "nothing" here; for very old programs.
bool is_zero(const abi::UserDesc& info) {
    return info.base == 0 && info.limit == 0 && (info.flags & abi::kUserDescFlags) == 0;
}
bool is_nothing(const abi::UserDesc& info) { return is_zero(info) || arch::is_empty_segment(info); }

/// Only data: code belongs into the LDT, and so do segments that are not there.
bool is_acceptable(const abi::UserDesc& info) {
    if (is_nothing(info)) return true;
    const u32 contents = (info.flags & abi::UD_CONTENTS) >> abi::UD_CONTENTS_SHIFT;
    return (info.flags & abi::UD_SEG_32BIT) && contents <= abi::kContentsExpandDown &&
           !(info.flags & abi::UD_SEG_NOT_PRESENT);
}

Result<u32> slot_of(u32 number) {
    const u32 index = number - arch::kFirstTlsSlot;
    if (index >= arch::kTlsSlots) return EINVAL;
    return index;
}

Result<u32> free_slot(const arch::TaskState& state) {
    for (u32 i = 0; i < arch::kTlsSlots; i++) {
        if (state.tls[i] == 0) return arch::kFirstTlsSlot + i;
    }
    return ESRCH;
}

Result<void> set_slot(sched::Task& task, const abi::UserDesc& info) {
    const u32 index = TRY(slot_of(info.entry_number));
    const u64 descriptor = is_nothing(info) ? 0 : arch::make_user_segment(info);
    arch::set_tls(task.arch, &task == &sched::current(), index, descriptor, info.base);
    return {};
}

}  // namespace

Result<void> set_thread_area(UserPtr<abi::UserDesc> at) {
    sched::Task& task = sched::current();
    abi::UserDesc info = TRY(at.copy_in());
    if (!is_acceptable(info)) return EINVAL;
    if (info.entry_number == ~u32{0}) {
        info.entry_number = TRY(free_slot(task.arch));
        TRY(UserPtr<u32>(at.address()).copy_out(info.entry_number));  // the first field
    }
    return set_slot(task, info);
}

Result<void> get_thread_area(UserPtr<abi::UserDesc> at) {
    const u32 number = TRY(UserPtr<const u32>(at.address()).copy_in());
    const u32 index = TRY(slot_of(number));
    abi::UserDesc info = arch::describe_user_segment(sched::current().arch.tls[index]);
    info.entry_number = number;
    return at.copy_out(info);
}

Result<void> set_child_tls(sched::Task& child, UserPtr<const abi::UserDesc> at) {
    const abi::UserDesc info = TRY(at.copy_in());
    if (!is_acceptable(info)) return EINVAL;
    return set_slot(child, info);
}

}  // namespace process
