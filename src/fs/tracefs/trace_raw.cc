// per_cpu/cpuN/trace_pipe_raw: the records of one processor as they are: RecordHeader, then
// header.size bytes, over and over. `make trace` turns that into CTF. Only whole records are handed
// out, so every read(2) begins with a header. It waits for more, unless tracing is off.
#include "core/trace/trace.h"
#include "fs/tracefs/tracefs.h"
#include "lib/string.h"

namespace tracefs {
namespace {

constexpr usize kLargest = sizeof(trace::RecordHeader) + trace::kMaxRecord;

unsigned cpu_of(const fs::File& file) {
    return static_cast<unsigned>(reinterpret_cast<u64>(libfs::node_of(*file.inode())->data));
}

class RawOperations final : public fs::FileOperations {
public:
    Result<usize> read(fs::File& file, IovIter& to, u64&) const override {
        if (to.remaining() < kLargest) return EINVAL;
        while (true) {
            const usize done = TRY(read_records(cpu_of(file), to));
            if (done > 0 || is_over()) return done;
            if (file.is_nonblocking()) return EAGAIN;
            TRY(pause_for_records());
        }
    }
    Result<u64> seek(fs::File&, i64, int) const override { return ESPIPE; }
    bool is_stream() const override { return true; }

private:
    /// As many whole records as fit. A fault loses the record that was being copied.
    static Result<usize> read_records(unsigned cpu, IovIter& to) {
        std::byte piece[kLargest];
        usize done = 0;
        trace::RecordHeader header;
        const auto room = std::span(piece).subspan<sizeof header, trace::kMaxRecord>();
        while (to.remaining() >= kLargest && trace::read_record(cpu, header, room)) {
            memcpy(piece, &header, sizeof header);
            const usize size = sizeof header + header.size;
            auto moved = to.copy_to(piece, size);
            if (moved.ok() && moved.value() == size) {
                done += size;
            } else {
                return done > 0 ? Result<usize>(done) : EFAULT;
            }
        }
        return done;
    }
};
constexpr RawOperations kRawOps;

}  // namespace

const fs::FileOperations& trace_pipe_raw_ops() { return kRawOps; }

}  // namespace tracefs
