// /sys/kernel/mm/transparent_hugepage: when huge pages are used. Linux:
// Documentation/admin-guide/mm/transhuge.rst.
#include <array>

#include "fs/sysfs/huge_pages.h"
#include "vm/huge/huge.h"

namespace sysfs {
namespace {

using libfs::SeqFile;
using vm::HugePolicy;

struct PolicyName {
    std::string_view name;
    HugePolicy policy;
};
constexpr PolicyName kPolicies[] = {
    {"always", HugePolicy::Always}, {"madvise", HugePolicy::Madvise}, {"never", HugePolicy::Never}};

/// All words, the valid one in brackets.
Result<void> show_enabled(SeqFile& out, void*) {
    const char* space = "";
    for (const PolicyName& entry : kPolicies) {
        const bool is_valid = entry.policy == vm::huge_policy();
        out.write(space);
        if (is_valid) out.write("[");
        out.write(entry.name);
        if (is_valid) out.write("]");
        space = " ";
    }
    out.write("\n");
    return {};
}
Result<void> store_enabled(std::string_view text, void*) {
    for (const PolicyName& entry : kPolicies) {
        if (libfs::trim(text) != entry.name) continue;
        vm::set_huge_policy(entry.policy);
        return {};
    }
    return EINVAL;
}

Result<void> show_size(SeqFile& out, void*) {
    out.print("%lu\n", vm::kHugeSize);
    return {};
}

constexpr libfs::TextNode kFiles[] = {{"enabled", 0644, show_enabled, store_enabled},
                                      {"hpage_pmd_size", 0444, show_size}};

}  // namespace

Result<void> add_huge_pages(libfs::Tree& tree, libfs::Node& kernel) {
    libfs::Node& mm = *TRY(tree.add_dir(kernel, "mm"));
    libfs::Node& folder = *TRY(tree.add_dir(mm, "transparent_hugepage"));
    for (const libfs::TextNode& file : kFiles) TRY(tree.add_text(folder, file));
    return {};
}

}  // namespace sysfs
