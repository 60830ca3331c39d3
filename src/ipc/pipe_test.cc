// The ring of a pipe, without waiting: every call that would wait says EAGAIN here.
#include "ipc/pipe.h"

#include "abi/poll.h"
#include "lib/string.h"
#include "lib/test.h"

namespace ipc {
namespace {

/// A pipe with one end of each kind, until the end of the scope.
struct OpenPipe {
    OpenPipe() : pipe(Pipe::create().take()) { pipe->add_end(3); }
    ~OpenPipe() { Pipe::release(pipe); }
    Pipe* pipe;
};

constexpr usize kChunk = 5000;
std::byte source[kChunk], sink[kChunk];

Result<usize> put(Pipe& pipe, usize bytes) {
    IovIter from = IovIter::kernel(std::span<const std::byte>(source, bytes));
    return pipe.write(from, true, Pipe::As::Bytes);
}
Result<usize> take(Pipe& pipe, usize bytes) {
    IovIter to = IovIter::kernel(std::span(sink, bytes));
    return pipe.read(to, true);
}

}  // namespace

TEST(pipe_order, "ipc.pipe.order") {
    OpenPipe open;
    TestRandom random(test.seed);
    u8 next_in = 0, next_out = 0;
    u64 inside = 0;
    for (int round = 0; round < 2000; round++) {
        const usize bytes = 1 + random.below(kChunk);
        if (random.one_in(2)) {
            for (usize i = 0; i < bytes; i++) source[i] = std::byte(u8(next_in + i));
            auto done = put(*open.pipe, bytes);
            if (!done.ok()) continue;
            next_in = u8(next_in + done.value());
            inside += done.value();
        } else {
            auto done = take(*open.pipe, bytes);
            if (!done.ok()) continue;
            for (usize i = 0; i < done.value(); i++) {
                REQUIRE(sink[i] == std::byte(next_out));
                next_out++;
            }
            inside -= done.value();
        }
        REQUIRE(open.pipe->bytes() == inside);
    }
}

TEST(pipe_holds_64k, "ipc.pipe.capacity") {
    OpenPipe open;
    usize total = 0;
    while (true) {
        auto done = put(*open.pipe, 1000);
        if (!done.ok()) {
            EXPECT(done.error() == EAGAIN);
            break;
        }
        EXPECT_EQ(done.value(), 1000u);  // up to PIPE_BUF: all or nothing
        total += done.value();
    }
    EXPECT_EQ(total, 64000u);  // four in each page
    EXPECT(!(open.pipe->poll(false, true, nullptr) & abi::POLLOUT));
    EXPECT_EQ(put(*open.pipe, 96).take(), 96u);  // what is left of the last one
    EXPECT_EQ(open.pipe->bytes(), 64096u);
    EXPECT(put(*open.pipe, 1).error() == EAGAIN);
    EXPECT_EQ(take(*open.pipe, 3999).take(), 3999u);
    EXPECT(put(*open.pipe, 1).error() == EAGAIN);
    EXPECT_EQ(take(*open.pipe, 1).take(), 1u);  // the first page is free again
    EXPECT_EQ(put(*open.pipe, 4096).take(), 4096u);
}

TEST(pipe_large_write_is_partial, "ipc.pipe.partial") {
    OpenPipe open;
    for (int i = 0; i < 15; i++) EXPECT_EQ(put(*open.pipe, 4096).take(), 4096u);
    EXPECT_EQ(put(*open.pipe, 5000).take(), 4096u);  // larger than PIPE_BUF: as much as fits
}

TEST(pipe_ends, "ipc.pipe.ends") {
    OpenPipe open;
    EXPECT(take(*open.pipe, 1).error() == EAGAIN);
    EXPECT_EQ(put(*open.pipe, 3).take(), 3u);
    open.pipe->remove_end(2);
    EXPECT_EQ(open.pipe->poll(true, false, nullptr), abi::POLLIN | abi::POLLRDNORM | abi::POLLHUP);
    EXPECT_EQ(take(*open.pipe, 10).take(), 3u);  // what was written is still there
    EXPECT_EQ(take(*open.pipe, 10).take(), 0u);  // then: end of file
    open.pipe->remove_end(1);
    EXPECT(put(*open.pipe, 1).error() == EPIPE);
    EXPECT(open.pipe->poll(false, true, nullptr) & abi::POLLERR);
}

TEST(pipe_resize_keeps_bytes, "ipc.pipe.resize") {
    OpenPipe open;
    for (usize i = 0; i < kChunk; i++) source[i] = std::byte(u8(i * 7));
    EXPECT_EQ(put(*open.pipe, 4000).take(), 4000u);
    EXPECT_EQ(take(*open.pipe, 3000).take(), 3000u);
    EXPECT_EQ(put(*open.pipe, 4000).take(), 4000u);
    EXPECT(open.pipe->set_capacity(4096).error() == EBUSY);
    EXPECT(open.pipe->set_capacity((1u << 31) + 1).error() == EINVAL);
    EXPECT_EQ(open.pipe->set_capacity(5000).take(), 8192u);
    EXPECT_EQ(open.pipe->capacity(), 8192u);
    EXPECT_EQ(take(*open.pipe, 1000).take(), 1000u);
    EXPECT(memcmp(sink, source + 3000, 1000) == 0);
    EXPECT_EQ(take(*open.pipe, 5000).take(), 4000u);
    EXPECT(memcmp(sink, source, 4000) == 0);
}

// The writer opens, writes and goes before the reader, who had joined first, looks for it: the
// reader must not wait. (With a sleeping wait this test would hang.)
TEST(pipe_brief_partner, "ipc.pipe.brief_partner") {
    Pipe* pipe = Pipe::create().take();
    const Pipe::Partner reader = pipe->add_end(1);
    EXPECT(!reader.present);
    const Pipe::Partner writer = pipe->add_end(2);
    EXPECT(writer.present);
    EXPECT_EQ(put(*pipe, 5).take(), 5u);
    pipe->remove_end(2);
    EXPECT(pipe->wait_for_partner(1, reader).ok());
    EXPECT_EQ(take(*pipe, 10).take(), 5u);
    Pipe::release(pipe);
}

}  // namespace ipc
