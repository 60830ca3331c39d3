// /proc/irq: a directory for each interrupt, with its affinity and what went wrong, and in it one
// for each of its handlers. Linux: kernel/irq/proc.c.
//
// Interrupts and handlers come and go, so nothing is entered in the tree: names are looked up in
// the interrupt's descriptor, and dentries ask again whether they are still true.
#include "abi/dirent.h"
#include "arch/clock.h"
#include "core/irq/irq_desc.h"
#include "core/irq/irq_domain.h"
#include "fs/procfs/cpu_mask.h"
#include "fs/procfs/pid_entry.h"
#include "fs/procfs/system.h"

namespace procfs {
namespace {

using irq::IrqDesc;

// The inode of the directory of interrupt n is kFirstInode + n * kInodesEach; its files and the
// directories of its handlers follow.
constexpr u64 kFirstInode = u64{1} << 28, kInodesEach = 64, kFirstHandler = 16;

unsigned irq_of(const fs::Inode& inode) {
    return static_cast<unsigned>((inode.number - kFirstInode) / kInodesEach);
}
u64 index_of(const fs::Inode& inode) { return (inode.number - kFirstInode) % kInodesEach; }
u64 inode_number(unsigned number, u64 index) { return kFirstInode + number * kInodesEach + index; }

// --- the files
// ------------------------------------------------------------------------------------

u64 effective_affinity(IrqDesc& desc) {
    IrqGuard guard(desc.lock);
    return desc.vectors.now.vector ? u64{1} << desc.vectors.now.cpu : 0;
}

void show_spurious(SeqFile& out, IrqDesc& desc) {
    u32 looked_at, unhandled;
    u64 last;
    {
        IrqGuard guard(desc.lock);
        looked_at = desc.looked_at;
        unhandled = desc.unhandled;
        last = desc.last_unhandled_tsc;
    }
    const u64 khz = arch::tsc_khz();
    out.print("count %u\nunhandled %u\nlast_unhandled %lu ms\n", looked_at, unhandled,
              khz ? last / khz : 0);
}

Result<void> store_affinity(IrqDesc& desc, Result<u64> cpus) {
    {
        IrqGuard guard(desc.lock);
        if (desc.has(IrqDesc::kCannotMove)) return EIO;
    }
    return irq::set_affinity(desc.irq, TRY(std::move(cpus)));
}

struct IrqFile {
    const char* name;
    u32 mode;
    void (*show)(SeqFile& out, IrqDesc& desc);
    Result<void> (*store)(IrqDesc& desc, std::string_view text) = nullptr;
};
constexpr IrqFile kFiles[] = {
    {"smp_affinity", 0644, [](SeqFile& out, IrqDesc& desc) { print_cpu_mask(out, desc.affinity); },
     [](IrqDesc& desc, std::string_view text) {
         return store_affinity(desc, parse_cpu_mask(text));
     }},
    {"affinity_hint", 0444, [](SeqFile& out, IrqDesc&) { print_cpu_mask(out, 0); }},
    {"smp_affinity_list", 0644,
     [](SeqFile& out, IrqDesc& desc) { print_cpu_list(out, desc.affinity); },
     [](IrqDesc& desc, std::string_view text) {
         return store_affinity(desc, parse_cpu_list(text));
     }},
    {"node", 0444, [](SeqFile& out, IrqDesc&) { out.print("0\n"); }},
    {"effective_affinity", 0444,
     [](SeqFile& out, IrqDesc& desc) { print_cpu_mask(out, effective_affinity(desc)); }},
    {"effective_affinity_list", 0444,
     [](SeqFile& out, IrqDesc& desc) { print_cpu_list(out, effective_affinity(desc)); }},
    {"spurious", 0444, show_spurious},
};
constexpr u64 kFileCount = sizeof kFiles / sizeof kFiles[0];

class IrqFileOperations final : public libfs::TextOperations {
public:
    Result<void> show(fs::File& file, SeqFile& out) const override {
        IrqDesc* desc = irq::irq_to_desc(irq_of(*file.inode()));
        if (!desc) return ENOENT;
        kFiles[index_of(*file.inode()) - 1].show(out, *desc);
        return {};
    }
    Result<void> store(fs::File& file, std::string_view text) const override {
        IrqDesc* desc = irq::irq_to_desc(irq_of(*file.inode()));
        const IrqFile& about = kFiles[index_of(*file.inode()) - 1];
        return desc && about.store ? about.store(*desc, text) : EIO;
    }
};
constexpr IrqFileOperations kFileOps;

class PlainInode final : public fs::InodeOperations {
public:
    /// open(O_TRUNC), as `echo 1 > smp_affinity` does it.
    Result<void> truncate(fs::Inode&, u64) const override { return {}; }
};
constexpr PlainInode kPlainInode;

// --- directories
// ----------------------------------------------------------------------------------

/// The name of the handler at place `index` of the chain, copied; empty if there is none.
std::string_view handler_name(unsigned number, u64 index, std::span<char> room) {
    IrqDesc* desc = irq::irq_to_desc(number);
    if (!desc) return {};
    IrqGuard guard(desc->lock);
    const irq::IrqAction* action = desc->action;
    while (action && index-- > 0) action = action->next;
    if (!action) return {};
    return {room.data(), format_to(room, "%s", action->name)};
}

/// The place of the handler with this name; kInodesEach: there is none.
u64 place_of_handler(unsigned number, std::string_view name) {
    char room[64];
    for (u64 index = 0; kFirstHandler + index < kInodesEach; index++) {
        const std::string_view found = handler_name(number, index, room);
        if (found.empty()) break;
        if (found == name) return index;
    }
    return kInodesEach;
}

bool is_current(const fs::Dentry& dentry) {
    const fs::Inode* inode = dentry.inode();
    if (!inode || !irq::irq_to_desc(irq_of(*inode))) return false;
    return index_of(*inode) < kFirstHandler ||
           place_of_handler(irq_of(*inode), dentry.name()) != kInodesEach;
}

class DirFileOperations : public fs::FileOperations {
public:
    Result<u64> seek(fs::File& file, i64 offset, int whence) const override {
        return libfs::seek_without_size(file, offset, whence);
    }
    Result<usize> read(fs::File&, IovIter&, u64&) const override { return EISDIR; }

protected:
    ~DirFileOperations() = default;
    static bool emit_dots(fs::File& file, fs::DirSink& sink) {
        for (const char* name : {".", ".."}) {
            if (file.position >= std::string_view(name).size()) continue;
            const u64 next = file.position + 1;
            if (!sink.emit(name, file.inode()->number, abi::DT_DIR, next)) return false;
            file.position = next;
        }
        return true;
    }
};

class HandlerDirFile final : public DirFileOperations {
public:
    Result<void> read_dir(fs::File& file, fs::DirSink& sink) const override {
        emit_dots(file, sink);
        return {};
    }
};
constexpr HandlerDirFile kHandlerDirFile;
class NothingInside final : public fs::InodeOperations {
public:
    Result<void> lookup(fs::Inode&, fs::Dentry&) const override { return {}; }
};
constexpr NothingInside kNothingInside;

class IrqDirInode final : public fs::InodeOperations {
public:
    Result<void> lookup(fs::Inode& dir, fs::Dentry& child) const override {
        child.still_valid = is_current;
        const unsigned number = irq_of(dir);
        for (u64 i = 0; i < kFileCount; i++) {
            if (child.name() != kFiles[i].name) continue;
            child.instantiate(
                TRY(libfs::make_inode(dir.super, inode_number(number, i + 1),
                                      abi::S_IFREG | kFiles[i].mode, kPlainInode, kFileOps)));
            return {};
        }
        const u64 place = place_of_handler(number, child.name());
        if (place == kInodesEach) return {};
        child.instantiate(
            TRY(libfs::make_inode(dir.super, inode_number(number, kFirstHandler + place),
                                  abi::S_IFDIR | 0555, kNothingInside, kHandlerDirFile)));
        return {};
    }
};
constexpr IrqDirInode kIrqDirInode;

class IrqDirFile final : public DirFileOperations {
public:
    /// Position 2 + i: file i, behind them the handlers.
    Result<void> read_dir(fs::File& file, fs::DirSink& sink) const override {
        if (!emit_dots(file, sink)) return {};
        const unsigned number = irq_of(*file.inode());
        for (u64 i = file.position - 2; kFirstHandler + i < kInodesEach + kFileCount; i++) {
            char room[64];
            const bool is_file = i < kFileCount;
            const std::string_view name =
                is_file ? kFiles[i].name : handler_name(number, i - kFileCount, room);
            const u64 index = is_file ? i + 1 : kFirstHandler + i - kFileCount;
            if (name.empty() || !sink.emit(name, inode_number(number, index),
                                           is_file ? abi::DT_REG : abi::DT_DIR, i + 3)) {
                break;
            }
            file.position = i + 3;
        }
        return {};
    }
};
constexpr IrqDirFile kIrqDirFile;

// --- /proc/irq itself
// -----------------------------------------------------------------------------

constexpr u64 kFirstNumber = libfs::kFirstFreePosition;

class RootInode final : public fs::InodeOperations {
public:
    Result<void> lookup(fs::Inode& dir, fs::Dentry& child) const override {
        if (libfs::Node* node = libfs::proc_tree.find(*libfs::node_of(dir), child.name())) {
            return libfs::instantiate(dir.super, child, *node);
        }
        child.still_valid = is_current;
        u32 number = 0;
        if (!parse_number(child.name(), number) || !irq::irq_to_desc(number)) return {};
        child.instantiate(TRY(libfs::make_inode(dir.super, inode_number(number, 0),
                                                abi::S_IFDIR | 0555, kIrqDirInode, kIrqDirFile)));
        return {};
    }
};

class RootFile final : public DirFileOperations {
public:
    Result<void> read_dir(fs::File& file, fs::DirSink& sink) const override {
        if (!libfs::emit_nodes(file, sink)) return {};
        for (u64 number = file.position - kFirstNumber; number < irq::kMaxIrqs; number++) {
            if (!irq::irq_to_desc(static_cast<unsigned>(number))) continue;
            char name[12];
            const usize length = format_to(name, "%lu", number);
            if (!sink.emit({name, length}, inode_number(static_cast<unsigned>(number), 0),
                           abi::DT_DIR, kFirstNumber + number + 1)) {
                break;
            }
            file.position = kFirstNumber + number + 1;
        }
        return {};
    }
};
constexpr RootInode kRootInode;
constexpr RootFile kRootFile;

Result<void> show_default(SeqFile& out, void*) {
    print_cpu_mask(out, irq::default_affinity.load(std::memory_order_relaxed));
    return {};
}
Result<void> store_default(std::string_view text, void*) {
    const u64 cpus = TRY(parse_cpu_mask(text));
    if (!(cpus & online_cpus.bits())) return EINVAL;
    irq::default_affinity.store(cpus, std::memory_order_relaxed);
    return {};
}
constexpr libfs::TextNode kDefault{"default_smp_affinity", 0644, show_default, store_default};

}  // namespace

Result<void> add_irq_dir(libfs::Tree& tree) {
    libfs::Node& dir = *TRY(tree.add_dir(tree.root(), "irq", 0555));
    dir.dir_ops = &kRootInode;
    dir.ops = &kRootFile;
    return tree.add_text(dir, kDefault);
}

}  // namespace procfs
