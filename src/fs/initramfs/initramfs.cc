// Unpacking the initramfs: one loop over the entries, through the same calls that programs use.
#include "fs/initramfs/initramfs.h"

#include "abi/fcntl.h"
#include "core/log/printk.h"
#include "fs/char_dev.h"
#include "fs/namei.h"
#include "lib/cpio.h"
#include "lib/hash.h"
#include "mm/own.h"

namespace fs {
namespace {

using namespace abi;

/// A file with several names: the first one, under which it was made.
struct KnownFile {
    KnownFile* next;
    u64 device;
    u32 inode;
    std::string_view name;  // in the archive

    KnownFile(KnownFile* next, u64 device, u32 inode, std::string_view name)
        : next(next), device(device), inode(inode), name(name) {}
};

/// The files with several names that were met so far.
class KnownFiles {
public:
    KnownFiles() = default;
    KnownFiles(const KnownFiles&) = delete;
    ~KnownFiles() {
        for (KnownFile* bucket : buckets_) {
            while (bucket) mm::destroy(std::exchange(bucket, bucket->next));
        }
    }

    const KnownFile* find(const CpioEntry& entry) const {
        const KnownFile* at = buckets_[bucket_of(entry)];
        while (at && (at->inode != entry.ino || at->device != device_of(entry))) at = at->next;
        return at;
    }
    Result<void> add(const CpioEntry& entry) {
        KnownFile*& bucket = buckets_[bucket_of(entry)];
        auto known = TRY(mm::make<KnownFile>(bucket, device_of(entry), entry.ino, entry.name));
        bucket = known.leak();
        return {};
    }

private:
    static constexpr unsigned kBits = 5;
    static u64 device_of(const CpioEntry& entry) {
        return u64{entry.dev_major} << 32 | entry.dev_minor;
    }
    static usize bucket_of(const CpioEntry& entry) {
        return hash_long(device_of(entry) ^ entry.ino, kBits);
    }

    KnownFile* buckets_[1 << kBits] = {};
};

struct Unpacker {
    KnownFiles known;
    u64 files = 0, bytes = 0, skipped = 0;
};

/// "./bin/sh" and "/bin/sh" are "bin/sh"; the root itself is empty.
std::string_view relative_name(std::string_view name) {
    while (name.starts_with('/') || name.starts_with("./")) name.remove_prefix(1);
    while (name.ends_with('/')) name.remove_suffix(1);
    return name == "." ? std::string_view() : name;
}

/// Gives what was made the owner, permissions and time of the entry.
Result<void> set_attributes(std::string_view name, const CpioEntry& entry) {
    const Path path = name.empty() ? root_path() : TRY(lookup(name, 0));
    Inode& inode = *path.inode();
    sched::MutexGuard guard(inode.mutex);
    inode.mode = (inode.mode & S_IFMT) | (entry.mode & S_IALLUGO);
    inode.uid = entry.uid;
    inode.gid = entry.gid;
    inode.atime = inode.mtime = {.sec = entry.mtime, .nsec = 0};
    return {};
}

Result<void> write_data(std::string_view name, std::span<const std::byte> data) {
    const Ref<File> file = TRY(do_open(AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    IovIter from = IovIter::kernel(data);
    while (from.remaining() > 0) {
        if (TRY(vfs_write(*file, from, nullptr)) == 0) return EIO;
    }
    return {};
}

/// Takes away what has the name already, as a later archive replaces the files of an earlier one.
void make_way(std::string_view name) {
    auto old = lookup(name, 0);
    if (!old.ok()) return;
    const bool is_dir = old.value().inode()->is_dir();
    (void)(is_dir ? do_rmdir(AT_FDCWD, name) : do_unlink(AT_FDCWD, name));
}

Result<void> unpack_regular(Unpacker& unpacker, std::string_view name, const CpioEntry& entry) {
    if (entry.nlink > 1) {
        if (const KnownFile* first = unpacker.known.find(entry)) {
            make_way(name);
            TRY(do_link(AT_FDCWD, relative_name(first->name), AT_FDCWD, name, 0));
            // Any of the names may be the one that brings the data.
            if (!entry.data.empty()) TRY(write_data(name, entry.data));
            return {};
        }
        TRY(unpacker.known.add(entry));
    }
    make_way(name);
    return write_data(name, entry.data);
}

Result<void> unpack_directory(std::string_view name, u32 mode) {
    const auto made = do_mkdir(AT_FDCWD, name, mode);
    if (made.ok() || made.error() != EEXIST) return made;
    const Path path = TRY(lookup(name, 0));
    return path.inode()->is_dir() ? Result<void>() : EEXIST;
}

Result<void> unpack_symlink(std::string_view name, std::span<const std::byte> data) {
    make_way(name);
    return do_symlink({reinterpret_cast<const char*>(data.data()), data.size()}, AT_FDCWD, name);
}

Result<void> unpack_entry(Unpacker& unpacker, const CpioEntry& entry) {
    const std::string_view name = relative_name(entry.name);
    if (!name.empty()) {
        switch (entry.mode & S_IFMT) {
        case S_IFREG: TRY(unpack_regular(unpacker, name, entry)); break;
        case S_IFDIR: TRY(unpack_directory(name, entry.mode)); break;
        case S_IFLNK: TRY(unpack_symlink(name, entry.data)); break;
        case S_IFCHR:
        case S_IFBLK:
        case S_IFIFO:
        case S_IFSOCK:
            make_way(name);
            TRY(do_mknod(AT_FDCWD, name, entry.mode, make_dev(entry.rdev_major, entry.rdev_minor)));
            break;
        default: return EINVAL;
        }
    } else if ((entry.mode & S_IFMT) != S_IFDIR) {
        return EISDIR;
    }
    unpacker.files++;
    unpacker.bytes += entry.data.size();
    return set_attributes(name, entry);
}

/// Reports an entry that could not be had; a hostile archive has many.
void report_skipped(Unpacker& unpacker, const CpioEntry& entry, usize offset, Errno why) {
    constexpr u64 kReported = 8;
    if (++unpacker.skipped > kReported) return;
    printk(Level::Err, "initramfs: %.64s (entry at byte %u): %s\n", entry.name, offset, why);
}

Result<void> unpack_entries(Unpacker& unpacker, CpioReader& reader) {
    CpioEntry entry;
    for (;;) {
        auto more = reader.next(entry);
        if (!more.ok()) {
            printk(Level::Err, "initramfs: damaged at byte %u: %s; going on with %u files\n",
                   reader.position(), reader.problem(), unpacker.files);
            return more.error();
        }
        if (!more.value()) return {};
        const auto unpacked = unpack_entry(unpacker, entry);
        if (unpacked.ok()) continue;
        report_skipped(unpacker, entry, reader.position(), unpacked.error());
        if (unpacked.error() == ENOMEM || unpacked.error() == ENOSPC) return unpacked.error();
    }
}

}  // namespace

Result<void> unpack_initramfs(std::span<const std::byte> archive) {
    Unpacker unpacker;
    CpioReader reader(archive);
    const auto done = unpack_entries(unpacker, reader);
    if (unpacker.skipped > 0) {
        printk(Level::Err, "initramfs: %u entries skipped\n", unpacker.skipped);
    }
    printk("initramfs: %u files, %u KiB\n", unpacker.files, unpacker.bytes / 1024);
    return done;
}

}  // namespace fs
