/// MountTable: all mounts, and which of them stands on which place. Internal to fs/.
///
/// The table holds one reference to each mount in it. Whoever changes it holds `mutex` for the
/// whole of the change and `lock` for each step that a walk must not see half done.
#pragma once

#include "fs/mount.h"

namespace fs {

struct MountTable {
    using MountList = List<Mount, &Mount::link>;

    static constinit sched::Mutex mutex;  // taken first; walks do not need it
    static constinit SpinLock lock;       // rank Mounts

    /// What is mounted on `path`, or null.
    static Ref<Mount> find(const Path& path);

    /// Puts `mount`, which is in no table, on `place`. `mutex` is held.
    static void attach(Ref<Mount> mount, const Path& place) REQUIRES(mutex);

    /// Moves a mount that is in the table to another place. `mutex` is held.
    static void move(Mount& mount, const Path& place) REQUIRES(mutex);

    /// Takes `mount` out if nobody uses it but the table and `users` others, and nothing stands
    /// on it: EBUSY. `mutex` is held.
    static Result<void> detach(Mount& mount, u32 users) REQUIRES(mutex);

    /// Takes `mount` and all that stand on it out, whoever uses them. `mutex` is held.
    static void detach_tree(Mount& mount) REQUIRES(mutex);

    /// Whether `mount` is `other` or stands on it, however high. `mutex` is held.
    static bool is_on(const Mount& mount, const Mount& other) REQUIRES(mutex);

    static MountList all GUARDED_BY(mutex);  // oldest first
};

}  // namespace fs
