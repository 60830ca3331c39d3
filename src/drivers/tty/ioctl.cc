/// ioctl(2) on terminals: settings, window size, queues, line control. What concerns sessions is
/// in job_control.cc.
#include "abi/ioctl.h"

#include "abi/signal.h"
#include "core/time/clock.h"
#include "core/user/user_ptr.h"
#include "drivers/tty/speed.h"
#include "drivers/tty/tty.h"
#include "process/signal.h"

namespace tty {

using namespace abi;

/// The kernel's struct termios has no speeds; those stay as they follow from c_cflag.
static Termios2 with_speeds(const Termios& plain, const Termios2& old) {
    Termios2 result{};
    static_cast<Termios&>(result) = plain;
    const bool custom = (plain.c_cflag & CBAUD) == BOTHER;
    result.c_ospeed = result.c_ispeed = custom ? old.c_ospeed : speed_of(plain.c_cflag);
    return result;
}

Result<void> drain_output(Tty& tty) {
    {
        IrqGuard guard(tty.lock);
        while (tty.port.chars_in_buffer() > 0) {
            if (tty.other_end_closed) return EIO;
            TRY(tty.write_wait.sleep(tty.lock));
        }
    }
    // What is left is in the transmitter: 17 characters at the most, 30 ms each at 300 baud.
    for (int tries = 0; tries < 600; tries++) {
        {
            IrqGuard guard(tty.lock);
            if (tty.port.is_idle()) return {};
        }
        TRY(sched::sleep_until(time::now_ns() + time::kNsPerMs));
    }
    return {};
}

enum class When : u8 { Now, Drained, DrainedAndFlushed };

static Result<void> change_settings(Tty& tty, const Termios2& wanted, When when) {
    if (when != When::Now) TRY(drain_output(tty));
    IrqGuard guard(tty.lock);
    if (when == When::DrainedAndFlushed) tty.ldisc.flush_input();
    tty.change_settings_locked(wanted);
    return {};
}

static Termios2 current_settings(Tty& tty) {
    IrqGuard guard(tty.lock);
    return tty.settings;
}

static Result<void> set_termios(Tty& tty, u64 argument, When when) {
    TRY(check_change(tty, SIGTTOU));
    const Termios plain = TRY(UserPtr<const Termios>(argument).copy_in());
    return change_settings(tty, with_speeds(plain, current_settings(tty)), when);
}

static Result<void> set_termios2(Tty& tty, u64 argument, When when) {
    TRY(check_change(tty, SIGTTOU));
    Termios2 wanted;
    TRY(copy_from_user(&wanted, VirtAddr(argument), sizeof wanted));
    if ((wanted.c_cflag & CBAUD) != BOTHER) {
        wanted.c_ospeed = wanted.c_ispeed = speed_of(wanted.c_cflag);
    }
    return change_settings(tty, wanted, when);
}

Result<void> set_window(Tty& tty, const WinSize& window) {
    {
        IrqGuard guard(tty.lock);
        const WinSize& old = tty.window;
        if (old.ws_row == window.ws_row && old.ws_col == window.ws_col &&
            old.ws_xpixel == window.ws_xpixel && old.ws_ypixel == window.ws_ypixel) {
            return {};
        }
        tty.window = window;
    }
    Tty::send_signals({.set = u64{1} << (SIGWINCH - 1), .pgrp = tty.foreground.load()});
    return {};
}

static Result<void> flush(Tty& tty, u64 what) {
    if (what > TCIOFLUSH) return EINVAL;
    IrqGuard guard(tty.lock);
    if (what != TCOFLUSH) {
        tty.ldisc.flush_input();
        tty.unthrottle_locked();
    }
    if (what != TCIFLUSH) {
        tty.port.discard_output();
        tty.write_wait.wake_all();
    }
    return {};
}

static Result<void> flow(Tty& tty, u64 what) {
    IrqGuard guard(tty.lock);
    switch (what) {
    case TCOOFF: tty.ldisc.set_flow_stopped(true); break;
    case TCOON: tty.ldisc.set_flow_stopped(false); break;
    case TCIOFF: tty.port.send_xchar(tty.settings.c_cc[VSTOP]); break;
    case TCION: tty.port.send_xchar(tty.settings.c_cc[VSTART]); break;
    default: return EINVAL;
    }
    return {};
}

static Result<void> set_break_locked(Tty& tty, bool on) {
    IrqGuard guard(tty.lock);
    return tty.port.set_break(on);
}

static Result<void> send_break(Tty& tty, u64 milliseconds) {
    TRY(drain_output(tty));
    TRY(set_break_locked(tty, true));
    const Result<void> slept = sched::sleep_until(time::now_ns() + milliseconds * time::kNsPerMs);
    TRY(set_break_locked(tty, false));
    return slept;
}

/// Requests about the hardware lines and counters.
static Result<u64> line_ioctl(Tty& tty, u32 command, u64 argument) {
    u32 bits = 0;
    if (command == TIOCMSET || command == TIOCMBIS || command == TIOCMBIC) {
        bits = TRY(UserPtr<const u32>(argument).copy_in());
    }
    SerialIcounter counters;
    {
        IrqGuard guard(tty.lock);
        switch (command) {
        case TIOCMGET: bits = TRY(tty.port.modem_lines()); break;
        case TIOCMSET: TRY(tty.port.set_modem_lines(bits, ~bits)); return u64{0};
        case TIOCMBIS: TRY(tty.port.set_modem_lines(bits, 0)); return u64{0};
        case TIOCMBIC: TRY(tty.port.set_modem_lines(0, bits)); return u64{0};
        case TIOCGICOUNT: counters = TRY(tty.port.counters()); break;
        default: return ENOTTY;
        }
    }
    if (command == TIOCMGET) {
        TRY(UserPtr<u32>(argument).copy_out(bits));
    } else {
        TRY(UserPtr<SerialIcounter>(argument).copy_out(counters));
    }
    return u64{0};
}

/// Requests that ask or change the queues; all but FIONREAD and TIOCOUTQ want the foreground.
static Result<u64> queue_ioctl(Tty& tty, u32 command, u64 argument) {
    if (command == FIONREAD || command == TIOCOUTQ) {
        i32 count;
        {
            IrqGuard guard(tty.lock);
            count = static_cast<i32>(command == FIONREAD ? tty.ldisc.readable()
                                                         : tty.port.chars_in_buffer());
        }
        TRY(UserPtr<i32>(argument).copy_out(count));
        return u64{0};
    }
    TRY(check_change(tty, SIGTTOU));
    switch (command) {
    case TCFLSH: TRY(flush(tty, argument)); break;
    case TCXONC: TRY(flow(tty, argument)); break;
    case TCSBRK:  // with an argument it is tcdrain()
        if (argument != 0) {
            TRY(drain_output(tty));
        } else {
            TRY(send_break(tty, 250));
        }
        break;
    case TCSBRKP: TRY(send_break(tty, argument ? std::min<u64>(argument, 100) * 100 : 250)); break;
    case TIOCSBRK: TRY(set_break_locked(tty, true)); break;
    default: TRY(set_break_locked(tty, false));
    }
    return u64{0};
}

static Result<u64> settings_ioctl(Tty& tty, u32 command, u64 argument) {
    switch (command) {
    case TCGETS: {
        const Termios plain = current_settings(tty);
        TRY(UserPtr<Termios>(argument).copy_out(plain));
        break;
    }
    case TCGETS2: {
        const Termios2 all = current_settings(tty);
        TRY(copy_to_user(VirtAddr(argument), &all, sizeof all));
        break;
    }
    case TCSETS: TRY(set_termios(tty, argument, When::Now)); break;
    case TCSETSW: TRY(set_termios(tty, argument, When::Drained)); break;
    case TCSETSF: TRY(set_termios(tty, argument, When::DrainedAndFlushed)); break;
    case TCSETS2: TRY(set_termios2(tty, argument, When::Now)); break;
    case TCSETSW2: TRY(set_termios2(tty, argument, When::Drained)); break;
    default: TRY(set_termios2(tty, argument, When::DrainedAndFlushed));
    }
    return u64{0};
}

/// Small odds and ends.
static Result<u64> other_ioctl(fs::File& file, Tty& tty, u32 command, u64 argument) {
    switch (command) {
    case TIOCGWINSZ: TRY(UserPtr<WinSize>(argument).copy_out(tty.window)); break;
    case TIOCSWINSZ: {
        const WinSize window = TRY(UserPtr<const WinSize>(argument).copy_in());
        TRY(set_window(tty, window));
        break;
    }
    case TIOCEXCL: tty.exclusive = true; break;
    case TIOCNXCL: tty.exclusive = false; break;
    case TIOCGETD: TRY(UserPtr<i32>(argument).copy_out(0)); break;  // N_TTY is the only one
    case TIOCSETD: {
        const i32 wanted = TRY(UserPtr<const i32>(argument).copy_in());
        if (wanted != 0) return EINVAL;
        break;
    }
    case TIOCGDEV: TRY(UserPtr<u32>(argument).copy_out(tty.device)); break;
    case TIOCGSOFTCAR:
        TRY(UserPtr<i32>(argument).copy_out(tty.settings.c_cflag & CLOCAL ? 1 : 0));
        break;
    default: return job_control_ioctl(file, tty, command, argument);
    }
    return u64{0};
}

Result<u64> tty_ioctl(fs::File& file, u32 command, u64 argument) {
    Tty& tty = *tty_file(file).tty;
    switch (command) {
    case TCGETS:
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
    case TCGETS2:
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2: return settings_ioctl(tty, command, argument);
    case FIONREAD:
    case TIOCOUTQ:
    case TCFLSH:
    case TCXONC:
    case TCSBRK:
    case TCSBRKP:
    case TIOCSBRK:
    case TIOCCBRK: return queue_ioctl(tty, command, argument);
    case TIOCMGET:
    case TIOCMSET:
    case TIOCMBIS:
    case TIOCMBIC:
    case TIOCGICOUNT: return line_ioctl(tty, command, argument);
    default: return other_ioctl(file, tty, command, argument);
    }
}

}  // namespace tty
