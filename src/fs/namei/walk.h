/// PathWalk: a walk along a path name, component by component. Linux' nameidata. Internal to
/// fs/namei/; everybody else calls the functions of fs/namei.h.
///
/// Symbolic links are not followed by recursion: the text of a link is put on top of a stack of
/// texts, and the walk goes on there; when a text is used up, the one below it continues. A text
/// with nothing left is popped before another is pushed, so the stack is no deeper than 40.
///
///     PathWalk walk(start);
///     TRY(walk.to_parent(name));       // all but the last component
///     walk.path, walk.last, walk.kind  // where, what
///     TRY(walk.to_end(flags));         // the last one as well
///
/// Invariant: all texts but the top one have a component left.
#pragma once

#include "fs/namei.h"

namespace fs {

/// What the last component of a name is.
enum class LastKind : u8 {
    Name,    // a name that can be looked up
    Dot,     // "."
    DotDot,  // ".."
    Root,    // nothing: the name was "/"
    Jumped,  // a magic link: `path` is the end already
};

class PathWalk {
public:
    static constexpr unsigned kMaxLinks = 40;

    /// The root is the running task's.
    explicit PathWalk(const Path& start);
    ~PathWalk();
    PathWalk(const PathWalk&) = delete;

    /// Walks `name` up to its last component; the directory is then in `path`. `name` must outlive
    /// the walk. ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, ENOMEM.
    Result<void> to_parent(std::string_view name);

    /// After to_parent(): takes the last component as well, with the links it may lead over.
    Result<void> to_end(u32 flags);

    /// After to_parent(): the last component is the symbolic link `link`. Goes on with its target
    /// up to that one's last component. ELOOP, ENOENT.
    Result<void> follow_last(Ref<Dentry> link, u32 flags);

    /// Whether the last component has to be a directory: a slash stands behind it.
    bool must_be_dir() const { return must_be_dir_; }

    Path path;              // so far
    std::string_view last;  // the last component; valid until the walk goes on
    LastKind kind = LastKind::Root;

private:
    struct Text {
        Text* below;
        std::string_view rest;
        char target[];  // rest is within it
    };

    enum class Link : u8 { Pushed, Jumped };

    Result<void> link_path_walk(u32 flags);
    Result<void> walk_component(std::string_view name, u32 flags);
    Result<Ref<Dentry>> lookup_last();
    Result<Link> push_link(Inode& link, u32 flags);
    Result<Text*> read_link(Inode& link);
    void pop();
    void follow_dotdot();
    void step_into(Ref<Dentry> child);
    std::string_view& rest() { return top_ ? top_->rest : base_rest_; }
    bool is_finished() const;

    Path root_;
    std::string_view base_rest_;  // of the name that the caller gave
    Text* top_ = nullptr;         // the link being walked, or null: the caller's name
    unsigned links_ = 0;
    bool must_be_dir_ = false;
};

/// The root directory of the running task; that of everything while there is no user process.
Path task_root();

/// Whether `current` may add a name to `dir`, whose mutex is held. ENOENT if the directory was
/// removed, EACCES.
Result<void> may_create(const Inode& dir);

/// Whether `current` may remove `victim` from `dir` (both mutexes are the caller's business).
/// EACCES, EPERM (sticky directory); ENOTDIR or EISDIR if it is not what is `wanted`; EBUSY if
/// something is mounted on it.
enum class Victim : u8 { File, Directory };
Result<void> may_delete(const Inode& dir, const Dentry& victim, Victim wanted);

/// `mode` without what the task's umask takes away.
u32 apply_umask(u32 mode);

}  // namespace fs
