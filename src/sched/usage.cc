#include "sched/usage.h"

#include "sched/sched.h"

namespace sched {

void Usage::add(const Usage& other) {
    user_ns += other.user_ns;
    system_ns += other.system_ns;
    minor_faults += other.minor_faults;
    major_faults += other.major_faults;
    voluntary += other.voluntary;
    involuntary += other.involuntary;
    max_rss_pages = std::max(max_rss_pages, other.max_rss_pages);
}

void UsageSum::add(const Usage& used) {
    user_ns.fetch_add(used.user_ns);
    system_ns.fetch_add(used.system_ns);
    minor_faults.fetch_add(used.minor_faults);
    major_faults.fetch_add(used.major_faults);
    voluntary.fetch_add(used.voluntary);
    involuntary.fetch_add(used.involuntary);
    raise_max_rss(used.max_rss_pages);
}

void UsageSum::raise_max_rss(u64 pages) {
    u64 seen = max_rss_pages.load(std::memory_order_relaxed);
    while (seen < pages && !max_rss_pages.compare_exchange_weak(seen, pages)) {
    }
}

Usage UsageSum::read() const {
    return {.user_ns = user_ns.load(),
            .system_ns = system_ns.load(),
            .minor_faults = minor_faults.load(),
            .major_faults = major_faults.load(),
            .voluntary = voluntary.load(),
            .involuntary = involuntary.load(),
            .max_rss_pages = max_rss_pages.load()};
}

Usage usage_of(const Task& task) {
    const CpuTimes times = cpu_times(task);
    return {.user_ns = times.user_ns,
            .system_ns = times.system_ns,
            .minor_faults = task.min_faults,
            .major_faults = task.maj_faults,
            .voluntary = task.voluntary_switches,
            .involuntary = task.involuntary_switches};
}

}  // namespace sched
