// See mm/page_poison.h.

#include "mm/page_poison.h"

#include "arch/cpu.h"
#include "core/log/oops.h"
#include "core/log/panic.h"
#include "core/log/printk.h"
#include "lib/string.h"

namespace mm {

namespace {

constinit std::atomic<u64> corrupted{0};

/// The first byte that is not what it was; null: they all are.
const u8* find_change(const u8* page) {
    constexpr u64 kWord = u64{0x0101'0101'0101'0101} * kPagePoison;
    const auto* words = reinterpret_cast<const u64*>(page);
    usize word = 0;
    while (word < kPageSize / 8 && words[word] == kWord) word++;
    if (word == kPageSize / 8) return nullptr;
    const u8* at = page + word * 8;
    while (*at == kPagePoison) at++;
    return at;
}

void report(const u8* at) {
    if (corrupted.fetch_add(1) > 0) return;  // one tells enough
    const u8* const row = reinterpret_cast<const u8*>(align_down(reinterpret_cast<u64>(at), 16));
    printk(Level::Emerg, "pagealloc: memory corruption at %016lx", reinterpret_cast<u64>(at));
    printk(
        Level::Emerg,
        "%016lx: %02x %02x %02x %02x %02x %02x %02x %02x %02x %02x %02x %02x %02x %02x %02x %02x",
        reinterpret_cast<u64>(row), row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7],
        row[8], row[9], row[10], row[11], row[12], row[13], row[14], row[15]);
    print_backtrace(arch::frame_pointer(), 0);
    add_taint(Taint::Warn);
}

}  // namespace

u64 corrupted_pages() { return corrupted.load(); }

void poison_free_pages(Page& page, unsigned order) {
    memset(bytes_of(page), kPagePoison, kPageSize << order);
}

void check_free_pages(Page& page, unsigned order) {
    const u8* const first = bytes_of<u8>(page);
    for (const u8* at = first; at < first + (kPageSize << order); at += kPageSize) {
        if (const u8* const changed = find_change(at)) report(changed);
    }
}

}  // namespace mm
