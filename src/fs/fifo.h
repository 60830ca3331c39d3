/// What inodes of fifos use as file_ops: declared here for the file systems that have fifos,
/// defined above in ipc/fifo.cc (data between processes is ipc's business), joined by the linker.
#pragma once

#include "fs/file.h"

namespace fs {

extern const FileOperations& fifo_ops;

}  // namespace fs
