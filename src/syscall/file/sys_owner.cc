// Whom a file's signals are for: F_SETOWN and its relatives. Linux: fs/fcntl.c.
#include "abi/signal.h"
#include "sched/pid.h"
#include "sched/task.h"
#include "syscall/file/fcntl_calls.h"
#include "syscall/file/file_args.h"

namespace syscall {
namespace {

using namespace abi;
using fs::FileOwner;
using Kind = FileOwner::Kind;

/// struct f_owner_ex.
struct OwnerEx {
    i32 type, pid;
};

bool exists(Kind kind, i32 id) {
    IrqGuard guard(sched::tasks_lock);
    if (kind != Kind::Group) return sched::find_task(id) != nullptr;
    return sched::for_each_in_pgrp(
        id, [](sched::SignalStruct&, void*) {}, nullptr);
}

/// ESRCH: there is nobody of that number.
Result<void> change_owner(fs::File& file, Kind kind, i32 id) {
    if (id != 0 && !exists(kind, id)) return ESRCH;
    name_owner(file, kind, id);
    return {};
}

Result<void> set_owner_number(fs::File& file, i32 who) {
    if (who == INT32_MIN) return EINVAL;
    return who < 0 ? change_owner(file, Kind::Group, -who) : change_owner(file, Kind::Process, who);
}

Result<void> set_owner_ex(fs::File& file, UserPtr<const OwnerEx> from) {
    const OwnerEx wanted = TRY(from.copy_in());
    if (wanted.type < 0 || wanted.type > i32(Kind::Group)) return EINVAL;
    if (wanted.pid < 0) return ESRCH;
    return change_owner(file, static_cast<Kind>(wanted.type), wanted.pid);
}

Result<void> set_signal(fs::File& file, u64 signal) {
    if (signal > kSignals) return EINVAL;
    FileOwner owner = owner_of(file);
    owner.signal = static_cast<u8>(signal);
    set_owner(file, owner);
    return {};
}

}  // namespace

Result<u64> owner_fcntl(fs::File& file, int command, u64 argument) {
    const FileOwner owner = owner_of(file);
    switch (command) {
    case F_SETOWN: TRY(set_owner_number(file, static_cast<i32>(argument))); break;
    case F_GETOWN: return static_cast<u64>(i64{owner.kind == Kind::Group ? -owner.id : owner.id});
    case F_SETSIG: TRY(set_signal(file, argument)); break;
    case F_GETSIG: return u64{owner.signal};
    case F_SETOWN_EX: TRY(set_owner_ex(file, UserPtr<const OwnerEx>(argument))); break;
    case F_GETOWN_EX:
        TRY(UserPtr<OwnerEx>(argument).copy_out({static_cast<i32>(owner.kind), owner.id}));
        break;
    default: {  // F_GETOWNER_UIDS
        const UserPtr<u32> uids(argument);
        TRY(uids.copy_out(owner.uid));
        TRY((uids + 1).copy_out(owner.euid));
    }
    }
    return u64{0};
}

}  // namespace syscall
