/// The files of one poll(2) or select(2), and waiting until one of them has something to say.
#pragma once

#include "fs/fd_table.h"
#include "mm/slab.h"

namespace syscall {

class PollSet {
public:
    /// Room for `count` entries. ENOMEM.
    static Result<PollSet> create(usize count);
    PollSet(PollSet&& from);
    ~PollSet();

    /// The next entry: descriptor `fd`, of which the events `wanted` count (abi/poll.h). False,
    /// and the answer will be POLLNVAL, if it is not open.
    bool add(int fd, u32 wanted);
    /// An entry that never has anything to say.
    void add_nothing();

    /// Waits until an entry has something to say, at most until `deadline_ns` (0: just look).
    /// Returns how many have. ERESTARTNOHAND for a signal, ENOMEM.
    Result<usize> wait(u64 deadline_ns);

    /// What entry `index` said.
    u32 found(usize index) const { return entries_[index].found; }

private:
    struct Entry {
        Ref<fs::File> file;
        u32 wanted;
        u32 found;
    };
    explicit PollSet(Entry* entries) : entries_(entries) {}
    usize ask_all(fs::PollTable* table);

    Entry* entries_;
    usize used_ = 0;
};

}  // namespace syscall
