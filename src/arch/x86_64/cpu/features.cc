// CPUID, and the control-register bits that follow from it.
//
// Never set a CR4 bit that CPUID does not offer: real processors and Bochs fault, QEMU 7.2 hangs.

#include "arch/cpu_features.h"

#include <span>

#include "arch/cpu.h"
#include "arch/x86_64/cpu/cpu_setup.h"
#include "lib/string.h"

namespace arch {

constinit CpuFeatures cpu_features{};

extern "C" u8* const __smap_sites_start[];  // kernel.ld: addresses of the nops to patch
extern "C" u8* const __smap_sites_end[];

namespace {

constexpr u64 kCr0AlignmentMask = 1 << 18;
constexpr u64 kCr4Pge = 1 << 7, kCr4OsFxsr = 1 << 9, kCr4OsXmmExcept = 1 << 10, kCr4Umip = 1 << 11;
constexpr u64 kCr4Pcide = 1 << 17, kCr4OsXsave = 1 << 18, kCr4Smep = 1 << 20, kCr4Smap = 1 << 21;

bool bit(u32 word, unsigned n) { return word >> n & 1; }

void put_words(char* at, std::initializer_list<u32> words) {
    for (u32 word : words) {
        memcpy(at, &word, 4);
        at += 4;
    }
}

void read_identity(CpuFeatures& f) {
    const Cpuid vendor = cpuid(0);
    put_words(f.vendor, {vendor.ebx, vendor.edx, vendor.ecx});
    f.cpuid_level = vendor.eax;
    const u32 signature = cpuid(1).eax;
    f.stepping = signature & 15;
    f.family = (signature >> 8 & 15) + ((signature >> 8 & 15) == 15 ? signature >> 20 & 255 : 0);
    f.model = (signature >> 4 & 15) | (signature >> 12 & 0xf0);
    const u32 max_extended = cpuid(0x8000'0000).eax;
    const u32 widths = max_extended >= 0x8000'0008 ? cpuid(0x8000'0008).eax : 48 << 8 | 36;
    f.physical_bits = widths & 0xff;
    f.virtual_bits = widths >> 8 & 0xff;
    if (max_extended < 0x8000'0004) return;
    for (u32 i = 0; i < 3; i++) {
        const Cpuid part = cpuid(0x8000'0002 + i);
        put_words(f.brand + 16 * i, {part.eax, part.ebx, part.ecx, part.edx});
    }
}

void read_xsave(CpuFeatures& f) {
    f.xsave_size = 512;
    f.xcr0 = 3;
    if (!f.xsave) return;
    f.xcr0 = 3 | (f.avx ? 4 : 0);
    f.xsave_size = 512 + 64 + (f.avx ? 256 : 0);  // legacy area, header, upper halves of YMM
}

/// Turns the nops of user_copy.S and the entry code into stac and clac. Text is still writable.
void patch_smap_sites() {
    for (u8* const* site = __smap_sites_start; site < __smap_sites_end; site++) {
        u8* const code = *site;
        const bool is_stac = code[2] == 0x03;
        code[1] = 0x01;
        code[2] = is_stac ? 0xcb : 0xca;
    }
}

}  // namespace

void detect_cpu_features() {
    CpuFeatures& f = cpu_features;
    read_identity(f);
    const u32 max_leaf = cpuid(0).eax;
    const Cpuid one = cpuid(1);
    f.pge = bit(one.edx, 13);
    f.pcid = f.pge && bit(one.ecx, 17);  // kernel translations must not be one PCID's own
    f.xsave = bit(one.ecx, 26);
    f.avx = f.xsave && bit(one.ecx, 28);
    f.rdrand = bit(one.ecx, 30);
    f.hypervisor = bit(one.ecx, 31);
    if (max_leaf >= 7) {
        const Cpuid seven = cpuid(7);
        f.fsgsbase = bit(seven.ebx, 0);
        f.smep = bit(seven.ebx, 7);
        f.rdseed = bit(seven.ebx, 18);
        f.smap = bit(seven.ebx, 20);
        f.umip = bit(seven.ecx, 2);
    }
    const u32 max_extended = cpuid(0x8000'0000).eax;
    const u32 extended = cpuid(0x8000'0001).edx;
    f.gbpages = bit(extended, 26);
    f.rdtscp = bit(extended, 27);
    f.invariant_tsc = max_extended >= 0x8000'0007 && bit(cpuid(0x8000'0007).edx, 8);
    read_xsave(f);
    if (f.smap) patch_smap_sites();
}

void enable_cpu_features() {
    const CpuFeatures& f = cpu_features;
    u64 cr4 = read_cr4() | kCr4OsFxsr | kCr4OsXmmExcept;
    if (f.pge) cr4 |= kCr4Pge;
    if (f.umip) cr4 |= kCr4Umip;
    if (f.smep) cr4 |= kCr4Smep;
    if (f.smap) cr4 |= kCr4Smap;
    if (f.xsave) cr4 |= kCr4OsXsave;
    if (f.pcid) cr4 |= kCr4Pcide;
    write_cr4(cr4);
    write_cr0(read_cr0() | kCr0AlignmentMask);  // programs that set AC get what they ask for
    if (f.xsave) xsetbv(0, f.xcr0);
    fninit();
}

usize describe_cpu_flags(char* room, usize size) {
    const CpuFeatures& f = cpu_features;
    const struct {
        bool present;
        std::string_view name;
    } flags[] = {
        {true, "fpu"},
        {true, "tsc"},
        {true, "msr"},
        {true, "pae"},
        {true, "apic"},
        {f.pge, "pge"},
        {true, "fxsr"},
        {true, "sse"},
        {true, "sse2"},
        {true, "syscall"},
        {true, "nx"},
        {f.gbpages, "pdpe1gb"},
        {f.rdtscp, "rdtscp"},
        {true, "lm"},
        {f.invariant_tsc, "nonstop_tsc"},
        {f.xsave, "xsave"},
        {f.avx, "avx"},
        {f.rdrand, "rdrand"},
        {f.hypervisor, "hypervisor"},
        {f.fsgsbase, "fsgsbase"},
        {f.smep, "smep"},
        {f.rdseed, "rdseed"},
        {f.smap, "smap"},
        {f.umip, "umip"},
        {f.pcid, "pcid"},
    };
    usize length = 0;
    for (const auto& flag : flags) {
        if (!flag.present || length + flag.name.size() + 1 > size) continue;
        if (length > 0) room[length++] = ' ';
        memcpy(room + length, flag.name.data(), flag.name.size());
        length += flag.name.size();
    }
    return length;
}

}  // namespace arch
