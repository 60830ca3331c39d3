/// The initramfs: the files that the boot loader brings along, as one or several cpio archives.
/// Linux: init/initramfs.c.
#pragma once

#include <span>

#include "lib/result.h"

namespace fs {

/// Unpacks `archive` into the root file system; its bytes are copied, so the memory can be freed
/// afterwards. Names are relative to the root.
///
/// What one entry asks for and cannot have (a name that is too long, a directory that is missing)
/// is reported and skipped. A damaged archive ends the unpacking, what came before it stays:
/// EINVAL, reported with the place. ENOMEM and ENOSPC end it likewise. Boot, before the first
/// process.
Result<void> unpack_initramfs(std::span<const std::byte> archive);

}  // namespace fs
