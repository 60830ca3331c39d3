// See cpu_mask.h.
#include "fs/procfs/cpu_mask.h"

#include "core/percpu/percpu.h"
#include "lib/parse.h"

namespace procfs {
namespace {

constexpr unsigned kGroup = 32;

/// Takes the separator off the front of `text`: false at its end. EINVAL: something else.
Result<bool> take_comma(std::string_view& text) {
    if (text.empty()) return false;
    if (text.front() != ',') return EINVAL;
    text.remove_prefix(1);
    return true;
}

u64 bits_up_to(u64 last) { return last >= 63 ? ~u64{0} : (u64{2} << last) - 1; }

}  // namespace

void print_cpu_mask(libfs::SeqFile& out, u64 cpus) {
    unsigned bits = possible_cpus.count();
    cpus &= bits_up_to(bits - 1);
    while (bits > 0) {
        const unsigned in_group = (bits - 1) % kGroup + 1;
        bits -= in_group;
        const u64 group = cpus >> bits & bits_up_to(in_group - 1);
        char digits[12];
        const usize length = format_to(digits, "%08lx", group);
        const usize wanted = (in_group + 3) / 4;
        out.write({digits + length - wanted, wanted});
        out.write(bits > 0 ? "," : "\n");
    }
}

void print_cpu_list(libfs::SeqFile& out, u64 cpus) {
    out.write_ranges(cpus & possible_cpus.bits());
    out.write("\n");
}

Result<u64> parse_cpu_mask(std::string_view text) {
    text = libfs::trim(text);
    u64 cpus = 0;
    for (bool more = !text.empty(); more; more = TRY(take_comma(text))) {
        const u64 group = TRY(take_unsigned(text, 16));
        if (group >> kGroup != 0 || cpus >> kGroup != 0) return EOVERFLOW;
        cpus = cpus << kGroup | group;
    }
    if ((cpus & ~possible_cpus.bits()) != 0) return EOVERFLOW;
    return cpus;
}

Result<u64> parse_cpu_list(std::string_view text) {
    text = libfs::trim(text);
    u64 cpus = 0;
    for (bool more = !text.empty(); more; more = TRY(take_comma(text))) {
        const u64 first = TRY(take_unsigned(text, 10));
        u64 last = first;
        if (text.starts_with('-')) {
            text.remove_prefix(1);
            last = TRY(take_unsigned(text, 10));
        }
        if (last < first) return EINVAL;
        if (last >= possible_cpus.count()) return ERANGE;
        cpus |= bits_up_to(last) & ~(first == 0 ? 0 : bits_up_to(first - 1));
    }
    return cpus;
}

}  // namespace procfs
