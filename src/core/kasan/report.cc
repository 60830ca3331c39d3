// What a report looks like. See README.md.

#include "core/kasan/report.h"

#include "arch/cpu.h"
#include "arch/layout.h"
#include "core/log/callers.h"
#include "core/log/oops.h"
#include "core/log/panic.h"
#include "core/log/printk.h"

extern "C" {
extern void (*const __init_array_start[])();
extern void (*const __init_array_end[])();
}

namespace kasan {

void (*describe_address)(const void* at) = nullptr;
TaskName (*current_task_name)() = nullptr;

namespace {

constexpr u64 kQuiet = 1;  // reports after which it is quiet: the first is the one to look at

constinit std::atomic<bool> started{false};
constinit std::atomic<u64> reports{0}, told{0};
constinit std::atomic<const char*> last_kind{""};
constinit std::atomic<u32> planting{0};
constinit std::atomic<bool> busy{false};  // one at a time; what happens within is not told

constexpr auto kLine = "==================================================================";

const char* kind_of(const u8* bad) {
    if (reinterpret_cast<u64>(bad) < kPageSize) return "null-ptr-deref";
    if (reinterpret_cast<u64>(bad) < arch::kDirectMap.raw()) return "user-memory-access";
    u8 shadow = *shadow_of(bad);
    if (shadow < kGranule) shadow = shadow_of(bad)[1];
    switch (Poison(shadow)) {
    case Poison::StackLeft:
    case Poison::StackMiddle:
    case Poison::StackRight:
    case Poison::StackPartial: return "stack-out-of-bounds";
    case Poison::StackScope: return "use-after-scope";
    case Poison::AllocaLeft:
    case Poison::AllocaRight: return "alloca-out-of-bounds";
    case Poison::Global: return "global-out-of-bounds";
    case Poison::Vmalloc: return "vmalloc-out-of-bounds";
    case Poison::SlabFree: return "slab-use-after-free";
    case Poison::SlabRedzone:
    case Poison::PageRedzone: return "slab-out-of-bounds";
    case Poison::PageFree: return "use-after-free";
    default: return "out-of-bounds";
    }
}

void begin(const char* kind, u64 caller) {
    reports.fetch_add(1);
    last_kind.store(kind);
    const Symbol symbol = find_symbol(caller);
    printk(Level::Emerg, "%s", kLine);
    printk(Level::Emerg, "BUG: KASAN: %s in %s+%#x/%#x", kind, symbol.name, symbol.offset,
           symbol.size);
}

/// Five rows of shadow, with a mark below the byte.
void print_shadow(const u8* bad) {
    if (reinterpret_cast<u64>(bad) < arch::kDirectMap.raw()) return;
    constexpr u64 kRow = 16 * kGranule;
    const u64 middle = align_down(reinterpret_cast<u64>(bad), kRow);
    printk(Level::Emerg, "Memory state around the buggy address:");
    for (u64 row = middle - 2 * kRow; row <= middle + 2 * kRow; row += kRow) {
        const u8* const s = shadow_of(reinterpret_cast<void*>(row));
        printk(Level::Emerg,
               "%s%016lx: %02x %02x %02x %02x %02x %02x %02x %02x "
               "%02x %02x %02x %02x %02x %02x %02x %02x",
               row == middle ? ">" : " ", row, s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8],
               s[9], s[10], s[11], s[12], s[13], s[14], s[15]);
        if (row != middle) continue;
        char mark[80];
        const usize column = 19 + (reinterpret_cast<u64>(bad) - middle) / kGranule * 3;
        for (usize i = 0; i < column; i++) mark[i] = ' ';
        mark[column] = '^';
        printk(Level::Emerg, "%s", std::string_view(mark, column + 1));
    }
}

void end(const u8* bad) {
    if (panic_describe_task != nullptr) panic_describe_task();
    print_backtrace(arch::frame_pointer(), 0);
    if (describe_address != nullptr) describe_address(bad);
    print_shadow(bad);
    printk(Level::Emerg, "%s", kLine);
    if (planting.load() > 0) return;
    add_taint(Taint::Warn);
    if (panic_on_warn.load() != 0) panic("KASAN: panic_on_warn is set");
}

/// Whether to tell it; if so, nothing else is told until `busy` is cleared.
bool may_report() {
    if (!started.load(std::memory_order_relaxed) || is_anyone_panicking()) return false;
    if (planting.load() == 0 && told.load() >= kQuiet) return false;
    if (busy.exchange(true)) return false;
    if (planting.load() == 0) told.fetch_add(1);
    return true;
}

TaskName task_name() {
    return current_task_name != nullptr ? current_task_name() : TaskName{"swapper", 0};
}

}  // namespace

Report last_report() { return {reports.load(), last_kind.load()}; }
Planting::Planting() { planting.fetch_add(1); }
Planting::~Planting() { planting.fetch_sub(1); }

// The compiler registers the globals of each file in a constructor; there are no others.
void start() {
    for (auto run = __init_array_start; run != __init_array_end; run++) (*run)();
    started.store(true);
}

void report_access(const Access& access, const u8* first_bad) {
    if (!may_report()) return;
    begin(kind_of(first_bad), access.caller);
    const TaskName task = task_name();
    printk(Level::Emerg, "%s of size %u at addr %016lx by task %s/%u",
           access.kind == Kind::Write ? "Write" : "Read", access.bytes,
           reinterpret_cast<u64>(access.at), task.comm, task.pid);
    end(first_bad);
    busy.store(false);
}

void report_free(const void* object, const char* kind, u64 caller) {
    if (!may_report()) return;
    begin(kind, caller);
    const TaskName task = task_name();
    printk(Level::Emerg, "Free of addr %016lx by task %s/%u", reinterpret_cast<u64>(object),
           task.comm, task.pid);
    end(static_cast<const u8*>(object));
    busy.store(false);
}

void capture(Trace& trace) { capture_callers(trace, 4096); }

void print(const Trace& trace) {
    for (const u64 address : trace) {
        if (address == 0) return;
        const Symbol symbol = find_symbol(address);
        printk(Level::Emerg, " %s+%#x/%#x", symbol.name, symbol.offset, symbol.size);
    }
}

}  // namespace kasan
