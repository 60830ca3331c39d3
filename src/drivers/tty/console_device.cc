/// /dev/tty and /dev/console. Linux: tty_open_current_tty() and tty_lookup_driver() in tty_io.c.
#include "drivers/tty/console_device.h"

#include "core/log/printk.h"
#include "drivers/tty/tty.h"
#include "fs/char_dev.h"

namespace tty {

static constexpr u32 kAuxMajor = 5;
static constinit Tty* console = nullptr;  // set at boot

class CurrentTtyOperations final : public fs::FileOperations {
    Result<void> open(fs::File& file) const override {
        Tty* tty = current_tty();
        if (!tty) return ENXIO;
        return open_tty(file, *tty, Via::Device);
    }
};

class ConsoleOperations final : public fs::FileOperations {
    Result<void> open(fs::File& file) const override {
        if (!console) return ENODEV;
        return open_tty(file, *console, Via::Console);
    }
};

static constexpr CurrentTtyOperations kCurrentTty;
static constexpr ConsoleOperations kConsole;
static constinit fs::CharDevice tty_device = {.name = "tty",
                                              .major = kAuxMajor,
                                              .first_minor = 0,
                                              .count = 1,
                                              .mode = 0666,
                                              .ops = kCurrentTty};
static constinit fs::CharDevice console_device = {.name = "console",
                                                  .major = kAuxMajor,
                                                  .first_minor = 1,
                                                  .count = 1,
                                                  .mode = 0600,
                                                  .ops = kConsole};

Result<void> init_console_devices(std::string_view name) {
    name = name.substr(0, name.find(','));
    console = find_tty(name.empty() ? std::string_view("ttyS0") : name);
    if (!console) {
        console = find_tty("ttyS0");
        if (!name.empty()) {
            printk(Level::Warning, "console=%s: no such terminal%s\n", name,
                   console ? "; using ttyS0" : "");
        }
    }
    install_job_control_hooks();
    TRY(fs::register_char_device(tty_device));
    return fs::register_char_device(console_device);
}

}  // namespace tty
