/// TtyPort: what a terminal's line discipline and its system calls need from the hardware (a
/// serial port) or from what stands in for it (the master side of a pty). Linux: struct
/// tty_operations.
///
/// Every method is called with the Tty's lock held and interrupts off, so none may sleep.
#pragma once

#include <span>

#include "abi/termios.h"
#include "lib/result.h"
#include "lib/types.h"

namespace tty {

class TtyPort {
public:
    /// How many bytes write() would take now.
    virtual usize write_room() const = 0;

    /// Queues as many of `bytes` as there is room for; returns that number. Nothing needs to move
    /// before start().
    virtual usize write(std::span<const u8> bytes) = 0;

    /// Bytes were queued: transmit, unless stopped.
    virtual void start() = 0;

    /// ^S and ^Q: while stopped, queued bytes stay where they are.
    virtual void set_stopped(bool stopped) = 0;

    /// Forgets what is queued.
    virtual void discard_output() = 0;

    /// Bytes queued and not yet given to the wire.
    virtual usize chars_in_buffer() const = 0;

    /// True when the last bit has left. Asked only while chars_in_buffer() is 0.
    virtual bool is_idle() { return true; }

    /// Sends one byte ahead of everything queued, even while stopped (IXOFF).
    virtual void send_xchar(u8 byte) = 0;

    /// `throttled`: the input buffer is full, hold what arrives. Then again: deliver.
    virtual void set_throttled(bool throttled) = 0;

    /// The tty's settings are now `now`: speed, character size, flow control.
    virtual void apply(const abi::Termios2& /*now*/) {}

    /// TIOCM_* lines. ENOTTY where there are none.
    virtual Result<u32> modem_lines() { return ENOTTY; }
    virtual Result<void> set_modem_lines(u32 /*set*/, u32 /*clear*/) { return ENOTTY; }
    virtual Result<void> set_break(bool /*on*/) { return {}; }
    virtual Result<abi::SerialIcounter> counters() { return ENOTTY; }

    /// First open and last close.
    virtual Result<void> activate() { return {}; }
    virtual void shutdown() {}

protected:
    ~TtyPort() = default;
};

}  // namespace tty
