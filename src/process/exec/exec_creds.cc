// What a program may do: set-user-id and set-group-id bits, capabilities. Linux: fs/exec.c
// (bprm_fill_uid), security/commoncap.c (cap_bprm_creds_from_file).
//
// No file has capabilities of its own here (there are no extended attributes), so the file's part
// of the formula in capabilities(7) is all or nothing: all for user 0, unless SECBIT_NOROOT.
#include "abi/mount.h"
#include "abi/prctl.h"
#include "process/credentials.h"
#include "process/exec/exec.h"
#include "process/ptrace/ptrace.h"

namespace process {
namespace {

using sched::Cred;

/// A tracer has less power than the program would get.
bool is_traced_by_weaker() {
    IrqGuard guard(tasks_lock);
    return ptrace_forbids_rights(sched::current());
}

/// True if there are any.
bool take_set_id_bits(const BinPrm& bprm, Cred& now) {
    const fs::Inode& inode = *bprm.file->inode();
    if (bprm.file->path.mount->flags & abi::MS_NOSUID) return false;
    if (sched::current().has(sched::kNoNewPrivs)) return false;
    constexpr u32 kSetGid = abi::S_ISGID | abi::S_IXGRP;  // without x it means mandatory locking
    const bool sets_user = inode.mode & abi::S_ISUID,
               sets_group = (inode.mode & kSetGid) == kSetGid;
    if (sets_user) now.euid = inode.uid;
    if (sets_group) now.egid = inode.gid;
    return sets_user || sets_group;
}

/// User 0's programs get everything, or what root's own threads may have. True: to be used at once.
bool take_roots_capabilities(const Cred& old, Cred& now) {
    now.cap_permitted = 0;
    if (now.securebits & abi::SECBIT_NOROOT) return false;
    if (now.euid == 0 || now.uid == 0) now.cap_permitted = old.cap_bounding | old.cap_inheritable;
    return now.euid == 0;
}

}  // namespace

void compute_exec_creds(BinPrm& bprm) {
    const Cred& old = sched::current().cred;
    Cred& now = bprm.cred;
    now = old;
    const bool has_bits = take_set_id_bits(bprm, now);
    const bool effective = take_roots_capabilities(old, now);

    const bool is_set_id = now.euid != old.uid || now.egid != old.gid;
    const bool gains_capabilities = now.cap_permitted & ~old.cap_permitted;
    bprm.gains = has_bits || gains_capabilities;
    const bool may_not = sched::current().has(sched::kNoNewPrivs) || is_traced_by_weaker();
    if ((is_set_id || gains_capabilities) && may_not) {
        now.euid = now.uid;
        now.egid = now.gid;
        now.cap_permitted &= old.cap_permitted;
    }
    now.suid = now.fsuid = now.euid;
    now.sgid = now.fsgid = now.egid;
    if (is_set_id) now.cap_ambient = 0;
    now.cap_permitted |= now.cap_ambient;
    now.cap_effective = effective ? now.cap_permitted : now.cap_ambient;
    now.securebits &= ~abi::SECBIT_KEEP_CAPS;

    const bool has_grown = now.cap_permitted & ~now.cap_ambient;
    bprm.secure = is_set_id || (now.uid != 0 && (effective || has_grown));
}

}  // namespace process
