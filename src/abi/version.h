/// Who we are, as uname(2), /proc/version and the first line of the log say it.
#pragma once

namespace abi {

inline constexpr char kSysname[] = "Linux";  // programs choose their ways by this name
inline constexpr char kRelease[] = "6.1.0-vitrine";
inline constexpr char kVersion[] = "#1 SMP PREEMPT";
inline constexpr char kVersionBanner[] =
    "Linux version 6.1.0-vitrine (vitrine@vitrine) (g++ " __VERSION__ ") #1 SMP PREEMPT";

}  // namespace abi
