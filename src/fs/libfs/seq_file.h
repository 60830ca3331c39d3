/// SeqFile: text that is written as a whole when somebody begins to read it, and then handed out
/// piece by piece: what most files of procfs, tracefs and sysfs are made of.
///
/// The buffer grows as the text does. Reading from offset 0 writes the text anew, so a program
/// that keeps a file open and rewinds sees news (top does); reading on from elsewhere continues
/// with the same text, so nobody sees half of an old and half of a new one.
///
/// Linux: fs/seq_file.c (single_open).
#pragma once

#include <span>
#include <string_view>

#include "fs/file.h"
#include "lib/format.h"

namespace libfs {

class SeqFile {
public:
    SeqFile() = default;
    SeqFile(const SeqFile&) = delete;
    ~SeqFile();

    /// Appends text in printf notation. Failures are remembered: see error().
    template <class... Args>
    void print(const char* format, const Args&... args) {
        const FormatArg list[sizeof...(Args) + 1] = {FormatArg(args)..., FormatArg()};
        vprint(format, std::span(list, sizeof...(Args)));
    }
    void vprint(const char* format, std::span<const FormatArg> args);
    void write(std::string_view text);

    /// Appends text in which blanks, newlines and backslashes appear as \040 and the like, as
    /// /proc/mounts and maps want it. `escaped`: which characters.
    void write_escaped(std::string_view text, std::string_view escaped);

    /// Appends the numbers of the bits that are set, as ranges: "0-3,8", or nothing.
    /// Linux: the format %pbl of lib/vsprintf.c.
    void write_ranges(u64 bits);

    std::string_view text() const { return {buffer_, used_}; }
    void clear() { used_ = 0; }
    /// Forgets what lies behind the first `length` bytes.
    void shorten_to(usize length) { used_ = std::min(used_, length); }
    /// ENOMEM if some text is missing.
    Result<void> error() const;

private:
    static constexpr usize kMostBytes = 4 << 20;
    bool reserve(usize more);

    char* buffer_ = nullptr;
    usize capacity_ = 0;
    usize used_ = 0;
    bool incomplete_ = false;
};

/// The operations of an open file whose text show() writes. Derive, and define what is needed.
class TextOperations : public fs::FileOperations {
public:
    /// Writes the whole text.
    virtual Result<void> show(fs::File& file, SeqFile& out) const = 0;
    /// Takes what one write(2) brought; a trailing newline is still there. EINVAL by default.
    virtual Result<void> store(fs::File& file, std::string_view text) const;

    Result<void> open(fs::File& file) const override;
    void release(fs::File& file) const override;
    Result<usize> read(fs::File& file, IovIter& to, u64& offset) const override;
    Result<usize> write(fs::File& file, IovIter& from, u64& offset) const override;
    Result<u64> seek(fs::File& file, i64 offset, int whence) const override;

protected:
    ~TextOperations() = default;
};

/// Seeking for files that have no size: from the start or the current place. EINVAL.
Result<u64> seek_without_size(fs::File& file, i64 offset, int whence);

/// `text` without the white space around it.
std::string_view trim(std::string_view text);

}  // namespace libfs
