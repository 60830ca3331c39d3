// tmpfs as a whole: its inodes' birth and death, options, counts, and the end of it.
#include "fs/char_dev.h"
#include "fs/tmpfs/tmpfs.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "mm/own.h"

namespace fs::tmpfs {
namespace {

constinit mm::KmemCache inode_cache("shmem_inode_cache", sizeof(TmpfsInode), alignof(TmpfsInode),
                                    mm::SlabFlags::ReclaimAccount | mm::SlabFlags::NoMerge);

/// The two faces of a file of this kind.
struct Operations {
    const InodeOperations& inode;
    const FileOperations& file;
};
Operations operations_for(u32 mode) {
    switch (mode & abi::S_IFMT) {
    case abi::S_IFDIR: return {directory_inode_ops, directory_file_ops};
    case abi::S_IFREG: return {file_inode_ops, regular_file_ops};
    case abi::S_IFLNK: return {symlink_inode_ops, no_open_ops};
    default: return {special_inode_ops, special_file_ops(mode)};
    }
}

/// Counts a new inode, unless there are too many.
Result<void> take_inode(TmpfsSuper& super) {
    const u64 limit = super.max_inodes.load();
    if (super.inodes.fetch_add(1) < limit || limit == 0) return {};
    super.inodes.fetch_sub(1);
    return ENOSPC;
}

/// Frees all that is below `root`. Directories may be nested as deep as memory allows, so this
/// works through a list instead of recursing.
void drop_tree(Inode& root) {
    Entry* dropped = nullptr;
    const auto drop_entries = [&](Inode& dir) {
        while (Entry* entry = tmpfs_inode(dir).entries.pop()) {
            entry->next_dropped = dropped;
            dropped = entry;
        }
    };
    drop_entries(root);
    while (Entry* entry = dropped) {
        dropped = entry->next_dropped;
        if (entry->inode->is_dir()) drop_entries(*entry->inode);
        Directory::free_entry(entry);
    }
}

class TmpfsSuperOperations final : public SuperOperations {
public:
    void evict_inode(Inode& inode) const override {
        TmpfsInode& own = tmpfs_inode(inode);
        TmpfsSuper& super = tmpfs_super(inode.super);
        inode.size.store(0);
        inode.mapping.truncate(0);
        recharge(inode);
        mm::kfree(own.target);
        own.~TmpfsInode();
        inode_cache.free(&own);
        super.inodes.fetch_sub(1);
    }

    Result<void> statfs(SuperBlock& block, abi::StatFs& out) const override {
        TmpfsSuper& super = tmpfs_super(block);
        const auto left = [](u64 limit, u64 used) { return limit > used ? limit - used : 0; };
        out.f_blocks = static_cast<i64>(super.max_pages.load());
        out.f_bfree = out.f_bavail = static_cast<i64>(left(super.max_pages.load(), super.used()));
        out.f_files = static_cast<i64>(super.max_inodes.load());
        out.f_ffree = static_cast<i64>(left(super.max_inodes.load(), super.inodes.load()));
        return {};
    }

    void put_super(SuperBlock& block) const override {
        TmpfsSuper* super = &tmpfs_super(block);
        if (super->root) drop_tree(*super->root);
        super->root.reset();
        mm::destroy(super);
    }

    Result<void> remount(SuperBlock& block, std::string_view data) const override {
        return parse_options(tmpfs_super(block), data);
    }

    usize show_options(SuperBlock& block, std::span<char> room) const override {
        TmpfsSuper& super = tmpfs_super(block);
        usize length = 0;
        const auto add = [&](const char* format, u64 value) {
            length += format_to(room.subspan(length), format, value);
            if (length > room.size()) length = room.size();
        };
        if (const u64 pages = super.max_pages.load()) add(",size=%uk", pages * (kPageSize / 1024));
        if (const u64 inodes = super.max_inodes.load()) add(",nr_inodes=%u", inodes);
        if (super.root_mode != 01777) add(",mode=%o", super.root_mode);
        return length;
    }
};
constexpr TmpfsSuperOperations kSuperOps;

/// The next option off the front of `text`: "name=value" or "name".
struct Option {
    std::string_view name, value;
};
Option take_option(std::string_view& text) {
    const std::string_view option = text.substr(0, text.find(','));
    text.remove_prefix(option.size() < text.size() ? option.size() + 1 : option.size());
    const usize equals = option.find('=');
    if (equals == option.npos) return {option, {}};
    return {option.substr(0, equals), option.substr(equals + 1)};
}

/// "64m", or "20%" of the memory; in pages, at least one (0 means no limit).
Result<u64> parse_pages(std::string_view value) {
    if (value.ends_with('%')) {
        value.remove_suffix(1);
        const u64 percent = TRY(parse_unsigned(value, 10));
        if (percent > 1'000'000) return EINVAL;
        return mm::total_pages() * percent / 100;
    }
    const u64 bytes = TRY(parse_size(value));
    return bytes / kPageSize + (bytes % kPageSize != 0);
}

Result<u32> parse_id(std::string_view value, unsigned base, u32 max) {
    const u64 number = TRY(parse_unsigned(value, base));
    if (number > max) return EINVAL;
    return static_cast<u32>(number);
}

Result<void> apply_option(TmpfsSuper& super, const Option& option) {
    if (option.name == "size") {
        super.max_pages = TRY(parse_pages(option.value));
    } else if (option.name == "nr_blocks") {
        super.max_pages = TRY(parse_size(option.value));
    } else if (option.name == "nr_inodes") {
        super.max_inodes = TRY(parse_size(option.value));
    } else if (option.name == "mode") {
        super.root_mode = TRY(parse_id(option.value, 8, abi::S_IALLUGO));
    } else if (option.name == "uid") {
        super.root_uid = TRY(parse_id(option.value, 10, ~0u - 1));
    } else if (option.name == "gid") {
        super.root_gid = TRY(parse_id(option.value, 10, ~0u - 1));
    } else {
        return EINVAL;
    }
    return {};
}

}  // namespace

Result<void> parse_options(TmpfsSuper& super, std::string_view options) {
    while (!options.empty()) {
        const Option option = take_option(options);
        if (option.name.empty()) continue;
        if (!apply_option(super, option).ok()) return EINVAL;
    }
    return {};
}

Result<Ref<Inode>> new_inode(SuperBlock& super, const Inode* dir, const CreateMode& how) {
    TRY(take_inode(tmpfs_super(super)));
    auto memory = inode_cache.alloc(mm::Gfp::Kernel);
    if (!memory.ok()) {
        tmpfs_super(super).inodes.fetch_sub(1);
        return ENOMEM;
    }
    const Operations ops = operations_for(how.mode);
    auto* own = new (memory.value())
        TmpfsInode(super, super.next_inode.fetch_add(1), how.mode, ops.inode, ops.file, cache_ops);
    Inode& inode = own->inode;
    inode.private_data = own;
    inode.device = how.device;
    inode_init_owner(inode, dir);
    if (inode.is_dir()) {
        inode.link_count.store(2);
        inode.size.store(40);  // "." and ".." at 20 each
    }
    return Ref<Inode>::adopt(&inode);
}

Result<Ref<SuperBlock>> make_super(const FileSystemType& type, std::string_view options) {
    auto made = TRY(mm::make<SuperBlock>(type, kSuperOps));
    auto own = TRY(mm::make<TmpfsSuper>());
    own->max_pages = own->max_inodes = mm::total_pages() / 2;
    TRY(parse_options(*own, options));

    made->private_data = own.leak();
    auto super = Ref<SuperBlock>::adopt(made.leak());  // from here on put_super() cleans up
    TmpfsSuper& tmpfs = tmpfs_super(*super);
    super->magic = abi::TMPFS_MAGIC;
    tmpfs.root = TRY(new_inode(*super, nullptr, {.mode = abi::S_IFDIR | tmpfs.root_mode}));
    tmpfs.root->uid = tmpfs.root_uid;
    tmpfs.root->gid = tmpfs.root_gid;
    super->root = TRY(Dentry::make_root(tmpfs.root));
    return super;
}

namespace {

Result<Ref<SuperBlock>> mount_tmpfs(std::string_view, u32, std::string_view data);
Result<Ref<SuperBlock>> mount_rootfs(std::string_view, u32, std::string_view data);

FILE_SYSTEM(tmpfs) = {.name = "tmpfs", .mount = mount_tmpfs};
FILE_SYSTEM(rootfs) = {.name = "rootfs", .mount = mount_rootfs};

Result<Ref<SuperBlock>> mount_tmpfs(std::string_view, u32, std::string_view data) {
    return make_super(tmpfs_type, data);
}

/// The first of all file systems. Its root is a directory like others, not a /tmp.
Result<Ref<SuperBlock>> mount_rootfs(std::string_view, u32, std::string_view data) {
    auto super = TRY(make_super(rootfs_type, data));
    tmpfs_super(*super).root_mode = 01777;
    super->root->inode()->mode = abi::S_IFDIR | 0755;
    return super;
}

}  // namespace

}  // namespace fs::tmpfs
