// Directories of tmpfs: the trees of entries, and reading them.
#include "abi/dirent.h"
#include "abi/fcntl.h"
#include "fs/file.h"
#include "fs/tmpfs/tmpfs.h"
#include "lib/hash.h"
#include "lib/string.h"
#include "mm/slab.h"

namespace fs::tmpfs {

Result<Entry*> Directory::make_entry(std::string_view name, Ref<Inode> inode) {
    void* memory = TRY(mm::kmalloc(sizeof(Entry) + name.size(), mm::Gfp::Kernel));
    auto* entry = new (memory) Entry;
    entry->hash = hash_string(name);
    entry->inode = std::move(inode);
    entry->length = static_cast<u8>(name.size());
    memcpy(entry->text, name.data(), name.size());
    return entry;
}

void Directory::free_entry(Entry* entry) {
    entry->~Entry();
    mm::kfree(entry);
}

Entry* Directory::find(std::string_view name) const {
    return by_name_.find(NameKey{hash_string(name), name});
}

void Directory::insert(Entry& entry) {
    entry.offset = next_offset_++;
    by_name_.insert(entry);
    by_offset_.insert(entry);
}

void Directory::erase(Entry& entry) {
    by_name_.erase(entry);
    by_offset_.erase(entry);
}

Entry* Directory::pop() {
    Entry* entry = by_name_.first();
    if (entry) erase(*entry);
    return entry;
}

namespace {

/// Emits "." and "..", as far as they are not read yet. False: no room.
bool emit_dots(File& file, DirSink& sink) {
    const Inode& dir = *file.inode();
    if (file.position == 0) {
        if (!sink.emit(".", dir.number, abi::DT_DIR, 1)) return false;
        file.position = 1;
    }
    if (file.position == 1) {
        const Ref<Dentry> parent = file.path.dentry->get_parent();
        const u64 number = parent ? parent->inode()->number : dir.number;
        if (!sink.emit("..", number, abi::DT_DIR, Directory::kFirstOffset)) return false;
        file.position = Directory::kFirstOffset;
    }
    return true;
}

class DirectoryFileOperations final : public FileOperations {
public:
    Result<usize> read(File&, IovIter&, u64&) const override { return EISDIR; }
    Result<void> fsync(File&) const override { return {}; }

    /// Positions are offsets of entries; only the start has a meaning to others.
    Result<u64> seek(File& file, i64 offset, int whence) const override {
        sched::MutexGuard guard(file.position_mutex);
        if (whence == abi::SEEK_CUR) offset += static_cast<i64>(file.position);
        if (whence != abi::SEEK_SET && whence != abi::SEEK_CUR) return EINVAL;
        if (offset < 0) return EINVAL;
        file.position = static_cast<u64>(offset);
        return file.position;
    }

    Result<void> read_dir(File& file, DirSink& sink) const override {
        Inode& dir = *file.inode();
        if (!emit_dots(file, sink)) return {};
        sched::MutexGuard guard(dir.mutex);
        const Directory& entries = tmpfs_inode(dir).entries;
        while (const Entry* entry = entries.at_or_behind(file.position)) {
            const u8 type = abi::type_of_mode(entry->inode->mode);
            const u64 next = entry->offset + 1;
            if (!sink.emit(entry->name(), entry->inode->number, type, next)) break;
            file.position = next;
        }
        touch_atime(file.path);
        return {};
    }
};
constexpr DirectoryFileOperations kDirectoryFileOps;

}  // namespace

constinit const FileOperations& directory_file_ops = kDirectoryFileOps;

}  // namespace fs::tmpfs
