// /proc/<pid>/{mounts,mountinfo}, /proc/filesystems: what is mounted, as mount(8) and df read it.
#include "abi/mount.h"
#include "fs/char_dev.h"
#include "fs/procfs/pid_entry.h"
#include "fs/procfs/system.h"
#include "mm/slab.h"

namespace procfs {
namespace {

using namespace abi;

constexpr std::string_view kEscaped = " \t\n\\#";

struct FlagName {
    u32 flag;
    const char* name;
};
constexpr FlagName kFlagNames[] = {{MS_NOSUID, ",nosuid"},         {MS_NODEV, ",nodev"},
                                   {MS_NOEXEC, ",noexec"},         {MS_NOATIME, ",noatime"},
                                   {MS_NODIRATIME, ",nodiratime"}, {MS_RELATIME, ",relatime"}};

void write_flags(SeqFile& out, u32 flags) {
    out.write(flags & MS_RDONLY ? "ro" : "rw");
    for (const FlagName& flag : kFlagNames) {
        if (flags & flag.flag) out.write(flag.name);
    }
}

/// What one pass over the mounts needs.
struct Listing {
    SeqFile& out;
    fs::Path root;  // of the task: mounts outside it are not shown
    std::span<char> room;
};

/// The place of a mount as the task sees it; empty if it does not.
std::string_view place_of(const fs::Mount& mount, const Listing& list) {
    const fs::Path top{Ref<fs::Mount>::share(const_cast<fs::Mount*>(&mount)), mount.root};
    auto name = fs::d_path(top, list.root, list.room);
    return name.ok() ? name.value() : std::string_view();
}

void write_super_options(SeqFile& out, const fs::Mount& mount) {
    char options[128];
    const usize length = mount.super->ops.show_options(*mount.super, options);
    out.write({options, std::min(length, sizeof options)});
}

std::string_view source_of(const fs::Mount& mount) {
    return mount.source[0] ? mount.source : "none";
}

void write_mount(const fs::Mount& mount, void* context) {
    Listing& list = *static_cast<Listing*>(context);
    const std::string_view place = place_of(mount, list);
    if (place.empty()) return;
    SeqFile& out = list.out;
    out.write_escaped(source_of(mount), kEscaped);
    out.write(" ");
    out.write_escaped(place, kEscaped);
    out.print(" %s ", mount.super->type.name);
    write_flags(out, mount.flags);
    write_super_options(out, mount);
    out.write(" 0 0\n");
}

void write_mountinfo(const fs::Mount& mount, void* context) {
    Listing& list = *static_cast<Listing*>(context);
    const std::string_view place = place_of(mount, list);
    if (place.empty()) return;
    SeqFile& out = list.out;
    const u32 device = mount.super->device;
    out.print("%u %u %u:%u / ", mount.id, mount.parent ? mount.parent->id : mount.id,
              fs::major_of(device), fs::minor_of(device));
    out.write_escaped(place, kEscaped);
    out.write(" ");
    write_flags(out, mount.flags);
    out.print(" - %s ", mount.super->type.name);
    out.write_escaped(source_of(mount), kEscaped);
    out.write(mount.flags & MS_RDONLY ? " ro" : " rw");
    write_super_options(out, mount);
    out.write("\n");
}

Result<void> list_mounts(SeqFile& out, Task& task, void (*write)(const fs::Mount&, void*)) {
    auto place = fs_of(task);
    if (!place) return EINVAL;
    auto* room = static_cast<char*>(TRY(mm::kmalloc(kPageSize, mm::Gfp::Kernel)));
    {
        Listing list{out, place->root(), {room, kPageSize}};
        fs::for_each_mount(write, &list);
    }
    mm::kfree(room);
    return {};
}

}  // namespace

Result<void> show_mounts(SeqFile& out, Task& task) { return list_mounts(out, task, write_mount); }
Result<void> show_mountinfo(SeqFile& out, Task& task) {
    return list_mounts(out, task, write_mountinfo);
}

Result<void> show_filesystems(SeqFile& out, void*) {
    for (const fs::FileSystemType& type : fs::all_file_systems()) {
        out.print("%s\t%s\n", type.needs_device ? "" : "nodev", type.name);
    }
    return {};
}

}  // namespace procfs
