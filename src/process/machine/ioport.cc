#include "process/machine/ioport.h"

#include <atomic>

#include "abi/prctl.h"
#include "arch/io_ports.h"
#include "lib/string.h"
#include "mm/own.h"

namespace process {

namespace {

constexpr usize kBytes = arch::kPorts / 8;

/// The ports of a task, and of its children until one of them changes them.
struct PortSet : arch::IoBitmap {
    RefCount ref_count;

    static void release(PortSet* set) {
        mm::kfree(set->words);
        mm::destroy(set);
    }
};

PortSet* ports_of(const sched::Task& task) { return static_cast<PortSet*>(task.arch.ports); }

bool may_use_ports() { return sched::capable(abi::CAP_SYS_RAWIO); }

/// A number that no set of ports ever had.
u64 new_serial() {
    static constinit std::atomic<u64> next{arch::kFirstSerial};
    return next.fetch_add(1, std::memory_order_relaxed);
}

/// A set like `from`, or without any port. ENOMEM.
Result<Ref<PortSet>> copy_set(const PortSet* from) {
    mm::Own<PortSet> set = TRY(mm::make<PortSet>());
    set->words = static_cast<u64*>(TRY(mm::kmalloc(kBytes, mm::Gfp::Kernel)));
    if (from != nullptr) {
        memcpy(set->words, from->words, kBytes);
    } else {
        memset(set->words, 0xff, kBytes);
    }
    return Ref<PortSet>::adopt(set.leak());
}

void change(PortSet& set, u64 from, u64 end, bool turn_on) {
    for (u64 port = from; port < end; port++) {
        const u64 bit = u64{1} << port % 64;
        if (turn_on) {
            set.words[port / 64] &= ~bit;
        } else {
            set.words[port / 64] |= bit;
        }
    }
    set.serial = new_serial();
}

bool is_empty(const PortSet& set) {
    for (usize i = 0; i < kBytes / sizeof(u64); i++) {
        if (set.words[i] != ~u64{0}) return false;
    }
    return true;
}

}  // namespace

/// Always on a copy: the set may be a child's, too, or just be in use by this processor.
Result<void> ioperm(u64 from, u64 count, int turn_on) {
    const u64 end = from + count;
    if (end <= from || end > arch::kPorts) return EINVAL;
    if (turn_on && !may_use_ports()) return EPERM;
    sched::Task& task = sched::current();
    PortSet* const old = ports_of(task);
    if (old == nullptr && !turn_on) return {};
    Ref<PortSet> set = TRY(copy_set(old));
    change(*set, from, end, turn_on);
    if (is_empty(*set)) set.reset();
    arch::set_ports(task.arch, set.leak(), task.arch.io_privilege);
    Ref<PortSet>::adopt(old).reset();
    return {};
}

Result<void> iopl(u32 level) {
    if (level > 3) return EINVAL;
    sched::Task& task = sched::current();
    if (level > task.arch.io_privilege && !may_use_ports()) return EPERM;
    if (level != task.arch.io_privilege) arch::set_ports(task.arch, task.arch.ports, u8(level));
    return {};
}

void share_ports(sched::Task& child, const sched::Task& parent) {
    child.arch.ports = Ref<PortSet>::share(ports_of(parent)).leak();
    child.arch.io_privilege = parent.arch.io_privilege;
    child.arch.extras |= parent.arch.extras & arch::kHasPorts;
}

void put_ports(sched::Task& task) {
    Ref<PortSet>::adopt(ports_of(task)).reset();
    task.arch.ports = nullptr;
}

}  // namespace process
