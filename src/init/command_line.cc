#include "init/command_line.h"

#include "lib/parse.h"
#include "lib/string.h"

namespace init {

constinit CommandLine command_line{};

namespace {

/// The value if `word` begins with `name` and an equals sign, else null.
const char* value_of(const char* word, std::string_view name) {
    if (strncmp(word, name.data(), name.size()) != 0 || word[name.size()] != '=') return nullptr;
    return word + name.size() + 1;
}

bool is(const char* word, const char* name) { return strcmp(word, name) == 0; }

void add_word(const char* (&list)[CommandLine::kMaxInitWords], usize& count, const char* word,
              CommandLine& out) {
    if (count == CommandLine::kMaxInitWords) {
        out.dropped++;
    } else {
        list[count++] = word;
    }
}

/// Words that loaders and Linux users write and that mean nothing here.
bool is_known_and_ignored(const char* word) {
    for (std::string_view name :
         {"BOOT_IMAGE", "earlyprintk", "loglevel", "rootfstype", "rootflags"}) {
        if (value_of(word, name) != nullptr) return true;
    }
    return is(word, "rw") || is(word, "nokaslr") || is(word, "rootwait") || is(word, "debug");
}

/// Options that are text: a pointer into the line.
bool take_text(const char* word, CommandLine& out) {
    const struct {
        std::string_view name;
        const char*& value;
    } options[] = {{"init", out.init},
                   {"rdinit", out.rdinit},
                   {"root", out.root},
                   {"console", out.console},
                   {"trace", out.trace},
                   {"ktest", out.ktest},
                   {"clocksource", out.clocksource},
                   {"hpet", out.hpet},
                   {"tsc", out.tsc},
                   {"vdso", out.vdso},
                   {"highres", out.highres},
                   {"nohz", out.nohz},
                   {"slab_debug", out.slab_debug},
                   {"slub_debug", out.slab_debug},
                   {"skew_tick", out.skew_tick}};
    for (const auto& option : options) {
        if (const char* value = value_of(word, option.name)) {
            option.value = value;
            return true;
        }
    }
    return false;
}

bool take_number(const char* word, CommandLine& out) {
    if (const char* value = value_of(word, "mem")) {
        if (Result<u64> bytes = parse_size({value, strlen(value)}); bytes.ok()) {
            out.memory_limit = bytes.value();
        }
        return true;
    }
    if (const char* value = value_of(word, "trace_buf_size")) {
        if (Result<u64> bytes = parse_size({value, strlen(value)}); bytes.ok()) {
            out.trace_bytes = bytes.value();
        }
        return true;
    }
    const struct {
        std::string_view name;
        u64& value;
    } plain[] = {{"brd.rd_nr", out.ram_disks}, {"ramdisk_size", out.ram_disk_kib}};
    for (const auto& option : plain) {
        const char* value = value_of(word, option.name);
        if (value == nullptr) continue;
        if (Result<u64> count = parse_unsigned({value, strlen(value)}); count.ok()) {
            option.value = count.value();
        }
        return true;
    }
    if (const char* value = value_of(word, "maxcpus")) {
        if (Result<u64> count = parse_unsigned({value, strlen(value)}); count.ok()) {
            out.max_cpus = unsigned(count.value());
        }
        return true;
    }
    return false;
}

void take_word(const char* word, CommandLine& out) {
    if (is(word, "quiet")) {
        out.quiet = true;
    } else if (is(word, "notsc")) {
        out.no_tsc = true;
    } else if (is(word, "slab_debug") || is(word, "slub_debug")) {
        out.slab_debug = "";
    } else if (is(word, "slab_nomerge")) {
        out.slab_nomerge = true;
    } else if (is(word, "ro")) {
        out.read_only = true;
    } else if (is(word, "oops=panic")) {
        out.oops_panics = true;
    } else if (take_text(word, out) || take_number(word, out) || is_known_and_ignored(word)) {
        return;
    } else if (strchr(word, '=') != nullptr) {
        add_word(out.init_envp, out.init_envc, word, out);
    } else {
        add_word(out.init_argv, out.init_argc, word, out);
    }
}

/// Cuts the next word off at `at`: spaces end it, unless they stand between quotes, which are
/// dropped. Returns null at the end.
char* next_word(char*& at) {
    while (*at == ' ' || *at == '\t' || *at == '\n') at++;
    if (*at == '\0') return nullptr;
    char* const word = at;
    char* to = at;
    bool quoted = false;
    while (*at != '\0' && (quoted || (*at != ' ' && *at != '\t' && *at != '\n'))) {
        if (*at == '"') {
            quoted = !quoted;
        } else {
            *to++ = *at;
        }
        at++;
    }
    if (*at != '\0') at++;
    *to = '\0';
    return word;
}

}  // namespace

void parse_command_line(std::string_view line, CommandLine& out) {
    copy_string(out.text, line);
    out.console = "";
    out.max_cpus = ~0u;
    out.ram_disks = 16;
    out.ram_disk_kib = 16384;
    char* at = out.text;
    bool all_for_init = false;
    while (char* word = next_word(at)) {
        if (all_for_init) {
            add_word(out.init_argv, out.init_argc, word, out);
        } else if (is(word, "--")) {
            all_for_init = true;
        } else {
            take_word(word, out);
        }
    }
}

}  // namespace init
