// Reading and writing files through the page cache. Linux: mm/filemap.c.
//
// Both go page by page: find or make the page, copy, go on. A page is referenced but not locked
// while bytes move, so copying may fault and sleep, even on the very page that is being written.
#include <limits>

#include "abi/fcntl.h"
#include "fs/file.h"
#include "mm/page_alloc.h"
#include "sched/signal_struct.h"
#include "sched/task.h"
#include "vm/lru.h"

namespace fs {
namespace {

/// Gives the page back at the end of the scope.
class PageRef {
public:
    explicit PageRef(mm::Page* page) : page_(page) {}
    ~PageRef() {
        if (page_) mm::put_page(*page_);
    }
    PageRef(const PageRef&) = delete;
    void reset(mm::Page* page) { page_ = page; }
    explicit operator bool() const { return page_; }
    mm::Page* operator->() const { return page_; }
    mm::Page& operator*() const { return *page_; }
    std::byte* bytes() const { return mm::bytes_of(*page_); }

private:
    mm::Page* page_;
};

/// A piece of a file that lies within one page.
struct Piece {
    u64 index;    // of the page
    usize start;  // in the page
    usize bytes;

    Piece(u64 offset, u64 end, usize wanted)
        : index(offset >> kPageShift), start(offset & (kPageSize - 1)) {
        bytes = kPageSize - start;
        if (bytes > wanted) bytes = wanted;
        if (bytes > end - offset) bytes = end - offset;
    }
};

Result<usize> read_piece(Inode& inode, IovIter& to, const Piece& piece) {
    PageRef page(inode.mapping.find_page(piece.index));
    if (!page) {
        // A hole in a file that lives in memory: looking at it must not fill it.
        if (inode.mapping.is_hole(piece.index)) return to.clear(piece.bytes);
        page.reset(TRY(inode.mapping.read_page(piece.index)));
    }
    vm::mark_page_accessed(*page);
    return to.copy_to(page.bytes() + piece.start, piece.bytes);
}

/// The page of `piece`, added to the cache if need be.
Result<mm::Page*> page_for_write(Inode& inode, const Piece& piece) {
    if (mm::Page* page = inode.mapping.find_page(piece.index)) return page;
    TRY(inode.ops.write_begin(inode, piece.index));
    auto page = inode.mapping.prepare_write(piece.index, piece.start, piece.start + piece.bytes,
                                            inode.size.load());
    inode.ops.write_end(inode);
    return page;
}

Result<usize> write_piece(Inode& inode, IovIter& from, const Piece& piece) {
    PageRef page(TRY(page_for_write(inode, piece)));
    const usize moved = TRY(from.copy_from(page.bytes() + piece.start, piece.bytes));
    inode.mapping.set_page_dirty(*page);
    vm::mark_page_accessed(*page);
    const u64 end = (piece.index << kPageShift) + piece.start + moved;
    if (end > inode.size.load()) inode.size.store(end);
    return moved;
}

/// Where writing has to end: RLIMIT_FSIZE, or what an offset can say.
u64 write_limit() {
    constexpr u64 kMaxBytes = std::numeric_limits<i64>::max();
    const sched::SignalStruct* signal = sched::current().signal;
    const u64 limit = signal ? signal->rlimits[abi::RLIMIT_FSIZE].current : kMaxBytes;
    return limit < kMaxBytes ? limit : kMaxBytes;
}

Result<usize> count_or_error(usize done, const Result<usize>& moved) {
    if (done > 0) return done;
    return moved.error();
}

/// Pages that were added for a write which then failed lie behind the end of the file.
void drop_pages_behind_end(Inode& inode) {
    inode.mapping.truncate((inode.size.load() + kPageSize - 1) >> kPageShift);
    inode.ops.write_end(inode);
}

}  // namespace

Result<usize> generic_file_read(File& file, IovIter& to, u64& offset) {
    Inode& inode = *file.inode();
    usize done = 0;
    while (to.remaining() > 0) {
        const u64 size = inode.size.load();
        if (offset >= size) break;
        const Piece piece(offset, size, to.remaining());
        auto moved = read_piece(inode, to, piece);
        if (!moved.ok()) return count_or_error(done, moved);
        const usize bytes = moved.value();
        offset += bytes;
        done += bytes;
        if (bytes < piece.bytes) break;
    }
    if (!(file.flags.load(std::memory_order_relaxed) & abi::O_NOATIME)) touch_atime(file.path);
    return done;
}

Result<usize> generic_file_write(File& file, IovIter& from, u64& offset) {
    Inode& inode = *file.inode();
    if (from.remaining() == 0) return usize{0};
    sched::MutexGuard guard(inode.mutex);
    if (file.flags.load(std::memory_order_relaxed) & abi::O_APPEND) offset = inode.size.load();
    const u64 limit = write_limit();
    if (offset >= limit) return EFBIG;
    file_remove_privs(inode);
    inode.mtime = inode.ctime = current_time();

    usize done = 0;
    while (from.remaining() > 0 && offset < limit) {
        const Piece piece(offset, limit, from.remaining());
        auto moved = write_piece(inode, from, piece);
        if (!moved.ok()) {
            drop_pages_behind_end(inode);
            return count_or_error(done, moved);
        }
        offset += moved.value();
        done += moved.value();
        if (moved.value() < piece.bytes) break;
    }
    return done;
}

}  // namespace fs
