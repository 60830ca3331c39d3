#include "lib/numa_map.h"

#include <new>

int NumaMap::find_domain(u32 domain) const {
    for (unsigned node = 0; node < node_count_; node++) {
        if (domains_[node] == domain) return int(node);
    }
    return -1;
}

Result<u8> NumaMap::node_of_domain(u32 domain) {
    const int known = find_domain(domain);
    if (known >= 0) return u8(known);
    if (node_count_ == kMaxNodes) return ENOMEM;
    domains_[node_count_] = domain;
    return u8(node_count_++);
}

Result<void> NumaMap::add_memory(u64 start, u64 length, u32 domain) {
    const u64 end = start + length;
    if (length == 0 || end < start) return EINVAL;
    usize at = 0;
    while (at < range_count_ && ranges_[at].end <= start) at++;
    if (at < range_count_ && ranges_[at].start < end) {
        const bool same = find_domain(domain) == ranges_[at].node;
        const bool inside = ranges_[at].start <= start && end <= ranges_[at].end;
        if (same && inside) return {};  // said twice
        return EEXIST;
    }
    if (range_count_ == kMaxRanges) return ENOMEM;
    const u8 node = TRY(node_of_domain(domain));
    for (usize i = range_count_; i > at; i--) ranges_[i] = ranges_[i - 1];
    ranges_[at] = {start, end, node};
    range_count_++;
    return {};
}

Result<void> NumaMap::add_cpu(u32 apic_id, u32 domain) {
    for (usize i = 0; i < cpu_count_; i++) {
        if (cpus_[i].apic_id != apic_id) continue;
        if (find_domain(domain) == cpus_[i].node) return {};
        return EEXIST;
    }
    if (cpu_count_ == kMaxCpus) return ENOMEM;
    const u8 node = TRY(node_of_domain(domain));
    cpus_[cpu_count_++] = {apic_id, node};
    return {};
}

Result<void> NumaMap::set_distance(u32 from_domain, u32 to_domain, u8 distance) {
    if (distance < kLocalDistance || (from_domain == to_domain) != (distance == kLocalDistance)) {
        return EINVAL;
    }
    const int from = find_domain(from_domain), to = find_domain(to_domain);
    if (from >= 0 && to >= 0) distances_[from][to] = distance;
    return {};
}

bool NumaMap::is_sound(std::span<const PhysRange> ram) const {
    constexpr u64 kMayMiss = 1 << 20;
    u64 missing = 0, covered = 0;
    for (const PhysRange& piece : ram) {
        missing += piece.bytes();
        for (const Range& range : ranges()) {
            const u64 start = range.start > piece.start ? range.start : piece.start;
            const u64 end = range.end < piece.end ? range.end : piece.end;
            if (start < end) covered += end - start;
        }
    }
    return covered > 0 && missing - covered <= kMayMiss;
}

void NumaMap::clear() { new (this) NumaMap(); }

void NumaMap::clear_distances() {
    for (auto& row : distances_) {
        for (u8& distance : row) distance = 0;
    }
}

NumaMap::Stretch NumaMap::at(u64 address) const {
    for (const Range& range : ranges()) {
        if (address < range.start) return {0, range.start};
        if (address < range.end) return {range.node, range.end};
    }
    return {0, ~u64{0}};
}

u8 NumaMap::node_of_apic_id(u32 apic_id) const {
    for (usize i = 0; i < cpu_count_; i++) {
        if (cpus_[i].apic_id == apic_id) return cpus_[i].node;
    }
    return 0;
}

u8 NumaMap::distance(unsigned from, unsigned to) const {
    if (from == to) return kLocalDistance;
    const u8 told = distances_[from][to];
    return told != 0 ? told : kRemoteDistance;
}
