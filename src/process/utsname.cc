// The system's name and its guard. See process/utsname.h.
#include "process/utsname.h"

#include "core/lock/spin_lock.h"
#include "lib/string.h"

namespace process {

// The release is the Linux whose interface this is: programs compare it.
static constinit SpinLock uts_lock("utsname", LockRank::Clock);
static constinit abi::Utsname uts GUARDED_BY(uts_lock) = {
    .sysname = "Linux",
    .nodename = "vitrine",
    .release = "6.1.0-vitrine",
    .version = "#1 SMP PREEMPT Vitrine",
    .machine = "x86_64",
    .domainname = "(none)",
};

abi::Utsname utsname() {
    IrqGuard guard(uts_lock);
    return uts;
}

static Result<void> set_name(char (&field)[abi::kUtsLength], std::string_view name) {
    if (name.size() >= abi::kUtsLength) return EINVAL;
    IrqGuard guard(uts_lock);
    memset(field, 0, sizeof field);
    memcpy(field, name.data(), name.size());
    return {};
}

Result<void> set_hostname(std::string_view name) { return set_name(uts.nodename, name); }
Result<void> set_domainname(std::string_view name) { return set_name(uts.domainname, name); }

}  // namespace process
