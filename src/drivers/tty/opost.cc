/// Output processing. See opost.h.
#include "drivers/tty/opost.h"

namespace tty {

using namespace abi;

static constexpr bool is_control(u8 byte) { return byte < ' ' || byte == 0x7f; }
static constexpr bool is_utf8_continuation(u8 byte) { return (byte & 0xc0) == 0x80; }

void Opost::put_raw(u8 byte) { port_.write(std::span(&byte, 1)); }

bool Opost::put_newline(usize room) {
    if (settings_.c_oflag & (ONLRET | ONLCR)) column_ = 0;
    if (!(settings_.c_oflag & ONLCR)) {
        put_raw('\n');
        return true;
    }
    if (room < 2) return false;
    constexpr u8 kReturnNewline[] = {'\r', '\n'};
    port_.write(kReturnNewline);
    return true;
}

bool Opost::put_return(usize room) {
    if ((settings_.c_oflag & ONOCR) && column_ == 0) return true;
    if (settings_.c_oflag & OCRNL) {
        if (settings_.c_oflag & ONLRET) column_ = 0;
        put_raw('\n');
        return true;
    }
    column_ = 0;
    put_raw('\r');
    return true;
}

bool Opost::put_tab(usize room) {
    const u32 spaces = 8 - (column_ & 7);
    if ((settings_.c_oflag & TABDLY) == XTABS) {
        if (room < spaces) return false;
        for (u32 i = 0; i < spaces; i++) put_raw(' ');
    } else {
        put_raw('\t');
    }
    column_ += spaces;
    return true;
}

bool Opost::put(u8 byte, usize reserve) {
    const usize all = port_.write_room();
    if (all <= reserve) return false;
    const usize room = all - reserve;
    if (!(settings_.c_oflag & OPOST)) {
        put_raw(byte);
        return true;
    }
    switch (byte) {
    case '\n': return put_newline(room);
    case '\r': return put_return(room);
    case '\t': return put_tab(room);
    case '\b':
        if (column_ > 0) column_--;
        break;
    default:
        if (is_control(byte)) break;
        if ((settings_.c_oflag & OLCUC) && byte >= 'a' && byte <= 'z') byte -= 'a' - 'A';
        if (!(settings_.c_iflag & IUTF8) || !is_utf8_continuation(byte)) column_++;
    }
    put_raw(byte);
    return true;
}

/// The length of the run at the start of `bytes` that output processing leaves alone.
static usize plain_run(std::span<const u8> bytes) {
    usize length = 0;
    while (length < bytes.size() && bytes[length] >= ' ' && bytes[length] < 0x7f) length++;
    return length;
}

usize Opost::write(std::span<const u8> bytes, usize reserve) {
    usize done = 0;
    while (done < bytes.size()) {
        const usize all = port_.write_room();
        if (all <= reserve) break;
        const auto rest = bytes.subspan(done);
        const bool as_is = !(settings_.c_oflag & OPOST);
        const usize run = as_is ? rest.size() : settings_.c_oflag & OLCUC ? 0 : plain_run(rest);
        if (run == 0) {
            if (!put(rest[0], reserve)) break;
            done++;
            continue;
        }
        const usize taken = port_.write(rest.first(std::min(run, all - reserve)));
        if (!as_is) column_ += static_cast<u32>(taken);
        done += taken;
        if (taken == 0) break;
    }
    return done;
}

}  // namespace tty
