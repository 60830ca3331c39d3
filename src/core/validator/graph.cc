// The graph of classes. It only grows, so questions need no lock; whoever adds something holds
// `adding`, with interrupts off.

#include "core/validator/graph.h"

#include "arch/cpu.h"

namespace lockval {

namespace {

constexpr usize kMaxEdges = 4096;
constexpr usize kMaxChains = 2048;
constexpr usize kChainDepth = 8;

struct Edge {
    u16 from, to;
    Trace trace;  // of the taking of `to`
};
struct Chain {
    std::atomic<u64> key;
    u16 length;
    u16 klass[kChainDepth];
};
struct UsageTraces {
    std::atomic<u8> bits;
    Trace trace[8];
};

constinit std::atomic<u64> successors[kMaxClasses][kMaxClasses / 64] = {};
constinit Edge edges[kMaxEdges] = {};
constinit std::atomic<usize> edge_count{0};
constinit UsageTraces usages[kMaxClasses] = {};
constinit Chain chains[kMaxChains] = {};
constinit std::atomic<usize> chain_count{0}, max_depth{0};
constinit std::atomic<u32> adding{0};

class AddGuard {
public:
    AddGuard() {
        while (adding.exchange(1, std::memory_order_acquire) != 0) arch::cpu_relax();
    }
    ~AddGuard() { adding.store(0, std::memory_order_release); }
};

const char* name_of(u16 klass) { return lock_stat::classes()[klass].name.load(); }

const Edge* find_edge(u16 from, u16 to) {
    for (usize i = 0; i < edge_count; i++) {
        if (edges[i].from == from && edges[i].to == to) return &edges[i];
    }
    return nullptr;
}

void copy(Trace& to, const Trace& from) {
    for (usize i = 0; i < kTraceDepth; i++) to[i] = from[i];
}

/// A walk through the graph, breadth first; under AddGuard.
struct Walk {
    u64 seen[kMaxClasses / 64];
    u16 queue[kMaxClasses];
    u16 parent[kMaxClasses];
};
constinit Walk walk = {};

enum class Direction : u8 { Forwards, Backwards };

bool is_neighbour(u16 of, u16 other, Direction direction) {
    return direction == Direction::Forwards ? has_edge(of, other) : has_edge(other, of);
}

/// The first class reachable from `start` (itself included) for which `wanted(class)`; -1 if there
/// is none. Walk::parent leads back from it.
template <class Wanted>
int find_reachable(u16 start, Direction direction, Wanted wanted) {
    for (u64& word : walk.seen) word = 0;
    usize head = 0, tail = 0;
    walk.queue[tail++] = start;
    walk.seen[start / 64] |= u64{1} << start % 64;
    while (head < tail) {
        const u16 at = walk.queue[head++];
        if (wanted(at)) return at;
        for (u16 next = 0; next < kMaxClasses; next++) {
            if (!is_neighbour(at, next, direction)) continue;
            if (walk.seen[next / 64] >> next % 64 & 1) continue;
            walk.seen[next / 64] |= u64{1} << next % 64;
            walk.parent[next] = at;
            walk.queue[tail++] = next;
        }
    }
    return -1;
}

/// What forbids `bits`: the contexts that do not go together with them, for sharing only those
/// that are exclusive.
u8 conflicts_of(u8 bits) {
    u8 conflicts = 0;
    if (bits & kInHardirq) conflicts |= kHardirqsOn | kHardirqsOn << 4;
    if (bits & kInSoftirq) conflicts |= kSoftirqsOn | kSoftirqsOn << 4;
    if (bits & kHardirqsOn) conflicts |= kInHardirq | kInHardirq << 4;
    if (bits & kSoftirqsOn) conflicts |= kInSoftirq | kInSoftirq << 4;
    if (bits >> 4 & kInHardirq) conflicts |= kHardirqsOn;
    if (bits >> 4 & kInSoftirq) conflicts |= kSoftirqsOn;
    if (bits >> 4 & kHardirqsOn) conflicts |= kInHardirq;
    if (bits >> 4 & kSoftirqsOn) conflicts |= kInSoftirq;
    return conflicts;
}

bool report_usage(u16 klass, u16 other, u8 conflict, Report& report) {
    constexpr u8 kHard = (kInHardirq | kHardirqsOn) * 0x11;
    const bool hard = conflict & kHard;
    report.misuse = hard ? Misuse::IrqUnsafe : Misuse::SoftirqUnsafe;
    report.what = hard ? "taken by interrupt handlers, and held with interrupts on"
                       : "taken by softirqs, and held with softirqs on";
    report.lock = name_of(klass);
    report.other = klass == other ? nullptr : name_of(other);
    copy(report.before, usages[other].trace[__builtin_ctz(conflict)]);
    return false;
}

/// Whether a class that contexts `bits` use may lie where `klass` is: what is taken inside an
/// irq-safe lock is as good as taken by the handler.
bool check_usage(u16 klass, u8 bits, Report& report) {
    constexpr u8 kIn = (kInHardirq | kInSoftirq) * 0x11, kOn = (kHardirqsOn | kSoftirqsOn) * 0x11;
    const u8 with_on = conflicts_of(bits & kIn), with_in = conflicts_of(bits & kOn);
    const int inner = with_on == 0 ? -1 : find_reachable(klass, Direction::Forwards, [&](u16 c) {
        return usages[c].bits & with_on;
    });
    if (inner >= 0) {
        return report_usage(klass, u16(inner), usages[inner].bits & with_on, report);
    }
    const int outer = with_in == 0 ? -1 : find_reachable(klass, Direction::Backwards, [&](u16 c) {
        return usages[c].bits & with_in;
    });
    if (outer < 0) return true;
    return report_usage(klass, u16(outer), usages[outer].bits & with_in, report);
}

/// All contexts in which something at or above (or at or below) `klass` was used.
u8 all_usage(u16 klass, Direction direction) {
    u8 bits = 0;
    find_reachable(klass, direction, [&](u16 c) {
        bits |= usages[c].bits;
        return false;
    });
    return bits;
}

bool closes_circle(u16 from, u16 to, Report& report) {
    const int end = find_reachable(to, Direction::Forwards, [&](u16 c) { return c == from; });
    if (end < 0) return false;
    // The step of the circle that leads to `from`: there the order was the other one.
    const Edge* const step = find_edge(walk.parent[from], from);
    report.misuse = Misuse::Order;
    report.what = "taken in the opposite order elsewhere";
    report.lock = name_of(to);
    report.other = name_of(from);
    if (step != nullptr) copy(report.before, step->trace);
    return true;
}

}  // namespace

bool has_edge(u16 klass, u16 other) {
    return successors[klass][other / 64].load(std::memory_order_relaxed) >> other % 64 & 1;
}

bool add_edge(u16 from, u16 to, Report& report) {
    if (has_edge(from, to)) return true;
    const AddGuard guard;
    if (closes_circle(from, to, report)) return false;
    const usize number = edge_count;
    if (number < kMaxEdges) {
        edges[number].from = from;
        edges[number].to = to;
        copy(edges[number].trace, report.now);
        edge_count = number + 1;
    }
    // What was fine for each of them alone may not be for both.
    constexpr u8 kIn = (kInHardirq | kInSoftirq) * 0x11;
    const u8 above = all_usage(from, Direction::Backwards);
    if (!check_usage(to, above & kIn, report)) return false;
    successors[from][to / 64].fetch_or(u64{1} << to % 64, std::memory_order_relaxed);
    return true;
}

bool add_usage(u16 klass, u8 bits, Report& report) {
    UsageTraces& usage = usages[klass];
    const u8 fresh = bits & ~usage.bits.load(std::memory_order_relaxed);
    if (fresh == 0) return true;
    const AddGuard guard;
    if (!check_usage(klass, fresh, report)) return false;
    for (unsigned bit = 0; bit < 8; bit++) {
        if (fresh >> bit & 1) copy(usage.trace[bit], report.now);
    }
    usage.bits.fetch_or(fresh, std::memory_order_release);
    return true;
}

void note_chain(const TaskLocksChecked& locks) {
    if (locks.count > max_depth.load(std::memory_order_relaxed)) max_depth = locks.count;
    u64 key = 0xcbf2'9ce4'8422'2325;
    for (u32 i = 0; i < locks.count; i++) {
        key = (key ^ (locks.held[i].klass + 1u)) * 0x100'0000'01b3;
    }
    for (usize i = 0; i < 8; i++) {
        Chain& chain = chains[(key + i) % kMaxChains];
        u64 present = chain.key.load(std::memory_order_relaxed);
        if (present == key) return;
        if (present != 0 || !chain.key.compare_exchange_strong(present, key)) continue;
        for (u32 n = 0; n < locks.count && n < kChainDepth; n++) {
            chain.klass[n] = locks.held[n].klass;
            chain.length = u16(n + 1);
        }
        chain_count.fetch_add(1, std::memory_order_relaxed);
        return;
    }
}

usize edges_from(u16 klass) {
    usize count = 0;
    for (const std::atomic<u64>& word : successors[klass]) {
        count += usize(__builtin_popcountll(word.load(std::memory_order_relaxed)));
    }
    return count;
}

usize chain_at(usize index, u16* classes, usize room) {
    if (index >= kMaxChains || chains[index].key == 0) return 0;
    usize length = chains[index].length < room ? chains[index].length : room;
    for (usize i = 0; i < length; i++) classes[i] = chains[index].klass[i];
    return length;
}

Statistics statistics() {
    Statistics all{};
    all.edges = edge_count;
    all.max_edges = kMaxEdges;
    all.chains = chain_count;
    all.max_chains = kMaxChains;
    all.max_depth = max_depth;
    for (usize i = 0; i < kMaxClasses && name_of(u16(i)) != nullptr; i++) {
        const u8 bits = usages[i].bits;
        all.classes++;
        all.irq_safe += (bits & kInHardirq * 0x11) != 0;
        all.softirq_safe += (bits & kInSoftirq * 0x11) != 0;
        all.irq_unsafe += (bits & kHardirqsOn * 0x11) != 0;
        all.softirq_unsafe += (bits & kSoftirqsOn * 0x11) != 0;
    }
    return all;
}

}  // namespace lockval
