/// devpts: the file system on /dev/pts, a directory with one device node for each pty that has a
/// master. Linux: fs/devpts/inode.c.
///
/// Nothing is stored: names are looked up in the table of ptys each time, and a cached name is
/// good only as long as the pair lives the life it was made for. Numbers of inodes: 1 the
/// directory, 3 + index the nodes, as on Linux.
#include "drivers/tty/pty.h"
#include "fs/char_dev.h"
#include "fs/super_block.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "mm/own.h"

namespace tty {

using namespace abi;

static constexpr u64 kDevptsMagic = 0x1cd1;
static constexpr u64 kFirstNode = 3;
static constexpr u8 kTypeDir = 4, kTypeChar = 2;  // DT_DIR, DT_CHR

class NoCache final : public vm::AddressSpaceOperations {
    Result<void> read_page(vm::AddressSpace&, mm::Page&) const override { return EIO; }
};
static constexpr NoCache kNoCache;

static bool node_is_current(const fs::Dentry& dentry) {
    const fs::Inode* inode = dentry.inode();
    if (!inode) return false;  // a pty with that number may exist by now
    const Pty* pty = Pty::find(fs::minor_of(inode->device));
    return pty && reinterpret_cast<u64>(inode->private_data) == pty->generation;
}

class NodeInodeOperations final : public fs::InodeOperations {};
static constexpr NodeInodeOperations kNodeOps;

class DirInodeOperations final : public fs::InodeOperations {
    Result<void> lookup(fs::Inode& dir, fs::Dentry& child) const override {
        child.still_valid = node_is_current;
        Result<u64> number = parse_unsigned(child.name(), 10);
        Pty* pty = number.ok()
                       ? Pty::find(static_cast<u32>(std::min<u64>(number.value(), Pty::kMaxPtys)))
                       : nullptr;
        const bool leading_zero = child.name().size() > 1 && child.name()[0] == '0';
        if (!pty || leading_zero) return {};
        auto inode = TRY((mm::make<fs::Inode>(dir.super, kFirstNode + pty->index, S_IFCHR | 0620u,
                                              kNodeOps, pts_node_operations, kNoCache)));
        inode->uid = pty->owner_uid;
        inode->gid = pty->owner_gid;
        inode->device = pty->slave.device;
        inode->atime = inode->mtime = inode->ctime = fs::current_time();
        inode->private_data = reinterpret_cast<void*>(u64{pty->generation});
        child.instantiate(Ref<fs::Inode>::adopt(inode.leak()));
        return {};
    }
};
static constexpr DirInodeOperations kDirOps;

/// Positions: 0 ".", 1 "..", 2 + index.
class DirFileOperations final : public fs::FileOperations {
    Result<void> read_dir(fs::File& file, fs::DirSink& sink) const override {
        while (file.position < 2 + Pty::kMaxPtys) {
            const u64 at = file.position;
            char name[16];
            if (at < 2) {
                if (!sink.emit(at == 0 ? "." : "..", 1, kTypeDir, at + 1)) return {};
            } else if (Pty::find(static_cast<u32>(at - 2))) {
                const usize length = format_to(name, "%u", static_cast<u32>(at - 2));
                if (!sink.emit({name, length}, kFirstNode + at - 2, kTypeChar, at + 1)) return {};
            }
            file.position = at + 1;
        }
        return {};
    }
};
static constexpr DirFileOperations kDirFiles;

class DevptsOperations final : public fs::SuperOperations {
    void evict_inode(fs::Inode& inode) const override { mm::destroy(&inode); }
};
static constexpr DevptsOperations kSuperOps;

static Result<Ref<fs::SuperBlock>> mount_devpts(std::string_view source, u32 flags,
                                                std::string_view data);

FILE_SYSTEM(devpts) = {.name = "devpts", .mount = mount_devpts};

/// Options (gid=, mode=, ptmxmode=, newinstance) are taken and have no effect.
static Result<Ref<fs::SuperBlock>> mount_devpts(std::string_view, u32, std::string_view) {
    auto owned = TRY((mm::make<fs::SuperBlock>(devpts_type, kSuperOps)));
    auto super = Ref<fs::SuperBlock>::adopt(owned.leak());
    super->magic = kDevptsMagic;
    auto inode =
        TRY((mm::make<fs::Inode>(*super, 1ull, S_IFDIR | 0755u, kDirOps, kDirFiles, kNoCache)));
    inode->link_count = 2;
    inode->atime = inode->mtime = inode->ctime = fs::current_time();
    super->root = TRY(fs::Dentry::make_root(Ref<fs::Inode>::adopt(inode.leak())));
    return super;
}

}  // namespace tty
