// /proc/kmsg: the kernel log as syslogd reads it, "<6>[    0.123456] text", one record after the
// other. A reader that has seen all waits for more. Programs of today use /dev/kmsg (drivers/).
#include "core/log/printk.h"
#include "core/time/clock.h"
#include "fs/procfs/system.h"
#include "lib/string.h"
#include "mm/own.h"
#include "sched/log_wait.h"

namespace procfs {
namespace {

/// Where an open file is in the log.
struct KmsgReader {
    sched::Mutex mutex{"kmsg"};
    u64 sequence = 0;
    LogRecord record;  // the one being handed out
    char line[1100];   // as text
    usize length = 0, used = 0;
};

KmsgReader& reader_of(fs::File& file) { return *static_cast<KmsgReader*>(file.private_data); }

/// Gets the next record, waiting for it.
Result<void> next_line(KmsgReader& reader, bool nonblocking) {
    while (!log_read(reader.sequence, reader.record)) {
        if (nonblocking) return EAGAIN;
        TRY(sched::wait_for_log(reader.sequence));
    }
    const LogRecord& record = reader.record;
    reader.sequence = record.sequence + 1;
    const u64 us = record.time_ns / time::kNsPerUs;
    const usize length =
        format_to(reader.line, "<%u>[%5lu.%06lu] %s\n", record.level, us / 1'000'000,
                  us % 1'000'000, std::string_view(record.text, record.length));
    reader.length = std::min(length, sizeof reader.line - 1);
    reader.used = 0;
    return {};
}

class KmsgOperations final : public fs::FileOperations {
public:
    Result<void> open(fs::File& file) const override {
        file.private_data = TRY(mm::make<KmsgReader>()).leak();
        return {};
    }
    void release(fs::File& file) const override { mm::destroy(&reader_of(file)); }
    Result<usize> read(fs::File& file, IovIter& to, u64&) const override {
        KmsgReader& reader = reader_of(file);
        sched::MutexGuard guard(reader.mutex);
        if (reader.used == reader.length) TRY(next_line(reader, file.is_nonblocking()));
        const usize moved = TRY(to.copy_to(reader.line + reader.used, reader.length - reader.used));
        reader.used += moved;
        return moved;
    }
    Result<u64> seek(fs::File&, i64, int) const override { return ESPIPE; }
    bool is_stream() const override { return true; }
};
constexpr KmsgOperations kKmsgOps;

}  // namespace

const fs::FileOperations& kmsg_ops() { return kKmsgOps; }

}  // namespace procfs
