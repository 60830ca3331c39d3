// sysfs: /sys. So far: the mount points of tracefs and debugfs, and the list of processors that
// libraries read to learn how many there are.
#include "abi/statfs.h"
#include "core/percpu/percpu.h"
#include "fs/libfs/tree.h"
#include "fs/sysfs/clocks.h"
#include "fs/sysfs/huge_pages.h"
#include "fs/sysfs/nodes.h"
#include "fs/sysfs/slab/slab.h"

namespace sysfs {

namespace {

using libfs::Node;
using libfs::SeqFile;
using libfs::TextNode;

constinit libfs::Tree tree("sysfs");

Result<void> show_online(SeqFile& out, void*) {
    out.write_ranges(online_cpus.bits());
    out.write("\n");
    return {};
}
Result<void> show_possible(SeqFile& out, void*) {
    out.write_ranges(possible_cpus.bits());
    out.write("\n");
    return {};
}

constexpr TextNode kCpuFiles[] = {{"online", 0444, show_online},
                                  {"possible", 0444, show_possible},
                                  {"present", 0444, show_possible}};

Result<void> populate() {
    Node& kernel = *TRY(tree.add_dir(tree.root(), "kernel"));
    TRY(tree.add_dir(kernel, "tracing", 0700));
    TRY(tree.add_dir(kernel, "debug", 0700));
    TRY(add_huge_pages(tree, kernel));
    TRY(add_slab(tree, kernel));
    Node& devices = *TRY(tree.add_dir(tree.root(), "devices"));
    Node& system = *TRY(tree.add_dir(devices, "system"));
    TRY(add_clocks(tree, system));
    TRY(add_nodes(tree, system));
    Node& cpu = *TRY(tree.add_dir(system, "cpu"));
    for (const TextNode& file : kCpuFiles) TRY(tree.add_text(cpu, file));
    for (u64 bits = possible_cpus.bits(); bits != 0; bits &= bits - 1) {
        char name[8];
        const usize length = format_to(name, "cpu%u", unsigned(__builtin_ctzll(bits)));
        TRY(tree.add_dir(cpu, {name, length}));
    }
    return {};
}

constexpr libfs::TreeFileSystem kSysfs{"sysfs", tree, abi::SYSFS_MAGIC, populate};

Result<Ref<fs::SuperBlock>> mount_sysfs(std::string_view, u32, std::string_view) {
    return libfs::mount_tree(kSysfs);
}

FILE_SYSTEM(sysfs) = {.name = "sysfs", .mount = mount_sysfs};

}  // namespace
}  // namespace sysfs
