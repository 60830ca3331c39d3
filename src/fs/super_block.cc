// Superblocks: their numbers, and their end.
#include "fs/super_block.h"

#include "fs/char_dev.h"
#include "fs/dentry_path.h"
#include "mm/own.h"

extern "C" const fs::FileSystemType __file_systems_start[], __file_systems_end[];

namespace fs {

/// Minor numbers of file systems without a device; major 0 is theirs alone.
static constinit std::atomic<u32> next_anonymous{1};

std::span<const FileSystemType> all_file_systems() {
    return {__file_systems_start, __file_systems_end};
}

const FileSystemType* find_file_system(std::string_view name) {
    for (const FileSystemType& type : all_file_systems()) {
        if (type.name == name) return &type;
    }
    return nullptr;
}

SuperBlock::SuperBlock(const FileSystemType& type, const SuperOperations& ops)
    : type(type), ops(ops), device(make_dev(0, next_anonymous.fetch_add(1))) {}

Result<void> SuperOperations::statfs(SuperBlock& super, abi::StatFs& out) const {
    out.f_bsize = out.f_frsize = super.block_size;
    return {};
}

/// The last mount is gone, so nobody can reach a file any more: what is cached of the tree goes,
/// leaves first, then the root, then what the file system itself keeps.
void SuperBlock::release(SuperBlock* super) {
    if (super->root) {
        super->root->prune_children();
        wait_for_dcache_shrinker();
        super->root.reset();
    }
    super->ops.put_super(*super);
    mm::destroy(super);
}

}  // namespace fs
