// The machine as a whole: its names, its state, its log, its end.

#include "abi/prctl.h"
#include "abi/sysinfo.h"
#include "abi/version.h"
#include "arch/power.h"
#include "core/irq/ipi.h"
#include "core/log/printk.h"
#include "core/time/clock.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/own.h"
#include "process/uts.h"
#include "sched/sched.h"
#include "sched/wait_queue.h"
#include "syscall/table.h"
#include "vm/address_space.h"
#include "vm/swap/swap.h"

namespace syscall {

namespace {

using sched::capable;

// --- names ---------------------------------------------------------------------------------------

Result<void> sys_uname(UserPtr<abi::Utsname> to) {
    abi::Utsname names{};
    copy_string(names.sysname, abi::kSysname);
    copy_string(names.release, abi::kRelease);
    copy_string(names.version, abi::kVersion);
    copy_string(names.machine, "x86_64");
    process::get_uts_name(process::UtsField::HostName, names.nodename);
    process::get_uts_name(process::UtsField::DomainName, names.domainname);
    return to.copy_out(names);
}

Result<void> set_name(process::UtsField field, UserPtr<const char> from, int length) {
    if (!capable(abi::CAP_SYS_ADMIN)) return EPERM;
    char name[abi::kUtsLength] = {};
    if (length < 0 || length >= int(sizeof name)) return EINVAL;
    TRY(copy_from_user(name, from.address(), usize(length)));
    process::set_uts_name(field, {name, strnlen(name, usize(length))});
    return {};
}
Result<void> sys_sethostname(UserPtr<const char> from, int length) {
    return set_name(process::UtsField::HostName, from, length);
}
Result<void> sys_setdomainname(UserPtr<const char> from, int length) {
    return set_name(process::UtsField::DomainName, from, length);
}

Result<void> sys_sysinfo(UserPtr<abi::Sysinfo> to) {
    abi::Sysinfo info{};
    info.uptime = i64(time::now_ns() / time::kNsPerSec);
    u64 loads[3];
    sched::load_averages(loads);
    for (int i = 0; i < 3; i++) info.loads[i] = loads[i] << (16 - 11);  // 11 to 16 fraction bits
    info.total_ram = mm::total_pages() * kPageSize;
    info.free_ram = mm::free_page_count() * kPageSize;
    info.total_swap = vm::total_swap_pages() * kPageSize;
    info.free_swap = vm::free_swap_pages() * kPageSize;
    info.shared_ram = vm::shmem_pages() * kPageSize;
    info.processes = u16(std::min<u64>(sched::task_count(), 65535));
    info.unit = 1;
    return to.copy_out(info);
}

// --- the kernel log ------------------------------------------------------------------------------

enum SyslogAction : int {
    kClose,
    kOpen,
    kRead,
    kReadAll,
    kReadClear,
    kClear,
    kConsoleOff,
    kConsoleOn,
    kConsoleLevel,
    kSizeUnread,
    kSizeBuffer,
};

constexpr u64 kLogSize = 256 * 1024;
constinit std::atomic<u64> cleared_up_to{0};  // by SYSLOG_ACTION_CLEAR
constinit std::atomic<u64> read_up_to{0};     // by SYSLOG_ACTION_READ
constinit std::atomic<int> saved_level{-1};   // while the console is off

/// "<6>[    1.234567] text\n"
usize format_record(const LogRecord& record, std::span<char> line) {
    const u64 us = record.time_ns / 1000;
    return std::min(line.size() - 1,
                    format_to(line, "<%u>[%5u.%06u] %s\n", record.level, us / 1'000'000,
                              us % 1'000'000, std::string_view(record.text, record.length)));
}

/// One record and its line; too large for the stack.
struct LogScratch {
    LogRecord record;
    char line[1100];
};

/// The sequence number from which on the records fit into `size` bytes: the newest ones do.
u64 first_that_fits(LogScratch& scratch, u64 from, u64 size) {
    u64 total = 0;
    for (u64 at = from; log_read(at, scratch.record); at = scratch.record.sequence + 1) {
        total += format_record(scratch.record, scratch.line);
    }
    for (u64 at = from; total > size && log_read(at, scratch.record);) {
        total -= std::min(total, u64{format_record(scratch.record, scratch.line)});
        at = from = scratch.record.sequence + 1;
    }
    return from;
}

/// Copies whole lines from record `from` on; tells where it ended.
Result<u64> copy_records(VirtAddr to, u64 size, u64& from) {
    mm::Own<LogScratch> scratch = TRY(mm::make<LogScratch>());
    u64 done = 0;
    while (log_read(from, scratch->record)) {
        const usize length = format_record(scratch->record, scratch->line);
        if (done + length > size) break;
        TRY(copy_to_user(to + done, scratch->line, length));
        done += length;
        from = scratch->record.sequence + 1;
    }
    return done;
}

Result<u64> read_all(VirtAddr to, u64 size) {
    mm::Own<LogScratch> scratch = TRY(mm::make<LogScratch>());
    u64 from = first_that_fits(*scratch, cleared_up_to.load(), size);
    return copy_records(to, size, from);
}

/// Waits for news, and consumes them.
Result<u64> read_news(VirtAddr to, u64 size) {
    constexpr u64 kPollNs = 100 * time::kNsPerMs;
    for (;;) {
        u64 from = read_up_to.load();
        const u64 done = TRY(copy_records(to, size, from));
        read_up_to.store(from);
        if (done != 0 || size == 0) return done;
        TRY(sched::sleep_until(time::now_ns() + kPollNs));
    }
}

Result<u64> set_console_level(int action, int level) {
    if (action == kConsoleOff) {
        if (saved_level.load() < 0) saved_level = console_loglevel;
        console_loglevel = 1;
    } else if (action == kConsoleOn) {
        const int saved = saved_level.exchange(-1);
        if (saved >= 0) console_loglevel = saved;
    } else {
        if (level < 1 || level > 8) return EINVAL;
        console_loglevel = level;
        saved_level = -1;
    }
    return u64{0};
}

Result<u64> sys_syslog(int action, VirtAddr to, int size) {
    const bool anybody = action == kReadAll || action == kSizeBuffer;
    if (!anybody && !capable(abi::CAP_SYSLOG) && !capable(abi::CAP_SYS_ADMIN)) return EPERM;
    const bool reads = action == kRead || action == kReadAll || action == kReadClear;
    if (reads && (size < 0 || to.raw() == 0)) return EINVAL;
    switch (action) {
    case kClose:
    case kOpen: return u64{0};
    case kRead: return read_news(to, u64(size));
    case kReadAll: return read_all(to, u64(size));
    case kReadClear: {
        const u64 done = TRY(read_all(to, u64(size)));
        cleared_up_to = log_next_sequence();
        return done;
    }
    case kClear: cleared_up_to = log_next_sequence(); return u64{0};
    case kConsoleOff:
    case kConsoleOn:
    case kConsoleLevel: return set_console_level(action, size);
    case kSizeUnread:
        return (log_next_sequence() - std::min(read_up_to.load(), log_next_sequence()));
    case kSizeBuffer: return u64{kLogSize};
    default: return EINVAL;
    }
}

// --- the end -------------------------------------------------------------------------------------

Result<void> sys_reboot(u32 magic1, u32 magic2, u32 command) {
    if (!capable(abi::CAP_SYS_BOOT)) return EPERM;
    bool known = false;
    for (const u32 magic : abi::kRebootMagic2) known |= magic == magic2;
    if (magic1 != abi::kRebootMagic1 || !known) return EINVAL;
    switch (command) {
    case abi::kRebootCadOn:
    case abi::kRebootCadOff: return {};  // no keyboard that could send Ctrl-Alt-Del
    case abi::kRebootPowerOff:
        printk(Level::Emerg, "reboot: Power down\n");
        irq::stop_other_cpus();
        arch::power_off();
        arch::halt_forever();
    case abi::kRebootHalt:
        printk(Level::Emerg, "reboot: System halted\n");
        irq::stop_other_cpus();
        arch::halt_forever();
    case abi::kRebootRestart:
    case abi::kRebootRestart2:
        printk(Level::Emerg, "reboot: Restarting system\n");
        irq::stop_other_cpus();
        arch::restart();
    default: return EINVAL;
    }
}

constexpr Entry kCalls[] = {
    {63, "uname", call<sys_uname>},
    {99, "sysinfo", call<sys_sysinfo>},
    {103, "syslog", call<sys_syslog>},
    {169, "reboot", call<sys_reboot>},
    {170, "sethostname", call<sys_sethostname>},
    {171, "setdomainname", call<sys_setdomainname>},
};

}  // namespace

constinit const std::span<const Entry> kSystemCalls = kCalls;

}  // namespace syscall
