// The few ACPI tables we read: MADT (processors, interrupt controllers), SRAT and SLIT (nodes:
// srat.cc), HPET, FADT (power management timer, power-off, reset) and the \_S5 package of the DSDT.
// See: ACPI specification 6.4, chapter 5.
//
// The tables come from firmware that may be wrong: every length is checked against the table, a
// table against its checksum, and nothing is read outside the first 4 GiB, which is what the
// early page tables map.

#include "arch/boot_info.h"
#include "arch/layout.h"
#include "arch/numa.h"
#include "lib/string.h"

namespace arch {

constinit AcpiInfo acpi_info{};

namespace {

constexpr u64 kMapped = u64{4} << 30;
constexpr u32 kMaxTable = 1 << 20;

struct [[gnu::packed]] TableHeader {
    char signature[4];
    u32 length;
    u8 revision, checksum;
    char oem[6], oem_table[8];
    u32 oem_revision, creator, creator_revision;
};
static_assert(sizeof(TableHeader) == 36);

using Bytes = std::span<const u8>;

template <class T>
T read_at(Bytes bytes, usize offset) {
    T value{};
    if (offset + sizeof(T) <= bytes.size()) memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

bool checksum_ok(Bytes bytes) {
    u8 sum = 0;
    for (u8 byte : bytes) sum += byte;
    return sum == 0;
}

/// The table at a physical address; empty if there cannot be one.
Bytes table_at(u64 address) {
    if (address == 0 || address >= kMapped - sizeof(TableHeader)) return {};
    const auto* header = phys_to_virt<const TableHeader>(PhysAddr(address));
    const u32 length = header->length;
    if (length < sizeof(TableHeader) || length > kMaxTable || address + length > kMapped) return {};
    const Bytes table(reinterpret_cast<const u8*>(header), length);
    return checksum_ok(table) ? table : Bytes();
}

void read_madt_entry(Bytes entry, AcpiInfo& out) {
    enum : u8 { kLocalApic = 0, kIoApic = 1, kOverride = 2, kApicAddress = 5 };
    switch (entry[0]) {
    case kLocalApic:
        if ((read_at<u32>(entry, 4) & 3) != 0 && out.cpu_count < AcpiInfo::kMaxCpus) {
            out.apic_ids[out.cpu_count++] = entry[3];  // enabled, or can be
        }
        break;
    case kIoApic:
        if (out.ioapic_count < AcpiInfo::kMaxIoApics) {
            out.ioapics[out.ioapic_count++] = {read_at<u32>(entry, 4), read_at<u32>(entry, 8)};
        }
        break;
    case kOverride:
        if (out.override_count < AcpiInfo::kMaxOverrides) {
            const auto flags = read_at<u16>(entry, 8);
            out.overrides[out.override_count++] = {.isa_irq = entry[3],
                                                   .gsi = read_at<u32>(entry, 4),
                                                   .active_low = (flags & 3) == 3,
                                                   .level = (flags >> 2 & 3) == 3};
        }
        break;
    case kApicAddress: out.local_apic = read_at<u64>(entry, 4); break;
    default: break;
    }
}

void read_madt(Bytes table, AcpiInfo& out) {
    out.local_apic = read_at<u32>(table, 36);
    for (usize at = 44; at + 2 <= table.size();) {
        const u8 length = table[at + 1];
        if (length < 8 || at + length > table.size()) return;  // the smallest entry has 8 bytes
        read_madt_entry(table.subspan(at, length), out);
        at += length;
    }
}

/// Finds `\_S5` in the byte code of the DSDT: NameOp, the name, PackageOp, length, count, then
/// the two sleep types as byte constants. See: ACPI 20.2.
void read_s5(Bytes dsdt, AcpiInfo& out) {
    for (usize at = sizeof(TableHeader); at + 12 < dsdt.size(); at++) {
        if (memcmp(&dsdt[at], "_S5_", 4) != 0 || dsdt[at + 4] != 0x12) continue;
        usize p = at + 5;
        p += (dsdt[p] >> 6) + 2;  // package length, then the number of elements
        auto next = [&]() -> u8 {
            if (p >= dsdt.size()) return 0;
            if (dsdt[p] == 0x0a) p++;  // BytePrefix
            return p < dsdt.size() ? dsdt[p++] : 0;
        };
        out.s5_type_a = next() & 7;
        out.s5_type_b = next() & 7;
        out.has_s5 = true;
        return;
    }
}

void read_fadt(Bytes table, AcpiInfo& out) {
    constexpr u32 kResetSupported = 1 << 10, kTimer32 = 1 << 8;
    out.pm1a_control = u16(read_at<u32>(table, 64));
    out.pm1b_control = u16(read_at<u32>(table, 68));
    out.pm_timer_port = u16(read_at<u32>(table, 76));
    const auto flags = read_at<u32>(table, 112);
    out.pm_timer_32bit = flags & kTimer32;
    if ((flags & kResetSupported) && read_at<u8>(table, 116) == 1) {  // in I/O space
        out.reset_register = read_at<u64>(table, 120);
        out.reset_value = read_at<u8>(table, 128);
    }
    read_s5(table_at(read_at<u32>(table, 40)), out);
}

void read_table(u64 address, AcpiInfo& out) {
    const Bytes table = table_at(address);
    if (table.empty()) return;
    if (memcmp(table.data(), "APIC", 4) == 0) read_madt(table, out);
    if (memcmp(table.data(), "FACP", 4) == 0) read_fadt(table, out);
    if (memcmp(table.data(), "HPET", 4) == 0) out.hpet = read_at<u64>(table, 44);
    if (memcmp(table.data(), "SRAT", 4) == 0) out.srat = address;
    if (memcmp(table.data(), "SLIT", 4) == 0) out.slit = address;
}

/// The SLIT speaks of domains that the SRAT has introduced, so it comes second.
void read_nodes(AcpiInfo& info) {
    const Bytes srat = table_at(info.srat), slit = table_at(info.slit);
    if (srat.empty()) return;
    info.srat_refused = !parse_srat(srat, numa_map).ok();
    if (info.srat_refused) return numa_map.clear();
    if (!slit.empty() && !parse_slit(slit, numa_map).ok()) numa_map.clear_distances();
}

/// The root pointer's bytes: from the loader, or searched for where BIOSes put it.
Bytes find_rsdp(const BootInfo& info) {
    if (info.rsdp_copy_bytes >= 20) return {info.rsdp_copy, info.rsdp_copy_bytes};
    if (info.rsdp != 0 && info.rsdp < kMapped - 36) {
        return {phys_to_virt<const u8>(PhysAddr(info.rsdp)), 36};
    }
    for (u64 at = 0xe'0000; at < 0x10'0000; at += 16) {
        const u8* p = phys_to_virt<const u8>(PhysAddr(at));
        if (memcmp(p, "RSD PTR ", 8) == 0 && checksum_ok({p, 20})) return {p, 36};
    }
    return {};
}

}  // namespace

void acpi_init(const BootInfo& info) {
    const Bytes rsdp = find_rsdp(info);
    if (rsdp.size() < 20 || memcmp(rsdp.data(), "RSD PTR ", 8) != 0) return;
    acpi_info.revision = rsdp[15];
    const bool has_xsdt = rsdp[15] >= 2 && rsdp.size() >= 36 && read_at<u64>(rsdp, 24) != 0;
    Bytes root = table_at(has_xsdt ? read_at<u64>(rsdp, 24) : read_at<u32>(rsdp, 16));
    const usize entry_size = has_xsdt ? 8 : 4;
    for (usize at = sizeof(TableHeader); at + entry_size <= root.size(); at += entry_size) {
        read_table(has_xsdt ? read_at<u64>(root, at) : read_at<u32>(root, at), acpi_info);
    }
    read_nodes(acpi_info);
}

}  // namespace arch
