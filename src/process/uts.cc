#include "process/uts.h"

#include "core/lock/spin_lock.h"
#include "lib/string.h"

namespace process {

namespace {

constinit SpinLock lock("uts", LockRank::MmList);
constinit char names[2][abi::kUtsLength] GUARDED_BY(lock) = {"vitrine", "(none)"};

}  // namespace

void set_uts_name(UtsField field, std::string_view name) {
    IrqGuard guard(lock);
    copy_string(names[static_cast<u8>(field)], name);
}

void get_uts_name(UtsField field, std::span<char, abi::kUtsLength> room) {
    IrqGuard guard(lock);
    memcpy(room.data(), names[static_cast<u8>(field)], abi::kUtsLength);
}

}  // namespace process
