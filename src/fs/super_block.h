/// SuperBlock: a mounted file system; FileSystemType: a kind that can be mounted.
#pragma once

#include "abi/statfs.h"
#include "fs/dentry.h"

namespace fs {

class SuperBlock;

/// A file system's own part of the superblock's work. One constant object each.
class SuperOperations {
public:
    /// The last reference to `inode` is gone. Frees what belongs to it, contents included if its
    /// link count is 0; then the Inode itself with mm::destroy or its own cache.
    virtual void evict_inode(Inode& inode) const = 0;
    virtual Result<void> statfs(SuperBlock& super, abi::StatFs& out) const;
    virtual Result<void> sync(SuperBlock& super) const { return {}; }
    /// Everything but the root's inode is gone; what is left is put_super()'s to free.
    virtual void put_super(SuperBlock& super) const {}
    /// MS_REMOUNT with options: EINVAL for bad ones.
    virtual Result<void> remount(SuperBlock& super, std::string_view data) const { return {}; }
    /// Options for /proc/mounts, beginning with a comma: ",size=64k". Returns the length.
    virtual usize show_options(SuperBlock& super, std::span<char> room) const { return 0; }

protected:
    ~SuperOperations() = default;
};

/// A kind of file system. They stand in the linker section .file_systems:
///     FILE_SYSTEM(tmpfs) = {.name = "tmpfs", .mount = tmpfs_mount};
struct alignas(64) FileSystemType {  // so that they stand in the section like in an array
    const char* name;
    /// Makes (or finds) the superblock for mount(2). EINVAL for bad options, ENOMEM, …
    Result<Ref<SuperBlock>> (*mount)(std::string_view source, u32 flags, std::string_view data);
    bool needs_device = false;  // else "nodev" in /proc/filesystems
};
// aligned: else the compiler spreads them out, and the section would be no array.
#define FILE_SYSTEM(ident)                                                      \
    [[gnu::section(".file_systems"), gnu::aligned(alignof(fs::FileSystemType)), \
      gnu::used]] static constinit const fs::FileSystemType ident##_type
std::span<const FileSystemType> all_file_systems();
const FileSystemType* find_file_system(std::string_view name);  // or null

class SuperBlock {
public:
    SuperBlock(const FileSystemType& type, const SuperOperations& ops);
    RefCount ref_count;
    const FileSystemType& type;
    const SuperOperations& ops;
    Ref<Dentry> root;
    u32 device;     // st_dev of its files
    u64 magic = 0;  // f_type of statfs
    u32 block_size = kPageSize;
    void* private_data = nullptr;
    std::atomic<u64> next_inode{1};
    static void release(SuperBlock* super);
};

}  // namespace fs
