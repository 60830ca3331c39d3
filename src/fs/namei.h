/// From a path name to a Path. Linux: fs/namei.c.
#pragma once

#include "fs/file.h"

namespace fs {

enum LookupFlags : u32 {
    kLookupFollow = 1 << 0,     // follow a symbolic link at the end
    kLookupDirectory = 1 << 1,  // the end must be a directory: ENOTDIR
    kLookupEmpty = 1 << 2,      // AT_EMPTY_PATH: "" means the start itself
    kLookupNoMagic = 1 << 3,    // refuse magic links
};

/// Where a relative name starts: the working directory, or what AT-style calls were given.
/// EBADF, ENOTDIR.
Result<Path> start_of_walk(int dirfd, std::string_view name);

/// Resolves `name` from `start` (its root is the task's). ENOENT, ENOTDIR, EACCES, ELOOP after 40
/// links, ENAMETOOLONG.
Result<Path> lookup(const Path& start, std::string_view name, u32 flags);
/// From the task's working directory or root; for the kernel's own use.
Result<Path> lookup(std::string_view name, u32 flags);

/// Resolves all but the last component. The result is the directory; `last` is set to the last
/// component (within `name`), trailing slashes are told apart.
struct ParentLookup {
    Path parent;
    std::string_view last;  // "." and ".." are the caller's to refuse
    bool trailing_slash;
};
Result<ParentLookup> lookup_parent(const Path& start, std::string_view name);

/// The dentry `last` in `parent`, negative if there is no such name. Its inode mutex is held.
Result<Ref<Dentry>> lookup_in(const Path& parent, std::string_view last);

/// As lookup_in(), without mounts and permissions: for file systems that fill themselves.
Result<Ref<Dentry>> lookup_one(Dentry& parent, std::string_view last);

/// open(2): with O_CREAT, O_EXCL, O_TRUNC, O_DIRECTORY, O_NOFOLLOW, O_PATH, … `mode` as given,
/// the umask is applied here.
Result<Ref<File>> do_open(int dirfd, std::string_view name, u32 flags, u32 mode);

Result<void> do_mkdir(int dirfd, std::string_view name, u32 mode);
Result<void> do_mknod(int dirfd, std::string_view name, u32 mode, u32 device);
Result<void> do_symlink(std::string_view target, int dirfd, std::string_view name);
Result<void> do_unlink(int dirfd, std::string_view name);
Result<void> do_rmdir(int dirfd, std::string_view name);
Result<void> do_link(int old_dirfd, std::string_view old_name, int new_dirfd,
                     std::string_view new_name, u32 flags);
struct RenameArgs {
    int old_dirfd;
    std::string_view old_name;
    int new_dirfd;
    std::string_view new_name;
    u32 flags;
};
Result<void> do_rename(const RenameArgs& args);

}  // namespace fs
