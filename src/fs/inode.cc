// What all inodes have in common: permissions, ownership, size and time changes, and the count
// that keeps a running program's file from being written to.
#include "fs/inode.h"

#include <limits>

#include "abi/fcntl.h"
#include "abi/prctl.h"
#include "core/time/clock.h"
#include "fs/super_block.h"
#include "sched/task.h"

namespace fs {

using abi::S_ISGID;
using abi::S_ISUID;

Inode::Inode(SuperBlock& super, u64 number, u32 mode, const InodeOperations& ops,
             const FileOperations& file_ops, const vm::AddressSpaceOperations& cache_ops)
    : super(super),
      number(number),
      ops(ops),
      file_ops(file_ops),
      mapping(cache_ops, this),
      mode(mode) {}

void Inode::release(Inode* inode) { inode->super.ops.evict_inode(*inode); }

TimeSpec current_time() {
    const u64 now = time::realtime_ns();
    return {static_cast<i64>(now / time::kNsPerSec), static_cast<u32>(now % time::kNsPerSec)};
}

bool inode_owner_or_capable(const Inode& inode) {
    return sched::current().cred.fsuid == inode.uid || capable(abi::CAP_FOWNER);
}

/// Whether a capability gives what the mode denies. Nobody executes a file that has no x at all.
static bool capability_overrides(const Inode& inode, unsigned want) {
    const bool search_or_x = inode.is_dir() || (inode.mode & 0111);
    if ((!(want & abi::X_OK) || search_or_x) && capable(abi::CAP_DAC_OVERRIDE)) return true;
    const bool only_looks = inode.is_dir() ? !(want & abi::W_OK) : want == abi::R_OK;
    return only_looks && capable(abi::CAP_DAC_READ_SEARCH);
}

Result<void> inode_permission(const Inode& inode, unsigned want) {
    const sched::Cred& cred = sched::current().cred;
    unsigned granted = inode.mode;
    if (cred.fsuid == inode.uid) {
        granted >>= 6;
    } else if (cred.in_group(inode.gid)) {
        granted >>= 3;
    }
    if ((want & ~granted & 7) == 0 || capability_overrides(inode, want)) return {};
    return EACCES;
}

void inode_init_owner(Inode& inode, const Inode* dir) {
    const sched::Cred& cred = sched::current().cred;
    inode.uid = cred.fsuid;
    inode.gid = cred.fsgid;
    if (dir && dir->mode & S_ISGID) {
        inode.gid = dir->gid;
        if (inode.is_dir()) inode.mode |= S_ISGID;
    }
    inode.atime = inode.mtime = inode.ctime = current_time();
}

void file_remove_privs(Inode& inode) {
    if (!inode.is_regular()) return;
    u32 dropped = inode.mode & S_ISUID;
    // Without x for the group the bit means mandatory locking, not privilege.
    if (inode.mode & abi::S_IXGRP) dropped |= inode.mode & S_ISGID;
    if (dropped && !capable(abi::CAP_FSETID)) inode.mode &= ~dropped;
}

static Result<void> truncate_locked(Inode& inode, u64 size) {
    sched::MutexGuard guard(inode.mutex);
    TRY(inode.ops.truncate(inode, size));
    file_remove_privs(inode);
    inode.mtime = inode.ctime = current_time();
    return inode.ops.attributes_changed(inode);
}

Result<void> do_truncate(Inode& inode, u64 size) {
    if (inode.is_dir()) return EISDIR;
    if (!inode.is_regular()) return EINVAL;
    if (size > static_cast<u64>(std::numeric_limits<i64>::max())) return EINVAL;
    TRY(get_write_access(inode));
    const Result<void> done = truncate_locked(inode, size);
    put_write_access(inode);
    return done;
}

/// Adds `step` to the count unless it stands on the other side of zero.
static Result<void> count_access(Inode& inode, i32 step) {
    i32 seen = inode.write_count.load(std::memory_order_relaxed);
    do {
        if (step > 0 ? seen < 0 : seen > 0) return ETXTBSY;
    } while (!inode.write_count.compare_exchange_weak(seen, seen + step));
    return {};
}

Result<void> get_write_access(Inode& inode) { return count_access(inode, 1); }
void put_write_access(Inode& inode) { inode.write_count.fetch_sub(1); }
Result<void> deny_write_access(Inode& inode) { return count_access(inode, -1); }
void allow_write_access(Inode& inode) { inode.write_count.fetch_add(1); }

}  // namespace fs
