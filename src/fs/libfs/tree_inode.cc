// Inodes and open files for the nodes of a tree. See fs/libfs/tree.h.
#include "abi/dirent.h"
#include "fs/libfs/tree.h"
#include "lib/string.h"
#include "mm/own.h"

namespace libfs {
namespace {

class NoPages final : public vm::AddressSpaceOperations {
public:
    Result<void> read_page(vm::AddressSpace&, mm::Page&) const override { return EINVAL; }
};
constexpr NoPages kNoPages;

class TreeSuperOperations final : public fs::SuperOperations {
public:
    void evict_inode(fs::Inode& inode) const override { mm::destroy(&inode); }
    Result<void> statfs(fs::SuperBlock& super, abi::StatFs& out) const override {
        out.f_type = static_cast<i64>(super.magic);
        out.f_bsize = out.f_frsize = super.block_size;
        return {};
    }
};
constexpr TreeSuperOperations kSuperOps;

// --- files
// ----------------------------------------------------------------------------------------

class NodeFileOperations final : public fs::InodeOperations {
public:
    /// open(O_TRUNC), as `echo x > file` does it: there is nothing to cut.
    Result<void> truncate(fs::Inode&, u64) const override { return {}; }
};
constexpr NodeFileOperations kFileInodeOps;

class NodeTextOperations final : public TextOperations {
public:
    Result<void> show(fs::File& file, SeqFile& out) const override {
        const Node& node = *node_of(*file.inode());
        return node.text && node.text->show ? node.text->show(out, node.data) : EINVAL;
    }
    Result<void> store(fs::File& file, std::string_view text) const override {
        const Node& node = *node_of(*file.inode());
        return node.text && node.text->store ? node.text->store(text, node.data) : EINVAL;
    }
};
constexpr NodeTextOperations kTextOps;

class NodeLinkOperations final : public fs::InodeOperations {
public:
    Result<usize> readlink(fs::Inode& link, std::span<char> room) const override {
        const std::string_view target = node_of(link)->target;
        const usize length = std::min(target.size(), room.size());
        memcpy(room.data(), target.data(), length);
        return length;
    }
};
constexpr NodeLinkOperations kLinkOps;

// --- directories
// ----------------------------------------------------------------------------------

class NodeDirOperations final : public fs::InodeOperations {
public:
    Result<void> lookup(fs::Inode& dir, fs::Dentry& child) const override {
        Node* node = system_of(dir.super).tree.find(*node_of(dir), child.name());
        return node ? instantiate(dir.super, child, *node) : Result<void>();
    }
};
constexpr NodeDirOperations kDirOps;

class NodeDirFileOperations final : public fs::FileOperations {
public:
    Result<void> read_dir(fs::File& file, fs::DirSink& sink) const override {
        emit_nodes(file, sink);
        return {};
    }
    Result<u64> seek(fs::File& file, i64 offset, int whence) const override {
        return seek_without_size(file, offset, whence);
    }
    Result<usize> read(fs::File&, IovIter&, u64&) const override { return EISDIR; }
};
constexpr NodeDirFileOperations kDirFileOps;

const fs::InodeOperations& inode_ops_of(const Node& node) {
    if (node.is_dir()) return node.dir_ops ? *node.dir_ops : kDirOps;
    if (node.target) return kLinkOps;
    return kFileInodeOps;
}

const fs::FileOperations& file_ops_of(const Node& node) {
    if (node.ops) return *node.ops;
    if (node.is_dir()) return kDirFileOps;
    return kTextOps;
}

Result<Ref<fs::Inode>> inode_for(fs::SuperBlock& super, Node& node) {
    const TreeFileSystem& system = system_of(super);
    const bool is_root = &node == &system.tree.root();
    const auto& ops = is_root && system.root_ops ? *system.root_ops : inode_ops_of(node);
    const auto& file_ops =
        is_root && system.root_file_ops ? *system.root_file_ops : file_ops_of(node);
    auto inode = TRY(make_inode(super, node.number, node.mode, ops, file_ops));
    inode->private_data = &node;
    return inode;
}

}  // namespace

Node* node_of(const fs::Inode& inode) { return static_cast<Node*>(inode.private_data); }

const TreeFileSystem& system_of(const fs::SuperBlock& super) {
    return *static_cast<const TreeFileSystem*>(super.private_data);
}

Result<Ref<fs::Inode>> make_inode(fs::SuperBlock& super, u64 number, u32 mode,
                                  const fs::InodeOperations& ops,
                                  const fs::FileOperations& file_ops) {
    auto inode = TRY(mm::make<fs::Inode>(super, number, mode, ops, file_ops, kNoPages));
    inode->atime = inode->mtime = inode->ctime = fs::current_time();
    if (inode->is_dir()) inode->link_count.store(2);
    return Ref<fs::Inode>::adopt(inode.leak());
}

Result<void> instantiate(fs::SuperBlock& super, fs::Dentry& child, Node& node) {
    child.instantiate(TRY(inode_for(super, node)));
    return {};
}

Result<Ref<fs::SuperBlock>> mount_tree(const TreeFileSystem& system) {
    TRY(system.tree.populate_once(system.populate));
    const fs::SuperOperations& ops = system.super_ops ? *system.super_ops : kSuperOps;
    auto made = TRY(mm::make<fs::SuperBlock>(*fs::find_file_system(system.name), ops));
    auto super = Ref<fs::SuperBlock>::adopt(made.leak());
    super->magic = system.magic;
    super->private_data = const_cast<TreeFileSystem*>(&system);
    super->root = TRY(fs::Dentry::make_root(TRY(inode_for(*super, system.tree.root()))));
    return super;
}

bool emit_nodes(fs::File& file, fs::DirSink& sink) {
    fs::Inode& dir = *file.inode();
    Node& node = *node_of(dir);
    Tree& tree = system_of(dir.super).tree;
    while (file.position < kFirstFreePosition) {
        const u64 at = file.position;
        const Node* shown = at == 0   ? &node
                            : at == 1 ? (node.parent ? node.parent : &node)
                                      : tree.child(node, at - 2);
        if (!shown) {
            file.position = kFirstFreePosition;
            break;
        }
        const std::string_view name = at == 0 ? "." : at == 1 ? ".." : shown->name;
        if (!sink.emit(name, shown->number, abi::type_of_mode(shown->mode), at + 1)) return false;
        file.position = at + 1;
    }
    return true;
}

}  // namespace libfs
