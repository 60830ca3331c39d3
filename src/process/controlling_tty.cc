/// The place where terminals leave their functions. See controlling_tty.h.
#include "process/controlling_tty.h"

namespace process {

constinit const TtyHooks* tty_hooks = nullptr;

}  // namespace process
