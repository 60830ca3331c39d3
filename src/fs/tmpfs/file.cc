// Regular files of tmpfs: pages in the page cache, and the count of them.
//
// A file is charged for the pages it has in the cache. The count is brought up to date whenever
// pages may have come or gone, and compared with the limit before one is added; pages that a
// fault on a mapping adds are seen in read_page().
#include "fs/file.h"
#include "fs/tmpfs/tmpfs.h"
#include "lib/string.h"
#include "mm/page_alloc.h"

namespace fs::tmpfs {

u64 TmpfsSuper::used() {
    IrqGuard guard(lock);
    return used_pages;
}

void recharge(Inode& inode) {
    TmpfsInode& own = tmpfs_inode(inode);
    TmpfsSuper& super = tmpfs_super(inode.super);
    IrqGuard guard(super.lock);
    const u64 pages = inode.mapping.page_count();
    super.used_pages += pages - own.charged;  // modulo 2^64: may be fewer
    own.charged = pages;
}

namespace {

class CacheOperations final : public vm::AddressSpaceOperations {
public:
    /// A hole that somebody writes to, or has mapped. The page is in the cache already.
    Result<void> read_page(vm::AddressSpace& mapping, mm::Page& page) const override {
        Inode& inode = *static_cast<Inode*>(mapping.host);
        TmpfsSuper& super = tmpfs_super(inode.super);
        recharge(inode);
        const u64 limit = super.max_pages.load();
        if (limit != 0 && super.used() > limit) return ENOSPC;
        memset(mm::bytes_of(page), 0, kPageSize);
        return {};
    }
    bool is_memory_only() const override { return true; }
};
constexpr CacheOperations kCacheOps;

class FileInodeOperations final : public InodeOperations {
public:
    Result<void> truncate(Inode& inode, u64 size) const override {
        const bool shrinks = size < inode.size.load();
        inode.size.store(size);
        if (!shrinks) return {};
        inode.mapping.truncate((size + kPageSize - 1) >> kPageShift);
        clear_tail(inode, size);
        recharge(inode);
        return {};
    }
    Result<void> write_begin(Inode& inode, u64) const override {
        return tmpfs_super(inode.super).is_full() ? ENOSPC : Result<void>();
    }
    void write_end(Inode& inode) const override { recharge(inode); }
    void refresh(Inode& inode) const override {
        recharge(inode);
        inode.blocks = inode.mapping.page_count() * (kPageSize / 512);
    }

private:
    /// What stands behind the end in the last page must be zero when the file grows again.
    static void clear_tail(Inode& inode, u64 size) {
        const usize start = size & (kPageSize - 1);
        if (start == 0) return;
        const u64 last = size >> kPageShift;
        if (inode.mapping.is_hole(last)) return;
        Result<mm::Page*> found = inode.mapping.read_page(last);  // it may be in swap space
        if (!found.ok()) return;
        mm::Page* page = found.value();
        memset(mm::bytes_of(*page) + start, 0, kPageSize - start);
        mm::put_page(*page);
    }
};
constexpr FileInodeOperations kFileInodeOps;

class RegularFileOperations final : public FileOperations {
public:
    Result<usize> read(File& file, IovIter& to, u64& offset) const override {
        return generic_file_read(file, to, offset);
    }
    Result<usize> write(File& file, IovIter& from, u64& offset) const override {
        return generic_file_write(file, from, offset);
    }
    Result<vm::AddressSpace*> mmap(File& file) const override { return &file.inode()->mapping; }
    Result<void> fsync(File&) const override { return {}; }
};
constexpr RegularFileOperations kRegularFileOps;

}  // namespace

constinit const vm::AddressSpaceOperations& cache_ops = kCacheOps;
constinit const InodeOperations& file_inode_ops = kFileInodeOps;
constinit const FileOperations& regular_file_ops = kRegularFileOps;

}  // namespace fs::tmpfs
