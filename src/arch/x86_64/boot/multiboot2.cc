// LAB FILE (01-boot): the information GRUB leaves us.
//
// It is one block of memory: its total size, four reserved bytes, then tags. Each tag has a type,
// a size that includes these two words, and contents; the next one starts at the next multiple of
// 8. A tag of type 0 ends the list. See: Multiboot2 specification, 3.6.

#include "arch/boot_info.h"
#include "lib/lab.h"
#include "lib/string.h"

namespace arch {

namespace {

enum TagType : u32 {
    kEnd = 0,
    kCommandLine = 1,
    kLoaderName = 2,
    kModule = 3,
    kMemoryMap = 6,
    kAcpiOld = 14,
    kAcpiNew = 15,
};

struct Tag {
    u32 type;
    std::span<const std::byte> body;  // what follows type and size
};

/// Reads a T at `offset` of `bytes`, which need not be aligned.
template <class T>
T read_at(std::span<const std::byte> bytes, usize offset) {
    ASSERT(offset + sizeof(T) <= bytes.size());
    T value;
    memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

/// Copies the text of a tag, as far as it fits, up to its NUL or the end of the tag.
void copy_text(std::span<char> room, std::span<const std::byte> text) {
    usize length = 0;
    while (length < text.size() && length + 1 < room.size() && text[length] != std::byte{0}) {
        room[length] = static_cast<char>(text[length]);
        length++;
    }
    room[length] = '\0';
}

/// LAB boot, task 7 "Tags" (handouts/01-boot.md). Write the body.
///   Before  `at` is a multiple of 8; `info` is the whole block.
///   After   the tag that starts at `at` is returned, and `at` is the offset of the next one.
///           EINVAL if the tag's header or its size does not lie within `info`, or if the size
///           is less than the header's 8 bytes.
///   Use     read_at(), align_up(), info.subspan().
///   Check   `make grade LAB=boot T=multiboot2`
///   Think   which wrong size would make a careless loop run for ever? Which would make it read
///           the page behind the block?
[[maybe_unused]] Result<Tag> next_tag(std::span<const std::byte> info, usize& at) {
#ifdef SOLVED_BOOT
    if (at > info.size() || info.size() - at < 8) return EINVAL;
    const auto type = read_at<u32>(info, at);
    const auto size = read_at<u32>(info, at + 4);
    if (size < 8 || size > info.size() - at) return EINVAL;
    const Tag tag{type, info.subspan(at + 8, size - 8)};
    at += align_up(size, 8);
    return tag;
#else
    lab_todo("boot", "next_tag");
#endif
}

/// LAB boot, task 7 "Tags" (handouts/01-boot.md). Write the body.
///   Before  `body` is the contents of a memory-map tag: entry size (u32), entry version (u32),
///           then entries of that size, each beginning with base (u64), length (u64), type (u32).
///   After   the entries are appended to out.map; those beyond BootInfo::kMaxMap only count in
///           out.map_dropped. EINVAL if the contents are shorter than 8 bytes or the entry size
///           less than 24. A last entry that is cut short is ignored.
///   Use     read_at().
///   Check   `make grade LAB=boot T=multiboot2`
///   Think   why does the loader tell the size of an entry, instead of leaving it at 24?
[[maybe_unused]] Result<void> read_memory_map(std::span<const std::byte> body, BootInfo& out) {
#ifdef SOLVED_BOOT
    if (body.size() < 8) return EINVAL;
    const auto entry_size = read_at<u32>(body, 0);
    if (entry_size < 24) return EINVAL;
    for (usize at = 8; body.size() - at >= entry_size; at += entry_size) {
        if (out.map_count == BootInfo::kMaxMap) {
            out.map_dropped++;
            continue;
        }
        out.map[out.map_count++] = {.start = read_at<u64>(body, at),
                                    .length = read_at<u64>(body, at + 8),
                                    .type = read_at<u32>(body, at + 16)};
    }
    return {};
#else
    lab_todo("boot", "read_memory_map");
#endif
}

Result<void> read_module(std::span<const std::byte> body, BootInfo& out) {
    if (body.size() < 8) return EINVAL;
    const auto start = read_at<u32>(body, 0), end = read_at<u32>(body, 4);
    if (end < start) return EINVAL;
    if (out.initrd_bytes != 0) return {};  // the first module is the initramfs
    out.initrd_start = start;
    out.initrd_bytes = end - start;
    return {};
}

void copy_rsdp(std::span<const std::byte> body, BootInfo& out) {
    if (body.size() > sizeof out.rsdp_copy) body = body.first(sizeof out.rsdp_copy);
    if (body.size() < out.rsdp_copy_bytes) return;  // the newer, longer one wins
    memcpy(out.rsdp_copy, body.data(), body.size());
    out.rsdp_copy_bytes = body.size();
}

[[maybe_unused]] Result<void> read_tag(const Tag& tag, BootInfo& out) {
    switch (tag.type) {
    case kCommandLine: copy_text(out.command_line, tag.body); break;
    case kLoaderName: copy_text(out.loader, tag.body); break;
    case kModule: return read_module(tag.body, out);
    case kMemoryMap: return read_memory_map(tag.body, out);
    case kAcpiOld:
    case kAcpiNew: copy_rsdp(tag.body, out); break;
    default: break;  // tags we do not know are none of our business
    }
    return {};
}

}  // namespace

/// LAB boot, task 7 "Tags" (handouts/01-boot.md). Write the body.
///   Before  `info` is the block as far as its own size word says; `out` is all zeros.
///   After   every tag up to the end tag has been given to read_tag(). EINVAL if `info` is shorter
///           than its 8 bytes of header, if a tag is damaged, or if the end tag is missing.
///   Use     next_tag(), read_tag(), TRY().
///   Check   `make grade LAB=boot T=multiboot2`
///   Think   what does this loop rely on to come to an end, whatever the bytes are?
Result<void> parse_multiboot2(std::span<const std::byte> info, BootInfo& out) {
#ifdef SOLVED_BOOT
    for (usize at = 8;;) {
        const Tag tag = TRY(next_tag(info, at));
        if (tag.type == kEnd) return {};
        TRY(read_tag(tag, out));
    }
#else
    lab_todo("boot", "parse_multiboot2");
#endif
}

}  // namespace arch
