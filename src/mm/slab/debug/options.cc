// See options.h.

#include "mm/slab/debug/options.h"

namespace mm {

namespace {

constexpr SlabFlags kDefault =
    SlabFlags::ConsistencyChecks | SlabFlags::RedZone | SlabFlags::Poison | SlabFlags::StoreUser;

constinit std::string_view boot_option;
constinit bool has_boot_option = false;

/// What stands before the first `end`; `text` is what follows it.
std::string_view cut(std::string_view& text, char end) {
    const usize at = text.find(end);
    const std::string_view head = text.substr(0, at);
    text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
    return head;
}

SlabFlags flag_of(char letter) {
    switch (letter | 0x20) {
    case 'f': return SlabFlags::ConsistencyChecks;
    case 'z': return SlabFlags::RedZone;
    case 'p': return SlabFlags::Poison;
    case 'u': return SlabFlags::StoreUser;
    case 'h': return SlabFlags::Hardened;
    case 'r': return SlabFlags::Shuffled;
    default: return SlabFlags::None;  // of no meaning here, or in no kernel
    }
}

SlabFlags flags_of(std::string_view letters) {
    if (letters.empty()) return kDefault;
    SlabFlags flags = SlabFlags::None;
    for (char letter : letters) flags = flags | flag_of(letter);
    return flags;
}

bool matches(std::string_view pattern, std::string_view name) {
    if (pattern.empty() || pattern.back() != '*') return pattern == name;
    pattern.remove_suffix(1);
    return name.substr(0, pattern.size()) == pattern;
}

bool names(std::string_view list, std::string_view name) {
    while (!list.empty()) {
        if (matches(cut(list, ','), name)) return true;
    }
    return false;
}

}  // namespace

SlabFlags parse_slab_debug(std::string_view option, std::string_view name) {
    SlabFlags for_all = option.empty() ? kDefault : SlabFlags::None;
    SlabFlags by_name = SlabFlags::None;
    bool is_named = false;
    while (!option.empty()) {
        std::string_view list = cut(option, ';');
        const bool has_names = list.find(',') != std::string_view::npos;
        const SlabFlags flags = flags_of(cut(list, ','));
        if (!has_names) {
            for_all = flags;
        } else if (names(list, name)) {
            by_name = flags;
            is_named = true;
        }
    }
    return is_named ? by_name : for_all;
}

void set_slab_debug(std::string_view option) {
    boot_option = option;
    has_boot_option = true;
}

SlabFlags debug_flags_for(std::string_view name) {
    return has_boot_option ? parse_slab_debug(boot_option, name) : SlabFlags::None;
}

}  // namespace mm
