/// /dev/tty (5,0), the terminal of whoever opens it, and /dev/console (5,1), the terminal that
/// the command line named.
#pragma once

#include <string_view>

#include "lib/result.h"

namespace tty {

class Tty;

/// Registers both and sets the hooks of job control. `console`: see drivers::init(). EBUSY, ENOMEM.
Result<void> init_console_devices(std::string_view console);

}  // namespace tty
