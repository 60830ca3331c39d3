/// What N_TTY does with each byte that arrives. Erasing and echo are in n_tty_edit.cc, reading in
/// n_tty_read.cc.
#include "drivers/tty/n_tty.h"

#include "abi/signal.h"
#include "lib/string.h"

namespace tty {

using namespace abi;

void NTty::set_flow_stopped(bool stopped) {
    if (stopped_ == stopped) return;
    stopped_ = stopped;
    port_.set_stopped(stopped);
}

/// A signal was typed: unless NOFLSH, both directions start afresh.
void NTty::raise(int signal, u8 byte) {
    if (!has(NOFLSH)) {
        port_.discard_output();
        flush_input();
    }
    signals_ |= u64{1} << (signal - 1);
    if (settings_.c_iflag & IXON) set_flow_stopped(false);
    if (has(ECHO)) echo(byte);
}

u64 NTty::take_signals() {
    const u64 signals = signals_;
    signals_ = 0;
    return signals;
}

bool NTty::receive_flow_control(u8 byte) {
    if (!(settings_.c_iflag & IXON)) return false;
    if (is(byte, VSTART)) {
        set_flow_stopped(false);
    } else if (is(byte, VSTOP)) {
        set_flow_stopped(true);
    } else {
        return false;
    }
    return true;
}

bool NTty::receive_signal_key(u8 byte) {
    if (!has(ISIG)) return false;
    if (is(byte, VINTR)) {
        raise(SIGINT, byte);
    } else if (is(byte, VQUIT)) {
        raise(SIGQUIT, byte);
    } else if (is(byte, VSUSP)) {
        raise(SIGTSTP, byte);
    } else {
        return false;
    }
    return true;
}

/// The line being edited is complete; `byte` is its last.
void NTty::end_line(u8 byte) {
    if (count() >= buffer_.size()) {
        overruns_++;
        return;
    }
    mark(head_, true);
    at(head_++) = byte;
    canon_head_ = head_;
}

/// Keys with a meaning in canonical mode only. True if `byte` was one.
bool NTty::receive_editing_key(u8 byte) {
    const bool extended = has(IEXTEN);
    if (is(byte, VERASE) || is(byte, VKILL) || (extended && is(byte, VWERASE))) {
        erase(byte);
    } else if (extended && is(byte, VLNEXT)) {
        literal_next_ = true;
        if (has(ECHO) && has(ECHOCTL)) {
            finish_erasing();
            opost.put_raw('^');
            opost.put_raw('\b');
        }
    } else if (extended && has(ECHO) && is(byte, VREPRINT)) {
        finish_erasing();
        echo(byte);
        reprint();
    } else if (byte == '\n') {
        if (has(ECHO) || has(ECHONL)) opost.put('\n', 0);
        end_line(byte);
    } else if (is(byte, VEOF)) {
        end_line(kDisabledChar);
    } else if (is(byte, VEOL) || (extended && is(byte, VEOL2))) {
        if (has(ECHO)) echo_typed(byte);
        end_line(byte);
    } else {
        return false;
    }
    return true;
}

void NTty::store(u8 byte) {
    // The last place is for the newline that ends a line, however long that became.
    const bool canonical = has(ICANON);
    const bool full = canonical ? count() + 1 >= buffer_.size() || head_ - canon_head_ >= kMaxLine
                                : count() >= buffer_.size();
    if (full) {
        overruns_++;
        if (settings_.c_iflag & IMAXBEL) opost.put_raw('\a');
        return;
    }
    mark(head_, false);
    at(head_++) = byte;
}

/// With PARMRK a byte 0xff is doubled, so that it cannot be taken for the start of a mark.
void NTty::store_doubled(u8 byte) {
    if (byte == 0xff && (settings_.c_iflag & PARMRK) && !(settings_.c_iflag & ISTRIP)) store(byte);
    store(byte);
}

/// An ordinary byte: echo and keep.
void NTty::receive_plain(u8 byte) {
    if (has(ECHO)) {
        finish_erasing();
        if (byte == '\n') {
            opost.put('\n', 0);
        } else {
            echo_typed(byte);
        }
    }
    store_doubled(byte);
}

void NTty::receive(u8 byte) {
    const u32 iflag = settings_.c_iflag;
    if (iflag & ISTRIP) byte &= 0x7f;
    if ((iflag & IUCLC) && has(IEXTEN) && byte >= 'A' && byte <= 'Z') byte += 'a' - 'A';
    if (has(EXTPROC)) return store(byte);
    if (literal_next_) {
        literal_next_ = false;
        return receive_plain(byte);
    }
    if (receive_flow_control(byte) || receive_signal_key(byte)) return;
    if (stopped_ && (iflag & IXON) && (iflag & IXANY)) set_flow_stopped(false);
    if (byte == '\r') {
        if (iflag & IGNCR) return;
        if (iflag & ICRNL) byte = '\n';
    } else if (byte == '\n' && (iflag & INLCR)) {
        byte = '\r';
    }
    if (has(ICANON) && receive_editing_key(byte)) return;
    receive_plain(byte);
}

/// True if the settings give no byte a meaning, so that input is a plain stream.
bool NTty::passes_all() const {
    constexpr u32 kInput = ISTRIP | IUCLC | INLCR | IGNCR | ICRNL | IXON | PARMRK;
    return !(settings_.c_iflag & kInput) && !has(ISIG | ICANON | ECHO | ECHONL) && !literal_next_;
}

void NTty::receive(std::span<const u8> bytes) {
    if (!raw_ || bytes.size() > room()) {
        for (u8 byte : bytes) receive(byte);
        return;
    }
    // No marks to clear: there are none while canonical mode is off.
    const usize slot = head_ & (buffer_.size() - 1);
    const usize first = std::min(bytes.size(), buffer_.size() - slot);
    memcpy(buffer_.data() + slot, bytes.data(), first);
    memcpy(buffer_.data(), bytes.data() + first, bytes.size() - first);
    head_ += bytes.size();
}

void NTty::receive_error(u8 byte, LineError error) {
    const u32 iflag = settings_.c_iflag;
    if (error == LineError::Overrun) {
        overruns_++;
        return;
    }
    if (error == LineError::Break) {
        if (iflag & IGNBRK) return;
        if (iflag & BRKINT) return raise(SIGINT, kDisabledChar);
        byte = 0;
    } else {
        if (!(iflag & INPCK) && error == LineError::Parity) return receive(byte);
        if (iflag & IGNPAR) return;
    }
    if (iflag & PARMRK) {
        store(0xff);
        store(0);
        store(byte);
    } else {
        store(0);
    }
}

}  // namespace tty
