/// The system's name: what uname(2), sethostname(2) and /proc/sys/kernel/* show and change.
#pragma once

#include <string_view>

#include "abi/utsname.h"
#include "lib/result.h"

namespace process {

/// A consistent copy. Any context.
abi::Utsname utsname();

/// EINVAL for more than 64 characters. Permission is the caller's business.
Result<void> set_hostname(std::string_view name);
Result<void> set_domainname(std::string_view name);

}  // namespace process
