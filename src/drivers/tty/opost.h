/// Opost: output processing, from what a program writes to what goes to the terminal (c_oflag):
/// "\n" becomes "\r\n", tabs may become spaces. Linux: do_output_char() in drivers/tty/n_tty.c.
///
/// It keeps track of the column the cursor is in, because tabs and erasing them depend on it. No
/// lock of its own: the Tty's.
#pragma once

#include "drivers/tty/tty_port.h"

namespace tty {

class Opost {
public:
    Opost(const abi::Termios2& settings, TtyPort& port) : settings_(settings), port_(port) {}

    /// Processes and queues bytes until all are done or the port has at most `reserve` bytes of
    /// room left. Returns how many were taken; each is taken wholly or not at all.
    usize write(std::span<const u8> bytes, usize reserve);

    /// One byte, if what it becomes fits.
    bool put(u8 byte, usize reserve);

    /// A byte as it is, outside the bookkeeping of columns (a bell, parts of an erasure).
    void put_raw(u8 byte);

    u32 column() const { return column_; }

private:
    bool put_newline(usize room);
    bool put_return(usize room);
    bool put_tab(usize room);

    const abi::Termios2& settings_;
    TtyPort& port_;
    u32 column_ = 0;
};

}  // namespace tty
