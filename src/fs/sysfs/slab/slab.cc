// The directories. Nothing is kept here: a cache is known by its name, whose hash is in the inode's
// number, and looked up again whenever somebody asks; files of a cache that is gone say ENODEV.
// Linux: sysfs_slab_add() in mm/slub.c.

#include "fs/sysfs/slab/slab.h"

#include "abi/dirent.h"
#include "lib/hash.h"
#include "mm/slab/cpu_slab.h"

namespace sysfs {

namespace {

constexpr u64 kFirstInode = u64{1} << 40;

// The number of an inode: which cache, and 0 for the directory or 1 + the number of the file.
u64 number_of(std::string_view cache, u64 file) {
    return kFirstInode + (u64{u32(hash_string(cache))} << 8) + file;
}
u64 file_of(const fs::Inode& inode) { return (inode.number & 0xff) - 1; }

std::string_view name_of(const mm::KmemCache& cache) { return cache.name(); }

/// Moves the cursor to the cache that the inode is about; null: it is gone.
mm::KmemCache* find_cache(mm::CacheCursor& at, u64 number) {
    while (mm::KmemCache* cache = at.next()) {
        if (number_of(name_of(*cache), 0) == (number & ~u64{0xff})) return cache;
    }
    return nullptr;
}

bool is_current(const fs::Dentry& dentry) {
    if (dentry.is_negative()) return false;  // a cache of that name may have come
    mm::CacheCursor at;
    return find_cache(at, dentry.inode()->number) != nullptr;
}

// --- files ---------------------------------------------------------------------------------------

usize file_count() { return slab_attributes().size() + mm::kSlabStats; }

const char* file_name(u64 file) {
    const std::span<const SlabAttribute> attributes = slab_attributes();
    return file < attributes.size() ? attributes[file].name
                                    : slab_stat_name(file - attributes.size());
}

class AttributeFile final : public libfs::TextOperations {
public:
    Result<void> show(fs::File& file, libfs::SeqFile& out) const override {
        const std::span<const SlabAttribute> attributes = slab_attributes();
        const u64 which = file_of(*file.inode());
        mm::CacheCursor at;
        mm::KmemCache* const cache = find_cache(at, file.inode()->number);
        if (cache == nullptr) return ENODEV;
        if (which < attributes.size()) {
            attributes[which].show(out, *cache);
        } else {
            show_slab_stat(out, *cache, which - attributes.size());
        }
        return {};
    }
    Result<void> store(fs::File& file, std::string_view text) const override {
        const std::span<const SlabAttribute> attributes = slab_attributes();
        const u64 which = file_of(*file.inode());
        if (which >= attributes.size() || attributes[which].store == nullptr) return EACCES;
        mm::CacheCursor at;
        mm::KmemCache* const cache = find_cache(at, file.inode()->number);
        if (cache == nullptr) return ENODEV;
        return attributes[which].store(*cache, libfs::trim(text));
    }
};
constexpr AttributeFile kAttributeFile;

class AttributeInode final : public fs::InodeOperations {
public:
    Result<void> truncate(fs::Inode&, u64) const override { return {}; }
};
constexpr AttributeInode kAttributeInode;

// --- directories ---------------------------------------------------------------------------------

class DirFile : public fs::FileOperations {
public:
    Result<u64> seek(fs::File& file, i64 offset, int whence) const override {
        return libfs::seek_without_size(file, offset, whence);
    }
    Result<usize> read(fs::File&, IovIter&, u64&) const override { return EISDIR; }

protected:
    ~DirFile() = default;
};

class CacheDirFile final : public DirFile {
public:
    /// Positions 0 and 1: the dots; 2 + i: file i.
    Result<void> read_dir(fs::File& file, fs::DirSink& sink) const override {
        const u64 cache = file.inode()->number;
        while (file.position < 2 + file_count()) {
            const u64 at = file.position;
            const bool is_dot = at < 2;
            const char* const name = at == 0 ? "." : at == 1 ? ".." : file_name(at - 2);
            if (!sink.emit(name, is_dot ? cache : cache + at - 1,
                           is_dot ? abi::DT_DIR : abi::DT_REG, at + 1)) {
                break;
            }
            file.position++;
        }
        return {};
    }
};
constexpr CacheDirFile kCacheDirFile;

class CacheDirInode final : public fs::InodeOperations {
public:
    Result<void> lookup(fs::Inode& dir, fs::Dentry& child) const override {
        child.still_valid = is_current;
        for (u64 file = 0; file < file_count(); file++) {
            if (child.name() != file_name(file)) continue;
            const bool is_stat = file >= slab_attributes().size();
            const u32 mode = is_stat ? 0444 : slab_attributes()[file].mode;
            child.instantiate(
                TRY(libfs::make_inode(dir.super, dir.number + file + 1, abi::S_IFREG | mode,
                                      kAttributeInode, kAttributeFile)));
            return {};
        }
        return {};
    }
};
constexpr CacheDirInode kCacheDirInode;

class SlabDirFile final : public DirFile {
public:
    /// Position kFirstFreePosition + i: the i-th cache.
    Result<void> read_dir(fs::File& file, fs::DirSink& sink) const override {
        if (!libfs::emit_nodes(file, sink)) return {};
        u64 at = libfs::kFirstFreePosition;
        for (mm::CacheCursor cursor; mm::KmemCache* cache = cursor.next(); at++) {
            if (at < file.position) continue;
            if (!sink.emit(name_of(*cache), number_of(name_of(*cache), 0), abi::DT_DIR, at + 1)) {
                break;
            }
            file.position = at + 1;
        }
        return {};
    }
};
constexpr SlabDirFile kSlabDirFile;

class SlabDirInode final : public fs::InodeOperations {
public:
    Result<void> lookup(fs::Inode& dir, fs::Dentry& child) const override {
        child.still_valid = is_current;
        mm::CacheCursor at;
        const u64 number = number_of(child.name(), 0);
        const mm::KmemCache* const cache = find_cache(at, number);
        if (cache == nullptr || name_of(*cache) != child.name()) return {};
        child.instantiate(TRY(libfs::make_inode(dir.super, number, abi::S_IFDIR | 0755,
                                                kCacheDirInode, kCacheDirFile)));
        return {};
    }
};
constexpr SlabDirInode kSlabDirInode;

}  // namespace

Result<void> add_slab(libfs::Tree& tree, libfs::Node& kernel) {
    libfs::Node& dir = *TRY(tree.add_dir(kernel, "slab"));
    dir.dir_ops = &kSlabDirInode;
    dir.ops = &kSlabDirFile;
    return {};
}

}  // namespace sysfs
