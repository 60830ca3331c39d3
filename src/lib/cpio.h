/// Reads a cpio archive in the "newc" format: how an initramfs arrives. Linux: init/initramfs.c.
///
///     CpioReader reader(archive);
///     CpioEntry entry;
///     while (TRY(reader.next(entry))) ...
///
/// An archive is a row of entries: a header of 110 ASCII characters, the name with its NUL, the
/// data; header with name, and data, are each padded to a multiple of four bytes. The entry named
/// "TRAILER!!!" ends it. More archives may follow, with zero bytes in between.
///
/// The reader trusts nothing: every length is checked against what is there before it is used.
/// It copies nothing: names and data are views of the archive, which must outlive them.
#pragma once

#include <span>
#include <string_view>

#include "lib/result.h"
#include "lib/types.h"

struct CpioEntry {
    std::string_view name;  // not empty, no NUL in it; "." and ".." are the caller's concern
    std::span<const std::byte> data;
    u32 mode = 0;  // type and permissions, as in stat(2)
    u32 uid = 0, gid = 0;
    u32 mtime = 0;                     // seconds since 1970
    u32 nlink = 0;                     // above 1: entries with the same dev and ino are one
    u32 dev_major = 0, dev_minor = 0;  // file, and only the last of them has the data
    u32 ino = 0;
    u32 rdev_major = 0, rdev_minor = 0;  // of a device node
};

class CpioReader {
public:
    static constexpr usize kMaxName = 4096;  // with its NUL; PATH_MAX

    explicit CpioReader(std::span<const std::byte> archive) : archive_(archive) {}

    /// Reads the next entry, over the end of one archive into the next. False at the end of the
    /// last. EINVAL if the archive is damaged or cut off: then position() and problem() tell, and
    /// every further call fails the same way.
    Result<bool> next(CpioEntry& entry);

    /// Where the entry that was read last starts; after an error, where the bad one does.
    usize position() const { return position_; }

    /// After an error: what is wrong, for people. Else null.
    const char* problem() const { return problem_; }

private:
    Result<void> read(CpioEntry& entry);
    Result<void> fail(const char* problem);
    void skip_zeros();

    std::span<const std::byte> archive_;
    usize position_ = 0;
    usize next_ = 0;           // where the next entry starts
    bool in_archive_ = false;  // an entry was read, and no trailer since
    const char* problem_ = nullptr;
};
