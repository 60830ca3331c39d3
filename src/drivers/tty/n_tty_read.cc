/// N_TTY's buffer as its reader sees it.
#include "drivers/tty/n_tty.h"

#include "lib/string.h"

namespace tty {

using namespace abi;

bool NTty::is_marked(usize position) const {
    const usize slot = position & (buffer_.size() - 1);
    return marks_[slot / 64] >> (slot % 64) & 1;
}

void NTty::mark(usize position, bool on) {
    const usize slot = position & (buffer_.size() - 1);
    const u64 bit = u64{1} << (slot % 64);
    marks_[slot / 64] = on ? marks_[slot / 64] | bit : marks_[slot / 64] & ~bit;
}

usize NTty::room() const {
    if (has(ICANON) && canon_head_ == tail_) return buffer_.size();
    return buffer_.size() - 1 > count() ? buffer_.size() - 1 - count() : 0;
}

bool NTty::input_available(usize minimum) const {
    if (has(ICANON) && !has(EXTPROC)) return canon_head_ != tail_;
    return count() >= (minimum == 0 ? 1 : minimum);
}

usize NTty::readable() const {
    if (!has(ICANON) || has(EXTPROC)) return count();
    usize bytes = 0;
    for (usize position = tail_; position != canon_head_; position++) {
        if (!is_marked(position) || at(position) != kDisabledChar) bytes++;
    }
    return bytes;
}

NTty::Taken NTty::take_line(std::span<u8> room) {
    usize copied = 0;
    while (tail_ != canon_head_) {
        const u8 byte = at(tail_);
        const bool ends = is_marked(tail_);
        const bool end_of_file = ends && byte == kDisabledChar;
        // An end of file right behind a full read belongs to it: the next read must not see it.
        if (copied == room.size() && !end_of_file) return {copied, false};
        mark(tail_, false);
        tail_++;
        if (end_of_file) return {copied, true};
        room[copied++] = byte;
        if (ends) return {copied, true};
    }
    return {copied, false};
}

NTty::Taken NTty::take(std::span<u8> room) {
    if (has(ICANON) && !has(EXTPROC)) return take_line(room);
    const usize total = std::min(room.size(), count());
    usize copied = 0;
    while (copied < total) {
        const usize slot = tail_ & (buffer_.size() - 1);
        const usize run = std::min(total - copied, buffer_.size() - slot);
        memcpy(room.data() + copied, buffer_.data() + slot, run);
        tail_ += run;
        copied += run;
    }
    return {copied, false};
}

void NTty::flush_input() {
    head_ = canon_head_ = tail_ = 0;
    literal_next_ = erasing_ = false;
    memset(marks_.data(), 0, marks_.size_bytes());
}

void NTty::settings_changed(const Termios2& old) {
    if ((old.c_lflag ^ settings_.c_lflag) & (ICANON | EXTPROC)) {
        memset(marks_.data(), 0, marks_.size_bytes());
        canon_head_ = tail_;
        // What was typed before canonical mode began is readable as if a line had ended there.
        if (has(ICANON) && count() > 0) {
            canon_head_ = head_;
            mark(head_ - 1, true);
        }
        literal_next_ = erasing_ = false;
    }
    raw_ = passes_all();
    if (!(settings_.c_iflag & IXON) && (old.c_iflag & IXON)) set_flow_stopped(false);
}

}  // namespace tty
