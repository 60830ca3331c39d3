// core_pattern, and the name it gives a file.

#include "abi/utsname.h"
#include "core/time/clock.h"
#include "lib/format.h"
#include "mm/slab.h"
#include "process/coredump/coredump_internal.h"
#include "process/uts.h"

namespace process {

constinit std::atomic<u32> core_uses_pid{0};

namespace {

constinit SpinLock lock("core_pattern", LockRank::MmList);
constinit char core_pattern[kCorePatternSize] GUARDED_BY(lock) = "core";

class Name {
public:
    explicit Name(std::span<char> room) : room_(room) {}

    void add(char c) {
        if (size_ < room_.size()) room_[size_] = c;
        size_++;
    }
    void add_number(i64 number) {
        char digits[24];
        for (char c : std::string_view(digits, format_to(digits, "%d", number))) add(c);
    }
    /// Text that others choose: it must not lead into another directory.
    void add_component(std::string_view text) {
        if (text.empty() || text == "." || text == "..") {
            add('!');
            if (!text.empty()) text.remove_prefix(1);
        }
        for (char c : text) add(c == '/' ? '!' : c);
    }
    bool fits() const { return size_ > 0 && size_ <= room_.size(); }
    std::string_view view() const { return {room_.data(), size_}; }

private:
    std::span<char> room_;
    usize size_ = 0;
};

/// %E and %f: the program's file, whole or without its directory.
void add_program(Name& name, bool whole) {
    vm::MappedFile* const file = sched::current().mm->exe_file;
    Result<void*> room = mm::kmalloc(kPageSize, mm::Gfp::Kernel);
    if (file == nullptr || !room.ok()) return name.add_component(sched::current().comm);
    char* const text = static_cast<char*>(room.value());
    u32 device;
    u64 inode;
    std::string_view path(text, file->describe({text, kPageSize}, device, inode));
    if (!whole) path.remove_prefix(path.rfind('/') + 1);
    name.add_component(path);
    mm::kfree(text);
}

void add_host(Name& name) {
    char host[abi::kUtsLength];
    get_uts_name(UtsField::HostName, host);
    name.add_component(host);
}

/// One directive; false if it names the process' number.
bool expand(Name& name, char directive, int signal) {
    const Task& task = sched::current();
    switch (directive) {
    case '%': name.add('%'); break;
    case 'p':
    case 'P': name.add_number(task.tgid); return false;
    case 'i':
    case 'I': name.add_number(task.pid); break;
    case 'u': name.add_number(task.cred.uid); break;
    case 'g': name.add_number(task.cred.gid); break;
    case 'd': name.add_number(task.signal->dumpable); break;
    case 's': name.add_number(signal); break;
    case 't': name.add_number(static_cast<i64>(time::realtime_ns() / 1'000'000'000)); break;
    case 'c':
        name.add_number(static_cast<i64>(task.signal->rlimits[abi::RLIMIT_CORE].current));
        break;
    case 'h': add_host(name); break;
    case 'e': name.add_component(task.comm); break;
    case 'E': add_program(name, true); break;
    case 'f': add_program(name, false); break;
    default: break;  // unknown ones vanish
    }
    return true;
}

}  // namespace

Result<void> set_core_pattern(std::string_view pattern) {
    if (pattern.size() >= kCorePatternSize || pattern.starts_with('|')) return EINVAL;
    IrqGuard guard(lock);
    copy_string(core_pattern, pattern);
    return {};
}

void get_core_pattern(std::span<char, kCorePatternSize> room) {
    IrqGuard guard(lock);
    memcpy(room.data(), core_pattern, kCorePatternSize);
}

Result<std::string_view> core_name(std::span<char> room, int signal) {
    char pattern[kCorePatternSize];
    get_core_pattern(pattern);
    Name name(room);
    bool append_pid = core_uses_pid.load() != 0;
    for (const char* at = pattern; *at != '\0'; at++) {
        if (*at != '%') {
            name.add(*at);
        } else if (*++at == '\0') {
            break;  // a single % at the end vanishes
        } else if (!expand(name, *at, signal)) {
            append_pid = false;
        }
    }
    if (append_pid) {
        name.add('.');
        name.add_number(sched::current().tgid);
    }
    if (!name.fits()) return ENAMETOOLONG;
    return name.view();
}

}  // namespace process
