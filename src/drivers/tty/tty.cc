/// A terminal's bookkeeping: registration, opening and closing, hangup.
#include "drivers/tty/tty.h"

#include "abi/fcntl.h"
#include "abi/signal.h"
#include "fs/char_dev.h"
#include "mm/own.h"
#include "process/signal.h"

namespace tty {

using namespace abi;

Termios2 Tty::initial_settings() {
    Termios2 t{};
    t.c_iflag = ICRNL | IXON;
    t.c_oflag = OPOST | ONLCR;
    t.c_cflag = B115200 | CS8 | CREAD | HUPCL | CLOCAL;
    t.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    t.c_cc[VINTR] = 3;
    t.c_cc[VQUIT] = 28;
    t.c_cc[VERASE] = 127;
    t.c_cc[VKILL] = 21;
    t.c_cc[VEOF] = 4;
    t.c_cc[VMIN] = 1;
    t.c_cc[VSTART] = 17;
    t.c_cc[VSTOP] = 19;
    t.c_cc[VSUSP] = 26;
    t.c_cc[VREPRINT] = 18;
    t.c_cc[VDISCARD] = 15;
    t.c_cc[VWERASE] = 23;
    t.c_cc[VLNEXT] = 22;
    t.c_ispeed = t.c_ospeed = 115200;
    return t;
}

Tty::Tty(const char* tty_name, u32 number, TtyPort& tty_port, Buffers buffers)
    : name(tty_name),
      device(number),
      port(tty_port),
      settings(initial_settings()),
      ldisc(settings, tty_port, buffers.input, buffers.marks) {}

Tty::Signals Tty::input_arrived_locked() {
    const bool canonical = settings.c_lflag & ICANON;
    // A reader with VMIN > 1 counts for itself; here it matters only that something came.
    const bool is_readable = ldisc.input_available(1);
    if (is_readable || !canonical) read_wait.wake_all();
    if (!throttled && !ldisc.has_room()) {
        throttled = true;
        port.set_throttled(true);
        if (settings.c_iflag & IXOFF) port.send_xchar(settings.c_cc[VSTOP]);
    }
    port.start();  // echo
    return {ldisc.take_signals(), foreground.load(std::memory_order_relaxed),
            is_readable ? &fasync : nullptr};
}

void Tty::unthrottle_locked() {
    if (!throttled || !ldisc.has_room()) return;
    throttled = false;
    if (settings.c_iflag & IXOFF) port.send_xchar(settings.c_cc[VSTART]);
    port.set_throttled(false);
}

void Tty::output_drained_locked() {
    if (write_wait.has_waiters()) write_wait.wake_all();
}

void Tty::send_signals(const Signals& signals) {
    if (signals.readable != nullptr) signals.readable->notify(fs::Ready::In);
    if (signals.set == 0 || signals.pgrp <= 0) return;
    for (u64 rest = signals.set; rest != 0; rest &= rest - 1) {
        // Nobody in the foreground is no error: the key was pressed into the void.
        (void)process::kill_pgrp(signals.pgrp, __builtin_ctzll(rest) + 1);
    }
}

void Tty::change_settings_locked(const Termios2& wanted) {
    const Termios2 old = settings;
    settings = wanted;
    ldisc.settings_changed(old);
    port.apply(settings);
    // Who waits by the old rules looks again.
    read_wait.wake_all();
    write_wait.wake_all();
    unthrottle_locked();
}

void Tty::hangup() {
    sched::PidNumber owner, front;
    {
        IrqGuard guard(lock);
        hangups++;
        owner = session.exchange(0);
        front = foreground.exchange(0);
        ldisc.flush_input();
        ldisc.set_flow_stopped(false);
        port.discard_output();
        change_settings_locked(initial_settings());
        unthrottle_locked();
    }
    if (owner > 0) {
        (void)process::kill_pgrp(owner, SIGHUP);  // the session leader's group
        (void)process::kill_pgrp(owner, SIGCONT);
    }
    if (front > 0 && front != owner) {
        (void)process::kill_pgrp(front, SIGHUP);
        (void)process::kill_pgrp(front, SIGCONT);
    }
}

// --- registration -------------------------------------------------------------------------------

static constexpr usize kMaxTtys = 8;
static constinit Tty* ttys[kMaxTtys] = {};  // filled at boot; read without a lock afterwards

Tty* find_tty(u32 device) {
    for (Tty* tty : ttys) {
        if (tty && tty->device == device) return tty;
    }
    return nullptr;
}

Tty* find_tty(std::string_view name) {
    for (Tty* tty : ttys) {
        if (tty && name == tty->name) return tty;
    }
    return nullptr;
}

Result<void> register_tty(Tty& tty, const char* node_name) {
    for (Tty*& slot : ttys) {
        if (slot) continue;
        void* memory = TRY(mm::kmalloc(sizeof(fs::CharDevice), mm::Gfp::Kernel));
        auto* device = new (memory) fs::CharDevice{.name = node_name,
                                                   .major = fs::major_of(tty.device),
                                                   .first_minor = fs::minor_of(tty.device),
                                                   .count = 1,
                                                   .mode = 0620,
                                                   .ops = tty_operations};
        slot = &tty;
        return fs::register_char_device(*device);
    }
    return ENOMEM;
}

// --- open and close -----------------------------------------------------------------------------

static Result<void> check_open_locked(Tty& tty) REQUIRES(tty.lock) {
    if (tty.locked || tty.other_end_closed) return EIO;
    if (tty.exclusive && !sched::current().cred.is_root()) return EBUSY;
    if (tty.open_count == 0) {
        TRY(tty.port.activate());
        tty.port.apply(tty.settings);
    }
    tty.open_count++;
    return {};
}

Result<void> open_tty(fs::File& file, Tty& tty, Via via) {
    auto state = TRY(mm::make<TtyFile>(tty, via == Via::Console));
    {
        IrqGuard guard(tty.lock);
        TRY(check_open_locked(tty));
        state->hangups = tty.hangups;
    }
    file.ops = &tty_operations;
    file.private_data = state.leak();
    if (via == Via::Device) acquire_at_open(tty, file);
    return {};
}

}  // namespace tty
