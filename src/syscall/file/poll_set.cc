// Asking many files, and sleeping until asking again makes sense. See syscall/file/poll_set.h.
#include "syscall/file/poll_set.h"

#include <new>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "ipc/poll_wait.h"

namespace syscall {

Result<PollSet> PollSet::create(usize count) {
    const usize bytes = std::max(count, usize{1}) * sizeof(Entry);
    return PollSet(static_cast<Entry*>(TRY(mm::kmalloc(bytes, mm::Gfp::Kernel))));
}

PollSet::PollSet(PollSet&& from)
    : entries_(std::exchange(from.entries_, nullptr)), used_(std::exchange(from.used_, 0)) {}

PollSet::~PollSet() {
    for (usize i = 0; i < used_; i++) entries_[i].~Entry();
    mm::kfree(entries_);
}

bool PollSet::add(int fd, u32 wanted) {
    auto file = fs::fget(fd);
    const bool is_usable = file.ok() && !(file.value()->flags.load() & abi::O_PATH);
    new (&entries_[used_++])
        Entry{is_usable ? file.take() : Ref<fs::File>(), wanted, is_usable ? 0 : abi::POLLNVAL};
    return is_usable;
}

void PollSet::add_nothing() { new (&entries_[used_++]) Entry{nullptr, 0, 0}; }

/// Asks every file; registers with `table` only until the first one has something to say, since
/// then nobody will sleep.
usize PollSet::ask_all(fs::PollTable* table) {
    usize ready = 0;
    for (usize i = 0; i < used_; i++) {
        Entry& entry = entries_[i];
        if (entry.file) {
            entry.found =
                entry.file->ops->poll(*entry.file, ready ? nullptr : table) & entry.wanted;
        }
        if (entry.found) ready++;
    }
    return ready;
}

Result<usize> PollSet::wait(u64 deadline_ns) {
    if (deadline_ns == 0) return ask_all(nullptr);
    ipc::PollWait wait;
    wait.prepare();
    usize ready = ask_all(&wait);
    bool is_over = false;
    while (ready == 0 && !is_over) {
        if (wait.is_out_of_memory()) return ENOMEM;
        is_over = TRY(wait.sleep(deadline_ns));
        wait.prepare();
        ready = ask_all(nullptr);
    }
    return ready;
}

}  // namespace syscall
