// Text files made on demand. See fs/libfs/seq_file.h.
#include "fs/libfs/seq_file.h"

#include "abi/fcntl.h"
#include "lib/string.h"
#include "mm/own.h"

namespace libfs {

SeqFile::~SeqFile() { mm::kfree(buffer_); }

/// Makes room for `more` bytes and a NUL.
bool SeqFile::reserve(usize more) {
    if (used_ + more + 1 <= capacity_) return true;
    usize wanted = capacity_ ? capacity_ : 1024;
    while (wanted < used_ + more + 1) wanted *= 2;
    auto grown = wanted <= kMostBytes ? mm::kmalloc(wanted, mm::Gfp::Kernel) : ENOMEM;
    if (!grown.ok()) {
        incomplete_ = true;
        return false;
    }
    memcpy(grown.value(), buffer_, used_);
    mm::kfree(std::exchange(buffer_, static_cast<char*>(grown.value())));
    capacity_ = wanted;
    return true;
}

void SeqFile::vprint(const char* format, std::span<const FormatArg> args) {
    const usize length = vformat(std::span(buffer_ + used_, capacity_ - used_), format, args);
    if (length >= capacity_ - used_) {
        if (!reserve(length)) return;
        vformat(std::span(buffer_ + used_, capacity_ - used_), format, args);
    }
    used_ += length;
}

void SeqFile::write(std::string_view text) {
    if (!reserve(text.size())) return;
    memcpy(buffer_ + used_, text.data(), text.size());
    used_ += text.size();
}

void SeqFile::write_escaped(std::string_view text, std::string_view escaped) {
    for (const char c : text) {
        if (escaped.find(c) == std::string_view::npos) {
            write({&c, 1});
        } else {
            print("\\%03o", static_cast<u8>(c));
        }
    }
}

void SeqFile::write_ranges(u64 bits) {
    for (const char* separator = ""; bits != 0; separator = ",") {
        const int first = __builtin_ctzll(bits);
        bits |= bits - 1;  // those below it, too: the lowest zero is now behind the range
        const int last = bits == ~u64{0} ? 63 : __builtin_ctzll(~bits) - 1;
        print("%s%d", separator, first);
        if (last > first) print("-%d", last);
        bits &= bits + 1;
    }
}

Result<void> SeqFile::error() const { return incomplete_ ? ENOMEM : Result<void>(); }

// --- the open file
// --------------------------------------------------------------------------------

namespace {

struct OpenText {
    sched::Mutex mutex{"seq_file"};
    SeqFile text;
    bool is_written = false;
};

constexpr usize kMaxWrite = 64 * 1024;

OpenText& text_of(fs::File& file) { return *static_cast<OpenText*>(file.private_data); }

}  // namespace

Result<void> TextOperations::open(fs::File& file) const {
    file.private_data = TRY(mm::make<OpenText>()).leak();
    return {};
}

void TextOperations::release(fs::File& file) const { mm::destroy(&text_of(file)); }

Result<usize> TextOperations::read(fs::File& file, IovIter& to, u64& offset) const {
    OpenText& open = text_of(file);
    sched::MutexGuard guard(open.mutex);
    if (offset == 0 || !open.is_written) {
        open.text.clear();
        TRY(show(file, open.text));
        TRY(open.text.error());
        open.is_written = true;
    }
    const std::string_view text = open.text.text();
    if (offset >= text.size()) return usize{0};
    const usize moved =
        TRY(to.copy_to(text.data() + offset, std::min(to.remaining(), text.size() - offset)));
    offset += moved;
    return moved;
}

Result<usize> TextOperations::write(fs::File& file, IovIter& from, u64& offset) const {
    const usize count = std::min(from.remaining(), kMaxWrite);
    auto* bytes = static_cast<char*>(TRY(mm::kmalloc(count + 1, mm::Gfp::Kernel)));
    auto copied = from.copy_from(bytes, count);
    Result<void> stored;
    if (copied.ok()) {
        auto outcome = store(file, {bytes, copied.value()});
        mm::kfree(bytes);
        TRY(std::move(outcome));
        offset += copied.value();
        return copied.value();
    }
    mm::kfree(bytes);
    return copied.error();
}

Result<void> TextOperations::store(fs::File&, std::string_view) const { return EINVAL; }

Result<u64> TextOperations::seek(fs::File& file, i64 offset, int whence) const {
    return seek_without_size(file, offset, whence);
}

Result<u64> seek_without_size(fs::File& file, i64 offset, int whence) {
    if (whence != abi::SEEK_SET && whence != abi::SEEK_CUR) return EINVAL;
    sched::MutexGuard guard(file.position_mutex);
    i64 place = offset;
    if (whence == abi::SEEK_CUR && __builtin_add_overflow(offset, i64(file.position), &place)) {
        return EOVERFLOW;
    }
    if (place < 0) return EINVAL;
    file.position = static_cast<u64>(place);
    return file.position;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlank = " \t\n\r";
    while (!text.empty() && kBlank.find(text.front()) != std::string_view::npos) {
        text.remove_prefix(1);
    }
    while (!text.empty() && kBlank.find(text.back()) != std::string_view::npos) {
        text.remove_suffix(1);
    }
    return text;
}

}  // namespace libfs
