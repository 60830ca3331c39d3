// SRAT and SLIT: nodes. The tables come from firmware that may be wrong, so every length and number
// is checked; one bad entry makes the whole table useless, since half a map is worse than none.

#include "arch/numa.h"
#include "lib/string.h"

namespace arch {

constinit NumaMap numa_map;

namespace {

using Bytes = std::span<const u8>;

template <class T>
T read_at(Bytes bytes, usize offset) {
    T value;
    memcpy(&value, bytes.subspan(offset, sizeof(T)).data(), sizeof value);
    return value;
}

constexpr u32 kEnabled = 1;

enum Type : u8 { kApic = 0, kMemory = 1, kX2apic = 2 };

/// The length that an entry of this type has; 0: any.
usize length_of(u8 type) {
    switch (type) {
    case kApic: return 16;
    case kMemory: return 40;
    case kX2apic: return 24;
    default: return 0;
    }
}

Result<void> read_apic(Bytes entry, bool wide_domains, NumaMap& map) {
    if (!(read_at<u32>(entry, 4) & kEnabled)) return {};
    u32 domain = entry[2];
    if (wide_domains) domain |= u32{entry[9]} << 8 | u32{entry[10]} << 16 | u32{entry[11]} << 24;
    return map.add_cpu(entry[3], domain);
}

Result<void> read_x2apic(Bytes entry, NumaMap& map) {
    if (!(read_at<u32>(entry, 12) & kEnabled)) return {};
    return map.add_cpu(read_at<u32>(entry, 8), read_at<u32>(entry, 4));
}

Result<void> read_memory(Bytes entry, bool wide_domains, NumaMap& map) {
    if (!(read_at<u32>(entry, 28) & kEnabled)) return {};
    const auto length = read_at<u64>(entry, 16);
    if (length == 0) return {};  // a node without memory, says some firmware
    const auto domain = read_at<u32>(entry, 2);
    return map.add_memory(read_at<u64>(entry, 8), length, wide_domains ? domain : domain & 0xff);
}

}  // namespace

Result<void> parse_srat(Bytes table, NumaMap& map) {
    constexpr usize kHeader = 48, kRevision = 8;
    if (table.size() < kHeader) return EINVAL;
    const bool wide = table[kRevision] >= 2;
    for (usize at = kHeader; at < table.size();) {
        const Bytes rest = table.subspan(at);
        if (rest.size() < 2 || rest[1] < 2 || rest[1] > rest.size()) return EINVAL;
        const Bytes entry = rest.first(rest[1]);
        const usize wanted = length_of(entry[0]);
        if (wanted != 0 && entry.size() < wanted) return EINVAL;
        switch (entry[0]) {
        case kApic: TRY(read_apic(entry, wide, map)); break;
        case kMemory: TRY(read_memory(entry, wide, map)); break;
        case kX2apic: TRY(read_x2apic(entry, map)); break;
        default: break;
        }
        at += entry.size();
    }
    return {};
}

Result<void> parse_slit(Bytes table, NumaMap& map) {
    constexpr usize kHeader = 44, kMost = 256;
    if (table.size() < kHeader) return EINVAL;
    const auto count = read_at<u64>(table, kHeader - 8);
    if (count == 0 || count > kMost || table.size() < kHeader + count * count) return EINVAL;
    for (u32 from = 0; from < count; from++) {
        for (u32 to = 0; to < count; to++) {
            TRY(map.set_distance(from, to, table[kHeader + from * count + to]));
        }
    }
    return {};
}

}  // namespace arch
