/// PathBuffer: an absolute path name that grows from its end to its start, as one finds it when
/// walking up from a file to the root. Internal to fs/: dcache.cc fills it, mount.cc reads it.
#pragma once

#include <span>
#include <string_view>

#include "fs/dentry.h"
#include "lib/string.h"

namespace fs {

class PathBuffer {
public:
    explicit PathBuffer(std::span<char> room) : room_(room), start_(room.size()) {}

    /// False if there is no room: then nothing changes.
    bool prepend(std::string_view text) {
        if (text.size() > start_) return false;
        start_ -= text.size();
        memcpy(room_.data() + start_, text.data(), text.size());
        return true;
    }
    bool empty() const { return start_ == room_.size(); }
    std::string_view text() const { return {room_.data() + start_, room_.size() - start_}; }

private:
    std::span<char> room_;
    usize start_;
};

/// Puts "/name" of `from` and of its ancestors up to, but without, `stop` (or the root of the
/// tree) in front. One consistent state of the tree, whatever renames go on. False: no room.
bool prepend_names(const Dentry& from, const Dentry* stop, PathBuffer& out);

/// Returns when no shrinker holds dentries that it has taken out of the cache.
void wait_for_dcache_shrinker();

}  // namespace fs
