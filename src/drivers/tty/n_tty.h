/// NTty: the line discipline N_TTY, which stands between the bytes that arrive from a keyboard
/// and the program that reads: it edits lines (^H ^U ^W), echoes, turns ^C into a signal and ^D
/// into an end of file, and holds what has not been read. Linux: drivers/tty/n_tty.c.
///
/// The buffer is a ring with three positions:
///
///     tail_          canon_head_           head_
///      | lines that may | the line that is   |
///      | be read        | still being edited |
///
/// A bit in `marks_` says that the byte at its place ends a line (newline, EOL, or end of file,
/// which is stored as kDisabledChar and never copied out).
///
/// Pure: no lock, no allocation, no clock, so it is tested on the host. The Tty's lock guards it.
/// Signals are only noted; whoever called receive() sends them after letting go of that lock.
///
/// Invariant: tail_ <= canon_head_ <= head_ <= tail_ + capacity. With ICANON off, canon_head_
/// means nothing.
#pragma once

#include "drivers/tty/opost.h"

namespace tty {

/// What may be wrong with a byte that a serial port received.
enum class LineError : u8 { Break, Parity, Framing, Overrun };

class NTty {
public:
    static constexpr usize kMaxLine = 4095;  // bytes of a line before its newline; MAX_CANON

    /// `buffer` is a power of two long, `marks` has one bit for each byte of it.
    NTty(const abi::Termios2& settings, TtyPort& port, std::span<u8> buffer, std::span<u64> marks)
        : settings_(settings), port_(port), opost(settings, port), buffer_(buffer), marks_(marks) {}

    // --- from the line
    void receive(u8 byte);
    /// Many at once: in raw mode they are only copied. There must be room() for them.
    void receive(std::span<const u8> bytes);
    void receive_error(u8 byte, LineError error);

    /// How many bytes may come; with none the port should hold the line back. A line that is still
    /// being edited is never held back: what exceeds kMaxLine is dropped, so that a newline or
    /// ^U can still come.
    usize room() const;
    bool has_room() const { return room() > 0; }

    // --- for the reader
    /// Is there something a read should return: a line; or without ICANON at least `minimum`?
    bool input_available(usize minimum) const;

    /// Moves bytes out: with ICANON at most one line, of which `line_ended` tells whether it is
    /// now complete (count 0 and ended: end of file).
    struct Taken {
        usize count;
        bool line_ended;
    };
    Taken take(std::span<u8> room);

    /// Bytes that a read could return now: FIONREAD.
    usize readable() const;

    void flush_input();

    /// c_lflag or c_iflag changed from `old`. Pending bytes stay readable across a change of
    /// ICANON.
    void settings_changed(const abi::Termios2& old);

    /// Signals (bit n - 1: signal n) that were typed since the last call.
    u64 take_signals();

    bool is_flow_stopped() const { return stopped_; }
    /// ^S and ^Q, and TCXONC.
    void set_flow_stopped(bool stopped);

    u32 overruns() const { return overruns_; }

private:
    bool has(u32 lflag) const { return settings_.c_lflag & lflag; }
    bool is(u8 byte, u8 function) const {
        return byte != abi::kDisabledChar && settings_.c_cc[function] == byte;
    }
    u8& at(usize position) { return buffer_[position & (buffer_.size() - 1)]; }
    u8 at(usize position) const { return buffer_[position & (buffer_.size() - 1)]; }
    bool is_marked(usize position) const;
    void mark(usize position, bool on);
    usize count() const { return head_ - tail_; }

    bool receive_flow_control(u8 byte);
    bool receive_signal_key(u8 byte);
    bool receive_editing_key(u8 byte);
    void receive_plain(u8 byte);
    void end_line(u8 byte);
    void store(u8 byte);
    void store_doubled(u8 byte);
    void raise(int signal, u8 byte);
    bool passes_all() const;

    void erase(u8 key);
    void kill_line_visibly();
    void echo_erased(u8 byte, usize position, usize bytes, bool by_character);
    void erase_tab(usize position);
    void finish_erasing();
    void reprint();

    void echo(u8 byte);
    void echo_typed(u8 byte);

    Taken take_line(std::span<u8> room);

    const abi::Termios2& settings_;
    TtyPort& port_;

public:
    Opost opost;

private:
    std::span<u8> buffer_;
    std::span<u64> marks_;
    usize head_ = 0, canon_head_ = 0, tail_ = 0;
    u32 canon_column_ = 0;  // where the line being edited starts on the screen
    u32 overruns_ = 0;      // bytes dropped for lack of room
    u64 signals_ = 0;
    bool literal_next_ = false;  // ^V was typed
    bool erasing_ = false;       // inside \.../ of ECHOPRT
    bool stopped_ = false;
    bool raw_ = false;  // no byte has a meaning: see passes_all()
};

}  // namespace tty
