/// Echo and erasing: how the line that is being edited looks on the screen.
#include "drivers/tty/n_tty.h"

namespace tty {

using namespace abi;

static constexpr bool is_control(u8 byte) { return byte < ' ' || byte == 0x7f; }
static constexpr bool is_alnum(u8 byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte >= 0xc0;
}

/// Shows a byte; with ECHOCTL control characters as ^X.
void NTty::echo(u8 byte) {
    if (has(ECHOCTL) && is_control(byte) && byte != '\t' && byte != kDisabledChar) {
        opost.put('^', 0);
        opost.put(byte ^ 0x40, 0);
    } else {
        opost.put(byte, 0);
    }
}

/// As echo(), and notes where on the screen the line begins.
void NTty::echo_typed(u8 byte) {
    if (has(ICANON) && head_ == canon_head_) canon_column_ = opost.column();
    echo(byte);
}

void NTty::finish_erasing() {
    if (!erasing_) return;
    opost.put('/', 0);
    erasing_ = false;
}

/// ^R: shows the line being edited once more.
void NTty::reprint() {
    opost.put('\n', 0);
    canon_column_ = opost.column();
    for (usize position = canon_head_; position != head_; position++) echo(at(position));
}

/// Takes the cursor back over the tab at `position`: the width depends on what stands before.
void NTty::erase_tab(usize position) {
    u32 width = 0;
    bool from_start = true;
    while (position != canon_head_) {
        const u8 byte = at(--position);
        if (byte == '\t') {
            from_start = false;
            break;
        }
        if (is_control(byte)) {
            if (has(ECHOCTL)) width += 2;
        } else if (!(settings_.c_iflag & IUTF8) || (byte & 0xc0) != 0x80) {
            width++;
        }
    }
    if (from_start) width += canon_column_;
    for (u32 back = 8 - (width & 7); back > 0; back--) opost.put('\b', 0);
}

/// Makes one character (`bytes` bytes, the first is `byte`, which stood at `position`) vanish.
void NTty::echo_erased(u8 byte, usize position, usize bytes, bool by_character) {
    if (!has(ECHO)) return;
    if (has(ECHOPRT)) {
        if (!erasing_) opost.put('\\', 0);
        erasing_ = true;
        echo(byte);
        for (usize i = 1; i < bytes; i++) opost.put_raw(at(position + i));
    } else if (by_character && !has(ECHOE)) {
        echo(settings_.c_cc[VERASE]);
    } else if (byte == '\t') {
        erase_tab(position);
    } else {
        const int cells = !is_control(byte) ? 1 : has(ECHOCTL) ? 2 : 0;
        for (int i = 0; i < cells; i++) {
            opost.put('\b', 0);
            opost.put(' ', 0);
            opost.put('\b', 0);
        }
    }
}

/// ^U without the means to erase on the screen: the line is dropped and that is shown.
void NTty::kill_line_visibly() {
    head_ = canon_head_;
    finish_erasing();
    echo(settings_.c_cc[VKILL]);
    if (has(ECHOK)) opost.put('\n', 0);
}

void NTty::erase(u8 key) {
    const bool by_character = is(key, VERASE);
    const bool by_word = !by_character && has(IEXTEN) && is(key, VWERASE);
    if (head_ == canon_head_) return;
    if (!by_character && !by_word) {
        if (!has(ECHO)) {
            head_ = canon_head_;
            return;
        }
        if (!has(ECHOK) || !has(ECHOKE) || !has(ECHOE)) return kill_line_visibly();
    }

    bool in_word = false;
    while (head_ != canon_head_) {
        usize position = head_;
        do {
            position--;
        } while (position != canon_head_ && (settings_.c_iflag & IUTF8) &&
                 (at(position) & 0xc0) == 0x80);
        const u8 byte = at(position);
        if (by_word) {
            const bool part_of_word = is_alnum(byte) || byte == '_';
            if (in_word && !part_of_word) break;
            in_word = in_word || part_of_word;
        }
        const usize bytes = head_ - position;
        head_ = position;
        echo_erased(byte, position, bytes, by_character);
        if (by_character) break;
    }
    if (head_ == canon_head_ && has(ECHO)) finish_erasing();
}

}  // namespace tty
