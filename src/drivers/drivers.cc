/// The order in which the devices come up. See drivers.h.
#include "drivers/drivers.h"

#include "core/log/printk.h"
#include "drivers/mem/mem.h"
#include "drivers/serial/serial_port.h"
#include "drivers/tty/console_device.h"
#include "drivers/tty/pty.h"

namespace drivers {

static void report(const char* what, Result<void> result) {
    if (!result.ok()) printk(Level::Err, "drivers: %s: %s\n", what, result.error());
}

void init(std::string_view console) {
    report("memory devices", mem::init());
    serial::init();
    report("/dev/tty, /dev/console", tty::init_console_devices(console));
    report("ptys", tty::init_ptys());
}

}  // namespace drivers
