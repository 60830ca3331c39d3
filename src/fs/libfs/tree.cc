// Trees of nodes. See fs/libfs/tree.h; what mounts make of them is in tree_inode.cc.
#include "fs/libfs/tree.h"
#include "core/log/printk.h"
#include "lib/string.h"
#include "mm/own.h"

namespace libfs {

constinit Tree proc_tree("proc_tree");

Node* Tree::find_locked(Node& dir, std::string_view name) {
    for (Node* at = dir.first_child; at; at = at->next) {
        if (name == at->name) return at;
    }
    return nullptr;
}

Node* Tree::find(Node& dir, std::string_view name) {
    sched::MutexGuard guard(mutex_);
    return find_locked(dir, name);
}

Node* Tree::child(Node& dir, u64 index) {
    sched::MutexGuard guard(mutex_);
    Node* at = dir.first_child;
    while (at && index-- > 0) at = at->next;
    return at;
}

/// Adds a node that says nothing yet; whoever looks it up too early finds an empty file.
Result<Node*> Tree::add(Node& parent, std::string_view name, u32 mode) {
    if (name.size() > Node::kMaxName) return ENAMETOOLONG;
    auto node = TRY(mm::make<Node>());
    copy_string(node->name, name);
    node->mode = mode;
    node->parent = &parent;

    sched::MutexGuard guard(mutex_);
    if (find_locked(parent, name)) return EEXIST;
    node->number = next_number_++;
    Node* added = node.leak();
    if (parent.last_child) {
        parent.last_child->next = added;
    } else {
        parent.first_child = added;
    }
    parent.last_child = added;
    return added;
}

Result<Node*> Tree::add_dir(Node& parent, std::string_view name, u32 permissions) {
    return add(parent, name, abi::S_IFDIR | permissions);
}

Result<void> Tree::add_text(Node& parent, const TextNode& text, void* data) {
    Node* node = TRY(add(parent, text.name, abi::S_IFREG | text.mode));
    node->data = data;
    node->text = &text;
    return {};
}

Result<void> Tree::add_file(Node& parent, const TextNode& name_and_mode,
                            const fs::FileOperations& ops, void* data) {
    Node* node = TRY(add(parent, name_and_mode.name, abi::S_IFREG | name_and_mode.mode));
    node->data = data;
    node->ops = &ops;
    return {};
}

Result<void> Tree::add_link(Node& parent, std::string_view name, const char* target) {
    Node* node = TRY(add(parent, name, abi::S_IFLNK | 0777));
    node->target = target;
    return {};
}

Result<void> Tree::populate_once(Result<void> (*populate)()) {
    sched::MutexGuard guard(populate_mutex_);
    if (!is_populated_) TRY(populate());
    is_populated_ = true;
    return {};
}

void proc_create(const TextNode& text, void* data) {
    auto added = proc_tree.add_text(proc_tree.root(), text, data);
    if (!added.ok()) printk(Level::Warning, "proc: no /proc/%s: %s\n", text.name, added.error());
}

}  // namespace libfs
