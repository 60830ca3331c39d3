/// /dev/kmsg: the kernel log, one record for each read, and a way for programs to write into it.
/// Linux: devkmsg_* in kernel/printk/printk.c; Documentation/ABI/testing/dev-kmsg.
///
/// A reader is a sequence number in File::private_data's KmsgReader; records that were overwritten
/// before they were read make the next read say EPIPE, once.
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "core/log/printk.h"
#include "core/time/clock.h"
#include "drivers/mem/mem.h"
#include "fs/char_dev.h"
#include "lib/format.h"
#include "lib/parse.h"
#include "mm/own.h"
#include "sched/log_wait.h"
#include "sched/mutex.h"

namespace mem {

using namespace abi;

static constexpr u32 kFacilityUser = 1;
static constexpr usize kLineBytes = 4 * sizeof(LogRecord::text) + 64;  // everything escaped

struct KmsgReader {
    sched::Mutex mutex{"kmsg"};
    u64 sequence = 0;  // of the next record
    LogRecord record;
    char line[kLineBytes];
};

/// The oldest record from `sequence` on. EPIPE: `sequence` itself was overwritten.
static Result<bool> next_record(KmsgReader& reader) {
    if (!log_read(reader.sequence, reader.record)) return false;
    if (reader.record.sequence != reader.sequence) {
        reader.sequence = reader.record.sequence;
        return EPIPE;
    }
    return true;
}

static Result<void> wait_for_record(fs::File& file, KmsgReader& reader) {
    while (!TRY(next_record(reader))) {
        if (file.is_nonblocking()) return EAGAIN;
        TRY(sched::wait_for_log(reader.sequence));
    }
    return {};
}

/// Appends `text` with what is not printable, and backslashes, as \xNN.
static usize escape(std::span<char> to, std::string_view text) {
    usize length = 0;
    for (char c : text) {
        const auto byte = static_cast<u8>(c);
        if (byte >= ' ' && byte < 0x7f && byte != '\\') {
            to[length++] = c;
        } else {
            length += format_to(to.subspan(length), "\\x%02x", unsigned{byte});
        }
    }
    return length;
}

/// "prio,seq,microseconds,-;text\n"
static usize format_record(KmsgReader& reader) {
    const LogRecord& record = reader.record;
    const std::span<char> line(reader.line);
    usize length = format_to(line, "%u,%llu,%llu,-;", static_cast<unsigned>(record.level),
                             record.sequence, record.time_ns / time::kNsPerUs);
    length += escape(line.subspan(length), {record.text, record.length});
    line[length++] = '\n';
    return length;
}

/// Takes "<N>" off the front: severity in the low three bits, facility above.
static u64 take_priority(std::string_view& text) {
    constexpr u64 kDefault = kFacilityUser << 3 | static_cast<u64>(Level::Warning);
    if (text.empty() || text[0] != '<') return kDefault;
    std::string_view rest = text.substr(1);
    Result<u64> number = take_unsigned(rest, 10);
    if (!number.ok() || rest.empty() || rest[0] != '>' || number.value() > 0x7ff) return kDefault;
    text = rest.substr(1);
    return number.value();
}

static KmsgReader& reader_of(fs::File& file) {
    return *static_cast<KmsgReader*>(file.private_data);
}

class KmsgOperations final : public fs::FileOperations {
    Result<void> open(fs::File& file) const override {
        auto reader = TRY(mm::make<KmsgReader>());
        if (log_read(0, reader->record)) reader->sequence = reader->record.sequence;
        file.private_data = reader.leak();
        return {};
    }
    void release(fs::File& file) const override { mm::destroy(&reader_of(file)); }

    Result<usize> read(fs::File& file, IovIter& to, u64&) const override {
        KmsgReader& reader = reader_of(file);
        sched::MutexGuard guard(reader.mutex);
        TRY(wait_for_record(file, reader));
        const usize length = format_record(reader);
        reader.sequence++;                           // also if it does not fit, as on Linux
        if (length > to.remaining()) return EINVAL;  // a record is never split
        const usize copied = TRY(to.copy_to(reader.line, length));
        if (copied < length) return EFAULT;
        return length;
    }

    Result<usize> write(fs::File&, IovIter& from, u64&) const override {
        char text[512];
        const usize all = from.remaining();
        const usize kept = TRY(from.copy_from(text, std::min(all, sizeof text)));
        if (kept < std::min(all, sizeof text)) return EFAULT;
        std::string_view rest(text, kept);
        const u64 priority = take_priority(rest);
        if (!rest.empty() && rest.back() == '\n') rest.remove_suffix(1);
        log_from_user(static_cast<Level>(priority & 7), rest);
        return all;
    }

    Result<u64> seek(fs::File& file, i64 offset, int whence) const override {
        constexpr int kSet = 0, kEnd = 2, kData = 3;
        if (offset != 0) return ESPIPE;
        KmsgReader& reader = reader_of(file);
        sched::MutexGuard guard(reader.mutex);
        switch (whence) {
        case kSet:
        case kData:  // after the last SYSLOG_ACTION_CLEAR, which is not kept here
            reader.sequence = log_read(0, reader.record) ? reader.record.sequence : 0;
            return u64{0};
        case kEnd: reader.sequence = log_next_sequence(); return u64{0};
        default: return EINVAL;
        }
    }

    u32 poll(fs::File& file, fs::PollTable* table) const override {
        KmsgReader& reader = reader_of(file);
        if (table) {
            table->wait_on(sched::log_waiters());
            sched::arm_log_wait();
        }
        sched::MutexGuard guard(reader.mutex);
        u32 events = POLLOUT | POLLWRNORM;
        if (log_read(reader.sequence, reader.record)) {
            events |= POLLIN | POLLRDNORM;
            if (reader.record.sequence != reader.sequence) events |= POLLERR | POLLPRI;
        }
        return events;
    }
};

static constexpr KmsgOperations kKmsg;
static constinit fs::CharDevice device = {
    .name = "kmsg", .major = kMajor, .first_minor = 11, .count = 1, .mode = 0644, .ops = kKmsg};

Result<void> register_kmsg() { return fs::register_char_device(device); }

}  // namespace mem
