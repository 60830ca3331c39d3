// What is in a pipe on its way to or from a file, or into another pipe. Linux: fs/splice.c.
#include "ipc/pipe.h"
#include "mm/own.h"

namespace ipc {

namespace {

/// A part of a page.
std::span<std::byte> room_in(mm::Page& page, usize offset, usize bytes) {
    return {mm::bytes_of<std::byte>(page) + offset, bytes};
}

}  // namespace

// --- to a file
// ------------------------------------------------------------------------------------

Result<usize> Pipe::drain_some(const State& now, usize count, Sink sink, void* context) {
    usize done = 0;
    for (u32 at = now.tail; at != now.head && done < count; at++) {
        PipeBuffer& buffer = buffer_at(at);
        const usize piece = std::min<usize>(buffer.length, count - done);
        auto taken = sink(context, room_in(*buffer.page, buffer.offset, piece));
        if (!taken.ok() && done == 0) return taken.error();
        if (!taken.ok() || taken.value() == 0) break;
        done += taken.value();
        take_away(buffer, taken.value());
        if (taken.value() < piece) break;
    }
    if (done > 0) writers_told_.notify(fs::Ready::Out);
    return done;
}

Result<usize> Pipe::drain(usize count, bool nonblocking, Sink sink, void* context) {
    while (true) {
        if (!TRY(wait_for_buffers(nonblocking))) return usize{0};
        sched::MutexGuard moving(mutex_);
        const State now = state();
        if (!now.is_empty()) return drain_some(now, count, sink, context);
    }
}

// --- from a file
// ----------------------------------------------------------------------------------

Result<usize> Pipe::fill_some(const State& now, usize count, Source source, void* context) {
    usize done = 0;
    for (u32 free = free_slots(now); free > 0 && done < count; free--) {
        const usize piece = std::min(kPageSize, count - done);
        auto page = new_page();
        auto got = page.ok() ? source(context, room_in(*page.value(), 0, piece)) : ENOMEM;
        if (!got.ok() || got.value() == 0) {
            if (page.ok()) put_page(*page.value());
            if (!got.ok() && done == 0) return got.error();
            break;
        }
        append({page.value(), 0, static_cast<u32>(got.value()), false, false});
        done += got.value();
        if (got.value() < piece) break;
    }
    if (done > 0) readers_told_.notify(fs::Ready::In);
    return done;
}

Result<usize> Pipe::fill(usize count, bool nonblocking, Source source, void* context) {
    while (true) {
        TRY(wait_for_slot(nonblocking));
        sched::MutexGuard moving(mutex_);
        const State now = state();
        if (now.readers == 0) return EPIPE;
        if (free_slots(now) > 0) return fill_some(now, count, source, context);
    }
}

// --- from pipe to pipe
// ----------------------------------------------------------------------------

/// Both mutexes are held. 0: one of the two was faster, and there is nothing, or no room.
usize Pipe::pass_some(Pipe& to, usize count, Keep keep) {
    const State now = state();
    u32 free = to.free_slots(to.state());
    usize done = 0;
    for (u32 at = now.tail; at != now.head && free > 0 && done < count; at++, free--) {
        PipeBuffer& buffer = buffer_at(at);
        const u32 piece = static_cast<u32>(std::min<usize>(buffer.length, count - done));
        done += piece;
        PipeBuffer other = buffer;
        other.length = piece;
        if (keep == Keep::Yes || piece < buffer.length) {
            mm::get_page(*buffer.page);
            other.may_grow = false;  // behind it lie bytes of ours, or free room that is ours
        }
        to.append(other);
        if (keep == Keep::Yes) continue;
        if (piece < buffer.length) {
            buffer.offset += piece;
            buffer.length -= piece;
            break;
        }
        drop_first();
    }
    if (done > 0 && keep == Keep::No) writers_told_.notify(fs::Ready::Out);
    if (done > 0) to.readers_told_.notify(fs::Ready::In);
    return done;
}

Result<usize> Pipe::pass_on(Pipe& from, Pipe& to, usize count, bool nonblocking, Keep keep) {
    Pipe& first = &from < &to ? from : to;
    Pipe& second = &from < &to ? to : from;
    while (true) {
        if (!TRY(from.wait_for_buffers(nonblocking))) return usize{0};
        TRY(to.wait_for_slot(nonblocking));
        sched::MutexGuard one(first.mutex_);
        sched::MutexGuard other(second.mutex_, 1);
        if (to.state().readers == 0) return EPIPE;
        const usize done = from.pass_some(to, count, keep);
        if (done > 0) return done;
    }
}

}  // namespace ipc
