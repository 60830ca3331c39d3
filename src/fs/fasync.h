/// Signals instead of waiting: with O_ASYNC, whoever fcntl(F_SETOWN) named is sent SIGIO when the
/// file becomes ready. Linux: struct fown_struct and struct fasync_struct, fs/fcntl.c.
///
/// A file has an owner whether it is asynchronous or not. What becomes ready (an end of a pipe) has
/// a FasyncList of the files that are; it tells them whenever it wakes those who wait.
#pragma once

#include "lib/list.h"
#include "lib/result.h"

namespace fs {

class File;

/// Whom a file's signals are for, and who said so. Linux' numbers: F_OWNER_*.
struct FileOwner {
    enum class Kind : u8 { Thread, Process, Group };
    Kind kind = Kind::Process;
    u8 signal = 0;          // F_SETSIG; 0: SIGIO, without details
    i32 id = 0;             // 0: nobody
    u32 uid = 0, euid = 0;  // of who named them: it must be one who may send them signals
};

/// F_SETOWN and F_SETSIG write with it, signals read. Process context.
FileOwner owner_of(const File& file);
void set_owner(File& file, const FileOwner& owner);
/// The running task names who gets the signals; 0: nobody. Which signal stays.
void name_owner(File& file, FileOwner::Kind kind, i32 id);

/// Why: the codes of SIGIO (si_code), as sigaction(2) names them.
enum class Ready : u8 { In = 1, Out = 2 };

class FasyncList {
public:
    /// For FileOperations::fasync(): `file`, known to its owner as `fd`, becomes asynchronous or
    /// not. Says so in its flags. ENOMEM.
    Result<void> set(File& file, int fd, bool on);

    /// No spin lock is held. Costs nothing while the list is empty.
    void notify(Ready why) {
        if (!entries_.empty()) notify_all(why);
    }

private:
    void notify_all(Ready why);

    struct Entry {
        ListLink link;
        File* file;
        int fd;
    };
    List<Entry, &Entry::link> entries_;  // under a lock that all lists share: fasync.cc
};

/// Sends the signal, if the owner may be sent one. Defined in process/signal/sigio.cc.
void send_sigio(const FileOwner& owner, int fd, Ready why);

}  // namespace fs
