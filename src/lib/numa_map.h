/// NumaMap: which memory and which processors belong together, as the firmware tells. Nodes are
/// numbered 0, 1, … in the order in which their proximity domains are mentioned.
///
/// Firmware may be wrong: what contradicts itself is refused, and is_sound() says whether the rest
/// can be used. Memory that no range covers belongs to node 0.
///
/// Invariants: 1. ranges are sorted by start and do not overlap. 2. no range is empty.
#pragma once

#include <span>

#include "lib/memblock.h"
#include "lib/result.h"

inline constexpr unsigned kMaxNodes = 16;

class NumaMap {
public:
    static constexpr usize kMaxRanges = 64, kMaxCpus = 64;
    static constexpr u8 kLocalDistance = 10, kRemoteDistance = 20;  // ACPI 6.4, 5.2.17

    struct Range {
        u64 start, end;  // [start, end), in bytes
        u8 node;
    };

    /// [start, start + length) is memory of `domain`. EINVAL: empty, or wraps around; EEXIST:
    /// overlaps a range of another domain; ENOMEM: too many ranges or domains.
    Result<void> add_memory(u64 start, u64 length, u32 domain);

    /// The processor with this APIC id belongs to `domain`. EEXIST: it is said to belong elsewhere;
    /// ENOMEM.
    Result<void> add_cpu(u32 apic_id, u32 domain);

    /// How far it is from one domain to another; unknown domains are ignored. EINVAL: a distance
    /// that cannot be (below 10, or not 10 from a domain to itself).
    Result<void> set_distance(u32 from_domain, u32 to_domain, u8 distance);

    /// Whether the map can be used: it has a node with memory, and at most a mebibyte of `ram` is
    /// in none.
    bool is_sound(std::span<const PhysRange> ram) const;

    /// Forgets everything: one node.
    void clear();

    void clear_distances();

    /// The nodes; at least 1.
    unsigned node_count() const { return node_count_ == 0 ? 1 : node_count_; }
    std::span<const Range> ranges() const { return {ranges_, range_count_}; }

    /// The node of the byte at `address`, and where the stretch of that node ends.
    struct Stretch {
        u8 node;
        u64 end;
    };
    Stretch at(u64 address) const;

    u8 node_of_apic_id(u32 apic_id) const;  // 0 if not mentioned
    u8 distance(unsigned from, unsigned to) const;

private:
    Result<u8> node_of_domain(u32 domain);
    int find_domain(u32 domain) const;

    Range ranges_[kMaxRanges] = {};
    usize range_count_ = 0;
    u32 domains_[kMaxNodes] = {};
    unsigned node_count_ = 0;
    struct Cpu {
        u32 apic_id;
        u8 node;
    } cpus_[kMaxCpus] = {};
    usize cpu_count_ = 0;
    u8 distances_[kMaxNodes][kMaxNodes] = {};  // 0: not told
};
