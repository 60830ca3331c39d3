// Epoll: items, wake-ups and the harvest. See ipc/epoll.h.
#include "ipc/epoll.h"

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "core/time/clock.h"
#include "ipc/poll_wait.h"
#include "mm/own.h"
#include "sched/sched.h"

namespace ipc {

using namespace abi;

/// An item's place on one wait queue.
struct EpollHook {
    sched::WaitQueueEntry entry;
    sched::WaitQueue* queue;
    EpollHook* next;
};

namespace {

constinit sched::Mutex epoll_mutex("epoll_files");

constexpr u32 kPrivateBits = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE;
constexpr u32 kAlways = EPOLLERR | EPOLLHUP;

EpollItem* items_of(const fs::File& file) { return static_cast<EpollItem*>(file.epoll_items); }

void item_callback(sched::WaitQueueEntry& entry) {
    auto& item = *static_cast<EpollItem*>(entry.context);
    item.epoll->item_woken(item);
}

/// Puts an item on the queues that its file names.
class Hooker final : public fs::PollTable {
public:
    explicit Hooker(EpollItem& item) : item_(item) {}
    void wait_on(sched::WaitQueue& queue) override {
        auto hook = mm::make<EpollHook>();
        if (!hook.ok()) {
            item_.out_of_memory = true;
            return;
        }
        EpollHook* made = hook.take().leak();
        made->queue = &queue;
        made->next = std::exchange(item_.hooks, made);
        made->entry.callback = item_callback;
        made->entry.context = &item_;
        made->entry.exclusive = item_.event.events & EPOLLEXCLUSIVE;
        queue.add(made->entry);
    }

private:
    EpollItem& item_;
};

/// What of the item's wishes holds now.
u32 ask(EpollItem& item, fs::PollTable* table) {
    const u32 wanted = item.event.events;
    if (!(wanted & ~kPrivateBits)) return 0;  // disabled by EPOLLONESHOT
    return item.file->ops->poll(*item.file, table) & (wanted | kAlways);
}

}  // namespace

Epoll::Epoll() = default;

EpollItem* Epoll::find(const fs::File& file, int fd) {
    return items_.first_where([&](const EpollItem& item) {
        return item.file != &file ? item.file > &file : item.fd >= fd;
    });
}

void Epoll::wake_a_sleeper() {
    Sleeper* sleeper = sleepers_.pop_front();
    if (sleeper) sched::try_to_wake_up(*sleeper->task, sched::kInterruptible);
}

void Epoll::make_ready(EpollItem& item) {
    bool tell = false;
    {
        IrqGuard guard(lock_);
        if (!item.ready_link.is_linked()) ready_.push_back(item);
        wake_a_sleeper();
        tell = watchers_.has_waiters();
    }
    if (tell) watcher_timer_.start(time::now_ns());
}

void Epoll::item_woken(EpollItem& item) { make_ready(item); }

time::Restart Epoll::tell_watchers(time::HrTimer& timer) {
    reinterpret_cast<Epoll&>(timer).watchers_.wake_all();
    return time::Restart::No;
}

// --- epoll_ctl ----------------------------------------------------------------------------------

/// Whether `other` is this instance or below it. Each instance is looked at once in a walk: there
/// may be more ways through them than could ever be gone.
bool Epoll::reaches(const Epoll& other, u64 walk) {
    if (this == &other) return true;
    if (std::exchange(walk_, walk) == walk) return false;
    for (EpollItem& item : items_) {
        Epoll* below = of(*item.file);
        if (below && below->reaches(other, walk)) return true;
    }
    return false;
}

/// How many levels of epoll instances this one watches, itself included.
u32 Epoll::nesting_below(u64 walk) {
    if (std::exchange(walk_, walk) == walk) return nesting_;
    u32 deepest = 0;
    for (EpollItem& item : items_) {
        if (Epoll* below = of(*item.file)) deepest = std::max(deepest, below->nesting_below(walk));
    }
    return nesting_ = deepest + 1;
}

/// How many levels watch this one, itself included.
u32 Epoll::nesting_above(u64 walk) {
    if (std::exchange(walk_, walk) == walk) return nesting_;
    u32 highest = 0;
    for (EpollItem* item = items_of(*file_); item; item = item->next_of_file) {
        highest = std::max(highest, item->epoll->nesting_above(walk));
    }
    return nesting_ = highest + 1;
}

/// ELOOP: this one would watch itself, or too many levels.
Result<void> Epoll::check_nesting(Epoll& below) {
    static constinit u64 walks = 0;  // epoll_mutex is held
    if (below.reaches(*this, ++walks)) return ELOOP;
    const u32 levels = below.nesting_below(++walks);
    if (levels + nesting_above(++walks) > kMaxNesting + 1) return ELOOP;
    return {};
}

/// How many ways may lead from a watched file to instances that nobody watches, by the number of
/// instances between: each is gone when the file wakes its watchers. 0: any number. Linux:
/// path_limits in fs/eventpoll.c.
constexpr u32 kMostPaths[] = {0, 500, 100, 50, 10};
static_assert(std::size(kMostPaths) == Epoll::kMaxNesting + 1);

/// Adds the ways that begin here, `depth` instances above the file. False: too many.
bool Epoll::count_paths(unsigned depth, PathCounts& counts) {
    if (depth > kMaxNesting) return false;
    EpollItem* item = items_of(*file_);
    if (item == nullptr) return depth == 0 || ++counts.of[depth] <= kMostPaths[depth];
    for (; item; item = item->next_of_file) {
        if (!item->epoll->count_paths(depth + 1, counts)) return false;
    }
    return true;
}

/// Whether this instance may watch the file besides those that do.
bool Epoll::may_wake_so_many(const fs::File& file) {
    PathCounts counts{};
    if (!count_paths(0, counts)) return false;
    for (EpollItem* item = items_of(file); item; item = item->next_of_file) {
        if (!item->epoll->count_paths(0, counts)) return false;
    }
    return true;
}

/// What it watches has changed: mutex_ is taken in the order of levels, from the highest down.
void Epoll::update_level(u8 at_least) {
    u8 level = at_least;
    for (EpollItem& item : items_) {
        if (Epoll* below = of(*item.file)) level = std::max(level, u8(below->level_.load() + 1));
    }
    if (level_.exchange(level) == level) return;
    for (EpollItem* item = items_of(*file_); item; item = item->next_of_file) {
        item->epoll->update_level(0);
    }
}

Result<void> Epoll::add(fs::File& file, int fd, EpollEvent event) {
    if (Epoll* below = of(file)) {
        if (event.events & EPOLLEXCLUSIVE) return EINVAL;
        TRY(check_nesting(*below));
    } else if (!may_wake_so_many(file)) {
        return EINVAL;
    }
    auto item = TRY(mm::make<EpollItem>());
    item->epoll = this;
    item->file = &file;
    item->fd = fd;
    item->event = event;
    item->event.events |= kAlways;
    item->hooks = nullptr;

    EpollItem& added = *item.leak();
    if (Epoll* below = of(file)) update_level(u8(below->level_.load() + 1));
    sched::MutexGuard guard(mutex_, level_.load());
    added.next_of_file = items_of(file);
    file.epoll_items = &added;
    items_.insert(added);
    Hooker hooker(added);
    const u32 now = ask(added, &hooker);
    if (added.out_of_memory) {
        remove(added);
        return ENOMEM;
    }
    if (now) make_ready(added);
    return {};
}

/// Undoes add(). epoll_mutex and mutex_ are held.
void Epoll::remove(EpollItem& item) {
    while (EpollHook* hook = item.hooks) {
        hook->queue->remove(hook->entry);  // no callback runs after this
        item.hooks = hook->next;
        mm::destroy(hook);
    }
    {
        IrqGuard guard(lock_);
        if (item.ready_link.is_linked()) item.ready_link.unlink();
    }
    items_.erase(item);
    if (of(*item.file)) update_level(0);
    auto* first = items_of(*item.file);
    if (first == &item) {
        item.file->epoll_items = item.next_of_file;
    } else {
        while (first->next_of_file != &item) first = first->next_of_file;
        first->next_of_file = item.next_of_file;
    }
    mm::destroy(&item);
}

void Epoll::forget(EpollItem& item) {
    sched::MutexGuard guard(mutex_, level_.load());
    remove(item);
}

Result<void> Epoll::control(int op, fs::File& file, int fd, EpollEvent event) {
    if (&file == file_) return EINVAL;
    sched::MutexGuard files(epoll_mutex);
    EpollItem* item = find(file, fd);
    if (item && (item->file != &file || item->fd != fd)) item = nullptr;
    constexpr u32 kMayBeExclusive =
        EPOLLIN | EPOLLOUT | kAlways | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;
    if ((event.events & EPOLLEXCLUSIVE) && (event.events & ~kMayBeExclusive)) return EINVAL;
    if (op == EPOLL_CTL_ADD) return item ? EEXIST : add(file, fd, event);
    if (op != EPOLL_CTL_DEL && op != EPOLL_CTL_MOD) return EINVAL;
    if (!item) return ENOENT;

    sched::MutexGuard guard(mutex_, level_.load());
    if (op == EPOLL_CTL_DEL) {
        remove(*item);
        return {};
    }
    if ((event.events | item->event.events) & EPOLLEXCLUSIVE) return EINVAL;
    item->event = event;
    item->event.events |= kAlways;
    if (ask(*item, nullptr)) make_ready(*item);
    return {};
}

// --- epoll_wait ---------------------------------------------------------------------------------

EpollItem* Epoll::pop_ready() {
    IrqGuard guard(lock_);
    return ready_.pop_front();
}

bool Epoll::has_ready() {
    IrqGuard guard(lock_);
    return !ready_.empty();
}

/// Asks the files on the ready list and copies out what holds. What stays ready (level-triggered)
/// goes back to the end of the list, so that with many ready files each gets its turn.
Result<usize> Epoll::harvest(UserPtr<EpollEvent> to, usize limit) {
    sched::MutexGuard guard(mutex_, level_.load());
    List<EpollItem, &EpollItem::ready_link>
        again;  // on it, a wake-up changes nothing: that is fine
    usize found = 0;
    bool fault = false;
    while (found < limit && !fault) {
        EpollItem* item = pop_ready();
        if (!item) break;
        const u32 events = ask(*item, nullptr);
        if (!events) continue;
        const EpollEvent event{.events = events, .data = item->event.data};
        fault = !copy_to_user((to + found).address(), &event, sizeof event).ok();
        if (!fault) found++;
        IrqGuard ready_guard(lock_);
        if (!fault && (item->event.events & EPOLLET) && !(item->event.events & EPOLLONESHOT)) {
            continue;  // if it was woken meanwhile, it is on the list again: another edge
        }
        if (item->ready_link.is_linked()) item->ready_link.unlink();
        if (fault) {
            ready_.push_front(*item);
        } else if (item->event.events & EPOLLONESHOT) {
            item->event.events &= kPrivateBits;
        } else {
            again.push_back(*item);
        }
    }
    IrqGuard ready_guard(lock_);
    ready_.splice_back(again);
    if (!ready_.empty()) wake_a_sleeper();
    if (fault && found == 0) return EFAULT;
    return found;
}

/// Sleeps until an item becomes ready. True: the time is up. EINTR for a signal.
Result<bool> Epoll::sleep(u64 deadline_ns) {
    Sleeper self;
    self.task = &sched::current();
    {
        IrqGuard guard(lock_);
        if (!ready_.empty()) return false;
        if (deadline_ns == 0) return true;
        sleepers_.push_back(self);
        sched::set_current_state(sched::kInterruptible);
    }
    const bool has_signal = sched::signal_pending(sched::current());
    const bool is_over = has_signal ? false : schedule_until(deadline_ns);
    sched::set_current_state(sched::kRunning);

    IrqGuard guard(lock_);
    if (self.link.is_linked()) self.link.unlink();
    if (has_signal && ready_.empty()) return EINTR;
    return is_over && ready_.empty();
}

Result<usize> Epoll::wait(UserPtr<EpollEvent> to, usize limit, u64 deadline_ns) {
    while (true) {
        if (has_ready()) {
            const usize found = TRY(harvest(to, limit));
            if (found > 0) return found;
        }
        if (TRY(sleep(deadline_ns))) return usize{0};
    }
}

// --- its file -----------------------------------------------------------------------------------

u32 Epoll::poll(fs::PollTable* table) {
    if (table) table->wait_on(watchers_);
    sched::MutexGuard guard(mutex_, level_.load());
    while (EpollItem* item = pop_ready()) {
        if (!ask(*item, nullptr)) continue;
        IrqGuard ready_guard(lock_);
        if (!item->ready_link.is_linked()) ready_.push_front(*item);
        return POLLIN | POLLRDNORM;
    }
    return 0;
}

void Epoll::release() {
    {
        sched::MutexGuard files(epoll_mutex);
        sched::MutexGuard guard(mutex_, level_.load());
        while (EpollItem* item = items_.first()) remove(*item);
    }
    watcher_timer_.cancel();
    mm::destroy(this);
}

namespace {

class EpollOperations final : public fs::FileOperations {
public:
    void release(fs::File& file) const override {
        static_cast<Epoll*>(file.private_data)->release();
    }
    u32 poll(fs::File& file, fs::PollTable* table) const override {
        return static_cast<Epoll*>(file.private_data)->poll(table);
    }
    Result<u64> seek(fs::File&, i64, int) const override { return ESPIPE; }
    bool is_stream() const override { return true; }
};
constexpr EpollOperations kEpollOps;

}  // namespace

Epoll* Epoll::of(const fs::File& file) {
    return file.ops == &kEpollOps ? static_cast<Epoll*>(file.private_data) : nullptr;
}

Result<Ref<fs::File>> Epoll::create_file(u32 flags) {
    if (flags & ~u32{EPOLL_CLOEXEC}) return EINVAL;
    auto epoll = TRY(mm::make<Epoll>());
    auto file = TRY(fs::File::open_anonymous("[eventpoll]", kEpollOps, O_RDWR, epoll.get()));
    epoll.leak()->file_ = file.get();
    return file;
}

}  // namespace ipc

namespace fs {

void eventpoll_release(File& file) {
    sched::MutexGuard guard(ipc::epoll_mutex);
    while (auto* item = static_cast<ipc::EpollItem*>(file.epoll_items)) item->epoll->forget(*item);
}

}  // namespace fs
