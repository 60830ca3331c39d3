// See fasync.h. One lock for all lists and owners: few files have either.
#include "fs/fasync.h"

#include "abi/fcntl.h"
#include "core/lock/spin_lock.h"
#include "fs/file.h"
#include "mm/own.h"
#include "sched/task.h"

namespace fs {

namespace {

constinit SpinLock fasync_lock("fasync", LockRank::Fasync);

}  // namespace

FileOwner owner_of(const File& file) {
    IrqGuard guard(fasync_lock);
    return file.owner;
}

void set_owner(File& file, const FileOwner& owner) {
    IrqGuard guard(fasync_lock);
    file.owner = owner;
}

void name_owner(File& file, FileOwner::Kind kind, i32 id) {
    FileOwner owner = owner_of(file);
    const sched::Cred& cred = sched::current().cred;
    owner.kind = kind;
    owner.id = id;
    owner.uid = id != 0 ? cred.uid : 0;
    owner.euid = id != 0 ? cred.euid : 0;
    set_owner(file, owner);
}

Result<void> FasyncList::set(File& file, int fd, bool on) {
    mm::Own<Entry> fresh;
    if (on) fresh = TRY(mm::make<Entry>());
    Entry* old = nullptr;
    {
        IrqGuard guard(fasync_lock);
        for (Entry& entry : entries_) {
            if (entry.file == &file) old = &entry;
        }
        if (on && old) {
            old->fd = fd;
            old = nullptr;  // it stays, and the fresh one goes
        } else if (on) {
            fresh->file = &file;
            fresh->fd = fd;
            entries_.push_back(*fresh.leak());
        } else if (old) {
            old->link.unlink();
        }
        if (on) {
            file.flags.fetch_or(abi::FASYNC, std::memory_order_relaxed);
        } else {
            file.flags.fetch_and(~abi::FASYNC, std::memory_order_relaxed);
        }
    }
    if (old) mm::destroy(old);
    return {};
}

void FasyncList::notify_all(Ready why) {
    IrqGuard guard(fasync_lock);
    for (const Entry& entry : entries_) send_sigio(entry.file->owner, entry.fd, why);
}

}  // namespace fs
