// #! lines: "#!interpreter argument". All that follows the interpreter is one argument. The new
// program's arguments are then: interpreter, argument, name of the script, the caller's from 1 on.

#include "abi/fcntl.h"
#include "lib/string.h"
#include "mm/own.h"
#include "process/exec/exec.h"

namespace process {

namespace {

constexpr usize kLineSize = 256;  // BINPRM_BUF_SIZE
constexpr unsigned kMaxDepth = 5;

struct ScriptLine {
    char text[kLineSize];
    std::string_view interpreter, argument;
};

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

/// Splits the first line. ENOEXEC if it names no interpreter, or the name is cut off.
Result<void> parse_line(ScriptLine& line, usize size) {
    std::string_view text(line.text + 2, size - 2);
    const usize end = text.find_first_of(std::string_view("\n\0", 2));
    const bool complete = end != text.npos;
    text = trim(text.substr(0, end));
    usize length = 0;
    while (length < text.size() && !is_blank(text[length])) length++;
    if (length == 0) return ENOEXEC;
    if (!complete && size == kLineSize && length == text.size()) return ENOEXEC;
    line.interpreter = text.substr(0, length);
    line.argument = trim(text.substr(length));
    return {};
}

/// False if the file is no script.
Result<bool> read_script_line(fs::File& file, ScriptLine& line) {
    const usize size = TRY(fs::kernel_read(file, std::as_writable_bytes(std::span(line.text)), 0));
    if (size < 3 || line.text[0] != '#' || line.text[1] != '!') return false;
    TRY(parse_line(line, size));
    return true;
}

/// What is put before the arguments so far: the innermost script's line goes first.
struct Prefix {
    struct Item {
        ScriptLine line;
        mm::Own<Item> outer;
    };
    mm::Own<Item> innermost;
    unsigned depth = 0;
};

}  // namespace

Result<u32> load_script(BinPrm& bprm, std::string_view name) {
    Prefix prefix;
    for (;;) {
        mm::Own<Prefix::Item> item = TRY(mm::make<Prefix::Item>());
        if (!TRY(read_script_line(*bprm.file, item->line))) break;
        if (bprm.name_goes) return ENOENT;
        if (++prefix.depth > kMaxDepth) return ELOOP;
        bprm.file = TRY(open_exec(abi::AT_FDCWD, item->line.interpreter, 0));
        item->outer = std::move(prefix.innermost);
        prefix.innermost = std::move(item);
    }
    if (prefix.depth == 0) return 0u;
    for (const Prefix::Item* item = prefix.innermost.get(); item; item = item->outer.get()) {
        TRY(bprm.arguments.add(item->line.interpreter));
        bprm.arguments.argc++;
        if (!item->line.argument.empty()) {
            TRY(bprm.arguments.add(item->line.argument));
            bprm.arguments.argc++;
        }
    }
    TRY(bprm.arguments.add(name));
    bprm.arguments.argc++;
    return 1u;
}

}  // namespace process
