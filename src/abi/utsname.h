/// struct utsname of uname(2).
#pragma once

namespace abi {

inline constexpr unsigned kUtsLength = 65;  // of each field, with its NUL

struct Utsname {
    char sysname[kUtsLength];
    char nodename[kUtsLength];
    char release[kUtsLength];
    char version[kUtsLength];
    char machine[kUtsLength];
    char domainname[kUtsLength];
};
static_assert(sizeof(Utsname) == 390);

}  // namespace abi
