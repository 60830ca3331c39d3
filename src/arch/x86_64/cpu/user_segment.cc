// Descriptors of programs' segments, from and to the form that programs know, and the LDT.

#include "arch/user_segment.h"

#include "arch/cpu.h"
#include "arch/x86_64/cpu/cpu_setup.h"

namespace arch {

namespace {

// Of a descriptor; the type field begins at bit 40.
constexpr u64 kAccessed = u64{1} << 40, kWritable = u64{1} << 41;  // readable, for code
constexpr u64 kNoSystem = u64{1} << 44, kRing3 = u64{3} << 45, kPresent = u64{1} << 47;
constexpr u64 kAvailable = u64{1} << 52, kDefault32 = u64{1} << 54, kInPages = u64{1} << 55;
constexpr unsigned kContentsShift = 42, kLimitHighShift = 48;

u64 place_base(u32 base) { return u64{base & 0xff'ffff} << 16 | u64{base >> 24} << 56; }

/// One flag of a program's in two forms.
struct Flag {
    u32 described;
    u64 encoded;
};
constexpr Flag kFlags[] = {
    {abi::UD_SEG_32BIT, kDefault32},
    {abi::UD_LIMIT_IN_PAGES, kInPages},
    {abi::UD_USEABLE, kAvailable},
};
/// Those that say the opposite.
constexpr Flag kNegated[] = {
    {abi::UD_READ_EXEC_ONLY, kWritable},
    {abi::UD_SEG_NOT_PRESENT, kPresent},
};

}  // namespace

/// "Accessed" from the start: the processor then never writes to the table.
u64 make_user_segment(const abi::UserDesc& from) {
    u64 d = kNoSystem | kRing3 | kAccessed | place_base(from.base);
    d |= (from.limit & 0xffff) | u64{from.limit >> 16 & 0xf} << kLimitHighShift;
    d |= u64{(from.flags & abi::UD_CONTENTS) >> abi::UD_CONTENTS_SHIFT} << kContentsShift;
    for (const Flag& flag : kFlags) d |= (from.flags & flag.described) ? flag.encoded : 0;
    for (const Flag& flag : kNegated) d |= (from.flags & flag.described) ? 0 : flag.encoded;
    return d;
}

abi::UserDesc describe_user_segment(u64 d) {
    abi::UserDesc to{};
    to.base = u32(d >> 16 & 0xff'ffff) | u32(d >> 56) << 24;
    to.limit = u32(d & 0xffff) | u32(d >> kLimitHighShift & 0xf) << 16;
    to.flags = u32(d >> kContentsShift & 3) << abi::UD_CONTENTS_SHIFT;
    for (const Flag& flag : kFlags) to.flags |= (d & flag.encoded) ? flag.described : 0;
    for (const Flag& flag : kNegated) to.flags |= (d & flag.encoded) ? 0 : flag.described;
    return to;
}

bool is_empty_segment(const abi::UserDesc& from) {
    const u32 flags = from.flags & abi::kUserDescFlags;
    return from.base == 0 && from.limit == 0 &&
           flags == (abi::UD_READ_EXEC_ONLY | abi::UD_SEG_NOT_PRESENT);
}

void load_ldt(const u64* entries, u32 count) {
    constexpr u64 kLdt = u64{0x82} << 40;  // present, system, LDT
    u64* const slot = this_cpu_tables().gdt + kLdtSelector / 8;
    slot[0] = slot[1] = 0;
    if (count == 0) return lldt(0);
    const u64 base = reinterpret_cast<u64>(entries);
    slot[0] = kLdt | place_base(u32(base)) | (count * abi::kLdtEntrySize - 1);
    slot[1] = base >> 32;
    lldt(kLdtSelector);
}

}  // namespace arch
