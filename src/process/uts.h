/// The names of this machine that a program can change. Linux: kernel/utsname.c.
#pragma once

#include <span>
#include <string_view>

#include "abi/utsname.h"
#include "lib/types.h"

namespace process {

enum class UtsField : u8 { HostName, DomainName };

/// Replaces the name; the text is cut off at 64 bytes (callers check).
void set_uts_name(UtsField field, std::string_view name);
/// Copies the name with its NUL.
void get_uts_name(UtsField field, std::span<char, abi::kUtsLength> room);

}  // namespace process
