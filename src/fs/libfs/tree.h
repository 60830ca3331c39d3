/// Tree: a file system that exists only as a list of what is in it: directories and files that the
/// kernel adds and never removes. tracefs, debugfs, sysfs and the fixed part of procfs are trees.
///
/// The nodes are the truth; every mount makes inodes and dentries for them as they are looked up.
/// Adding and looking up take the tree's mutex. Linux: fs/libfs.c, fs/kernfs.
#pragma once

#include "fs/file.h"
#include "fs/libfs/seq_file.h"

namespace libfs {

/// A text file: how it is written, and what is done with what is written to it.
struct TextNode {
    const char* name;
    u32 mode;  // permissions
    Result<void> (*show)(SeqFile& out, void* data);
    Result<void> (*store)(std::string_view text, void* data) = nullptr;
};

struct Node {
    static constexpr usize kMaxName = 47;
    char name[kMaxName + 1];
    u32 mode;  // type and permissions
    u64 number;
    Node* parent;
    Node* first_child = nullptr;  // in the order they were added
    Node* last_child = nullptr;
    Node* next = nullptr;
    const fs::FileOperations* ops = nullptr;  // of open files; of a directory: null for the plain
    const fs::InodeOperations* dir_ops = nullptr;  // of a directory that is only partly a tree
    const TextNode* text = nullptr;
    const char* target = nullptr;  // of a symbolic link
    void* data = nullptr;          // for the text or the operations

    bool is_dir() const { return (mode & abi::S_IFMT) == abi::S_IFDIR; }
};

class Tree {
public:
    constexpr explicit Tree(const char* name) : mutex_(name) {}

    Node& root() { return root_; }

    /// Each adds to `parent`. ENOMEM, ENAMETOOLONG; EEXIST for a name that is taken. What is
    /// pointed to must live forever.
    Result<Node*> add_dir(Node& parent, std::string_view name, u32 permissions = 0755);
    Result<void> add_text(Node& parent, const TextNode& text, void* data = nullptr);
    Result<void> add_file(Node& parent, const TextNode& name_and_mode,
                          const fs::FileOperations& ops, void* data = nullptr);
    Result<void> add_link(Node& parent, std::string_view name, const char* target);

    /// Calls `populate` unless it has succeeded before; it may add to the tree.
    Result<void> populate_once(Result<void> (*populate)());

    Node* find(Node& dir, std::string_view name);
    /// The `index`-th child, or null.
    Node* child(Node& dir, u64 index);

private:
    Result<Node*> add(Node& parent, std::string_view name, u32 mode);
    Node* find_locked(Node& dir, std::string_view name) REQUIRES(mutex_);

    sched::Mutex populate_mutex_{"tree_populate"};
    bool is_populated_ GUARDED_BY(populate_mutex_) = false;
    sched::Mutex mutex_;
    u64 next_number_ GUARDED_BY(mutex_) = 2;
    Node root_{.name = {}, .mode = abi::S_IFDIR | 0755, .number = 1, .parent = nullptr};
};

/// What a file system adds to make its tree mountable.
struct TreeFileSystem {
    const char* name;  // of its FileSystemType
    Tree& tree;
    u64 magic;
    Result<void> (*populate)();  // fills the tree; called once, by the first mount
    /// Of the root directory, and of the whole; null: the plain ones.
    const fs::InodeOperations* root_ops = nullptr;
    const fs::FileOperations* root_file_ops = nullptr;
    const fs::SuperOperations* super_ops = nullptr;
};

/// A superblock that shows the tree, for a FileSystemType's mount(). `system` lives forever.
/// ENOMEM.
Result<Ref<fs::SuperBlock>> mount_tree(const TreeFileSystem& system);

/// The pieces, for directories that are partly a tree (procfs).
Node* node_of(const fs::Inode& inode);
const TreeFileSystem& system_of(const fs::SuperBlock& super);
/// Gives `child`, a new dentry, the inode of `node`.
Result<void> instantiate(fs::SuperBlock& super, fs::Dentry& child, Node& node);
/// Emits ".", ".." and the nodes of the directory, from file.position on. False: no more room. On
/// true, file.position is at least `kFirstFreePosition`.
bool emit_nodes(fs::File& file, fs::DirSink& sink);
inline constexpr u64 kFirstFreePosition = 1 << 16;

/// An inode without page cache for a made-up file; `number` need only be unique in `super`.
Result<Ref<fs::Inode>> make_inode(fs::SuperBlock& super, u64 number, u32 mode,
                                  const fs::InodeOperations& ops,
                                  const fs::FileOperations& file_ops);

/// The tree behind procfs' fixed part: whoever has something to show adds it here (proc_create).
extern constinit Tree proc_tree;
/// Adds a text file to /proc. Failures are reported through printk: nobody depends on it.
void proc_create(const TextNode& text, void* data = nullptr);

}  // namespace libfs
