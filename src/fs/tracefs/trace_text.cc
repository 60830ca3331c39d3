// trace and trace_pipe: records as lines of text, those of several processors merged by time.
//
// `trace` shows what is in the rings when it is opened, and takes nothing out. `trace_pipe` takes
// what it shows and waits for more, until tracing is off and nothing is left.
#include "core/percpu/percpu.h"
#include "core/time/clock.h"
#include "core/trace/trace.h"
#include "fs/tracefs/tracefs.h"
#include "mm/own.h"
#include "sched/wait_queue.h"

namespace tracefs {
namespace {

constexpr std::string_view kHeader =
    "# tracer: nop\n#\n"
    "#           TASK-PID     CPU#     TIMESTAMP  FUNCTION\n"
    "#              | |         |         |         |\n";

/// A record taken out of a ring, waiting for its turn.
struct Held {
    trace::RecordHeader header;
    std::byte bytes[trace::kMaxRecord];
    bool is_full = false;
};

/// One open file: at most one record of each processor, and the line that is being handed out.
struct Reader {
    sched::Mutex mutex{"trace_pipe"};
    Held held[kMaxCpus];
    u64 cursors[kMaxCpus] = {};  // of `trace`: how far each ring has been shown
    u64 ends[kMaxCpus] = {};     // and how far it will be: reading it must not make it longer
    bool takes = false;          // trace_pipe
    char line[512];
    usize length = 0, used = 0;
    bool is_started = false;
};

Reader& reader_of(fs::File& file) { return *static_cast<Reader*>(file.private_data); }

void set_line(Reader& reader, usize length) {
    reader.length = std::min(length, sizeof reader.line - 1);
    reader.used = 0;
}

bool get_record(Reader& reader, unsigned cpu) {
    Held& held = reader.held[cpu];
    if (reader.takes) return trace::read_record(cpu, held.header, held.bytes);
    u64& cursor = reader.cursors[cpu];
    if (cursor >= reader.ends[cpu]) return false;
    return trace::next_record(cpu, cursor, held.header, held.bytes) && cursor <= reader.ends[cpu];
}

/// Makes the oldest record of all processors the next line. False: there is none.
bool next_line(Reader& reader) {
    unsigned oldest = kMaxCpus;
    for_each_cpu(possible_cpus, [&](unsigned cpu) {
        Held& held = reader.held[cpu];
        if (!held.is_full) held.is_full = get_record(reader, cpu);
        if (!held.is_full) return;
        if (oldest == kMaxCpus || held.header.time_ns < reader.held[oldest].header.time_ns) {
            oldest = cpu;
        }
    });
    if (oldest == kMaxCpus) return false;
    Held& held = reader.held[oldest];
    usize length = trace::format_record(oldest, held.header, held.bytes, reader.line);
    length = std::min(length, sizeof reader.line - 2);
    if (length == 0 || reader.line[length - 1] != '\n') reader.line[length++] = '\n';
    set_line(reader, length);
    held.is_full = false;
    return true;
}

enum class AtEnd : u8 { Stop, Wait };

/// Fills `to` with whole or part lines, as far as there are any.
Result<usize> read_lines(Reader& reader, IovIter& to) {
    usize done = 0;
    while (to.remaining() > 0) {
        if (reader.used == reader.length && !next_line(reader)) break;
        auto moved = to.copy_to(reader.line + reader.used, reader.length - reader.used);
        if (!moved.ok()) return done > 0 ? Result<usize>(done) : moved.error();
        reader.used += moved.value();
        done += moved.value();
    }
    return done;
}

class TraceOperations final : public fs::FileOperations {
public:
    explicit constexpr TraceOperations(AtEnd at_end) : at_end_(at_end) {}

    Result<void> open(fs::File& file) const override {
        Reader* const reader = TRY(mm::make<Reader>()).leak();
        reader->takes = at_end_ == AtEnd::Wait;
        for_each_cpu(possible_cpus,
                     [&](unsigned cpu) { reader->ends[cpu] = trace::written_records(cpu); });
        file.private_data = reader;
        return {};
    }
    void release(fs::File& file) const override { mm::destroy(&reader_of(file)); }

    Result<usize> read(fs::File& file, IovIter& to, u64&) const override {
        Reader& reader = reader_of(file);
        sched::MutexGuard guard(reader.mutex);
        if (at_end_ == AtEnd::Stop && !std::exchange(reader.is_started, true)) {
            kHeader.copy(reader.line, kHeader.size());
            set_line(reader, kHeader.size());
        }
        while (to.remaining() > 0) {
            const usize done = TRY(read_lines(reader, to));
            if (done > 0 || at_end_ == AtEnd::Stop || is_over()) return done;
            if (file.is_nonblocking()) return EAGAIN;
            TRY(pause_for_records());
        }
        return usize{0};
    }

    /// Anything written to `trace` (Linux: opening it with O_TRUNC) empties the rings.
    Result<usize> write(fs::File&, IovIter& from, u64&) const override {
        if (at_end_ == AtEnd::Wait) return EINVAL;
        trace::clear();
        const usize count = from.remaining();
        from.advance(count);
        return count;
    }
    Result<u64> seek(fs::File&, i64, int) const override { return ESPIPE; }
    bool is_stream() const override { return true; }

private:
    const AtEnd at_end_;
};
constexpr TraceOperations kTraceOps(AtEnd::Stop), kTracePipeOps(AtEnd::Wait);

}  // namespace

const fs::FileOperations& trace_ops() { return kTraceOps; }
const fs::FileOperations& trace_pipe_ops() { return kTracePipeOps; }

bool is_over() { return !trace::tracing_on.load(std::memory_order_relaxed); }

Result<void> pause_for_records() {
    // A record wakes nobody: trace points must be safe where a wake-up is not. So look again.
    return sched::sleep_until(time::now_ns() + 20 * time::kNsPerMs);
}

}  // namespace tracefs
