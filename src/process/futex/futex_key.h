/// Naming a futex: a key that two processes agree on, and that stays true while it is held.
#pragma once

#include "process/futex/futex.h"
#include "vm/mm_struct.h"

namespace process {

/// A key, and a hold on the file whose page cache it names, so that the name is not given to
/// another file meanwhile. (The address space of a private key is the caller's own.)
class HeldFutexKey {
public:
    /// EINVAL: not aligned. EFAULT: not a user address, or (shared) nothing mapped there.
    static Result<HeldFutexKey> get(VirtAddr at, FutexScope scope);

    HeldFutexKey(HeldFutexKey&& from)
        : key_(from.key_), file_(std::exchange(from.file_, nullptr)) {}
    ~HeldFutexKey() {
        if (file_) file_->put();
    }
    const FutexKey& key() const { return key_; }

private:
    HeldFutexKey(const FutexKey& key, vm::MappedFile* file) : key_(key), file_(file) {}
    FutexKey key_;
    vm::MappedFile* file_;
};

}  // namespace process
