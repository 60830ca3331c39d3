"""src/kernel.mk and src/kallsyms.py: what is rebuilt when, starters, and the symbol table."""
import pathlib
import re
import struct
import subprocess

import kallsyms
import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def nm(elf):
    lines = subprocess.run(["nm", "-C", elf], check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines()
    return {line.split(maxsplit=2)[2]: int(line.split()[0], 16) for line in lines if line[0] != " "}


def memory_of(elf, address):
    """The bytes that lie at `address` once the kernel is loaded, to the end of its segment."""
    image = elf.read_bytes()
    table, size, count = struct.unpack_from("<Q", image, 32)[0], *struct.unpack_from("<HH", image, 54)
    for number in range(count):
        kind, _, offset, start, _, in_file = struct.unpack_from("<IIQQQQ", image, table + number * size)
        if kind == 1 and start <= address < start + in_file:
            return image[offset + address - start:offset + in_file]
    raise AssertionError(f"{address:#x} is in no segment")


def table_of(elf):
    """The kernel's own symbol table, read as the kernel reads it: [(address, name)]."""
    symbols = nm(elf)
    start = symbols["kallsyms_count"]
    data = memory_of(elf, start)
    count, = struct.unpack_from("<I", data)
    offsets = struct.unpack_from(f"<{count}I", data, symbols["kallsyms_offsets"] - start)
    name_offsets = struct.unpack_from(f"<{count}I", data, symbols["kallsyms_name_offsets"] - start)
    names = symbols["kallsyms_names"] - start
    return [(kallsyms.KERNEL_BASE + offset, data[names + at:data.index(b"\0", names + at)].decode())
            for offset, at in zip(offsets, name_offsets)]


def test_symbol_table_agrees_with_nm(tree):
    tree.write("src/mm/names.cc", """
namespace mm { template <class T> struct Zone { [[gnu::noipa]] int pages(int n) { return n * sizeof(T); } }; }
namespace { [[gnu::noipa]] int hidden(int n) { return n; } }
int operator_user(int n) { mm::Zone<long> zone; return zone.pages(n) + hidden(n); }
extern "C" [[gnu::noipa]] int plain_name(int n) { return n; }
extern "C" __attribute__((alias("plain_name"), copy(plain_name))) int plain_name_with_an_alias(int n);
""")
    elf = tree.built() / "vitrine.elf"
    table, symbols = table_of(elf), nm(elf)
    assert [address for address, _ in table] == sorted({address for address, _ in table})
    names = dict((name, address) for address, name in table)
    for name, full in (("mm::Zone<long>::pages", "mm::Zone<long>::pages(int)"), ("kernel_main", "kernel_main"),
                       ("hidden", "(anonymous namespace)::hidden(int)"), ("plain_name", "plain_name"),
                       ("console::put", "console::put(char)")):
        assert names[name] == symbols[full], name
    assert "plain_name_with_an_alias" not in names  # one name per address: the shorter


def test_table_may_lie_before_code(tree):
    script = tree.src / "arch/x86_64/kernel.ld"
    lines = script.read_text().splitlines(keepends=True)
    kallsyms_line = next(line for line in lines if ".kallsyms :" in line)
    lines.remove(kallsyms_line)
    lines.insert(next(i for i, line in enumerate(lines) if ".text :" in line),
                 kallsyms_line.replace("{ KEEP", "{ KEEP(*(.multiboot)) KEEP").replace(":read_only", ":text"))
    script.write_text("".join(lines))
    elf = tree.built() / "vitrine.elf"
    assert dict((name, at) for at, name in table_of(elf))["kernel_main"] == nm(elf)["kernel_main"]


def test_moved_code_is_reported(tree):
    build = tree.built()
    assert kallsyms.verify(build / "pass2.elf", build / "vitrine.elf") is None
    tree.write("src/mm/more.cc", "int more() { return 1; }\n")
    before = build / "before.elf"
    (build / "vitrine.elf").rename(before)
    assert "more" in kallsyms.verify(before, tree.built() / "vitrine.elf")


def test_no_multiboot_header_is_an_error(tree):
    boot = tree.src / "arch/x86_64/boot.S"
    boot.write_text(boot.read_text().replace("0xe85250d6, 0", "0x11111111, 0"))
    code, output = tree.make()
    assert code != 0 and "no multiboot2 header" in output


def test_second_build_does_nothing_and_a_header_rebuilds_its_users(tree):
    build = tree.built()
    before = (build / "vitrine.img.elf").stat().st_mtime_ns
    assert tree.make() == (0, "")
    assert (build / "vitrine.img.elf").stat().st_mtime_ns == before
    header = tree.src / "arch/ports.h"
    header.write_text(header.read_text() + "// more\n")
    _, output = tree.make()
    assert "CXX    init/main.cc" in output and "boot.S" not in output


def test_starter_leaves_one_symbol_out_and_rebuilds_only_its_files(tree):
    tree.write("src/mm/other.cc", "int other() { return 1; }\n")
    tree.write("src/mm/traps.cc", "int traps() {\n#ifdef SOLVED_TRAPS\n    return 1;\n#else\n    return 0;\n#endif\n}\n")
    build = tree.built()
    assert b"stand-in kernel, solved" in (build / "vitrine.img.elf").read_bytes()
    code, output = tree.make("LAB=boot", "VARIANT=starter")
    assert code == 0 and "init/main.cc" in output and "other.cc" not in output
    assert b"stand-in kernel, starter" in (build / "vitrine.img.elf").read_bytes()
    assert tree.make("LAB=boot")[0] == 0  # a lab alone (make grade LAB=boot) is the reference
    assert b"stand-in kernel, solved" in (build / "vitrine.img.elf").read_bytes()


@pytest.mark.parametrize("arguments, message", [
    (["LAB=nonsense", "VARIANT=starter"], "LAB=nonsense is unknown"),
    (["VARIANT=starter"], "needs LAB=name"), (["VARIANT=easy"], "VARIANT=easy is unknown")])
def test_unknown_lab_or_variant(tree, arguments, message):
    code, output = tree.make(*arguments)
    assert code != 0 and message in output


def test_removed_and_host_only_files_leave_the_image(tree):
    extra = tree.write("src/mm/extra.cc", "int extra() { return 1; }\n")
    tree.write("src/mm/host_test.cc", "// host-only\n#include <string>\nstd::string host;\n")
    tree.write("src/mm/kernel_test.cc", "// host-test\nint kernel_test() { return 1; }\n")
    symbols = nm(tree.built() / "vitrine.elf")
    assert "extra()" in symbols and "kernel_test()" in symbols and not any("host" in name for name in symbols)
    extra.unlink()
    assert "extra()" not in nm(tree.built() / "vitrine.elf")


def test_same_source_gives_the_same_image_wherever_it_lies(tree, tmp_path):
    first = (tree.built() / "vitrine.img.elf").read_bytes()
    assert str(tmp_path).encode() not in first
    moved = tmp_path / "somewhere/else"
    moved.mkdir(parents=True)
    (tree.src).rename(moved / "source")
    tree.src, tree.build = moved / "source", moved / "out"
    assert (tree.built() / "vitrine.img.elf").read_bytes() == first


def test_labs_are_the_same_for_the_build_and_for_clang():
    import clang
    text = (REPOSITORY / "src/kernel.mk").read_text()
    assert re.search(r"^LABS\s*:= (.*)$", text, re.M)[1].split() == clang.LABS
