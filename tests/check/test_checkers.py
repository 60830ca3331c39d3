"""Each checker must see what it is for, and stay silent about what is right: planted violations."""
import re
import subprocess
import sys

import cxx
import image
import layers
import pytest
import sources


def only(problems, *parts):
    """There is exactly one problem, and it names all `parts`."""
    assert len(problems) == 1, problems
    for part in parts:
        assert part in problems[0], problems


# --- layers ----------------------------------------------------------------------------------
def test_layers_accepts_what_is_below(tree):
    tree.write("src/mm/page.cc", '#include "mm/page.h"\n#include <span>\n#include "core/log/printk.h"\n')
    tree.write("src/init/main2.cc", '#include "fs/tmpfs/super.h"\n#include "syscall/table.h"\n')
    tree.write("src/fs/procfs/proc.cc", '#include "process/task.h"\n')
    assert layers.problems(tree.src) == []


@pytest.mark.parametrize("file, include, part", [
    ("src/mm/page.cc", '"fs/inode.h"', "mm/ must not include fs/"),
    ("src/process/fork.cc", '"drivers/driver.h"', "process/ must not include drivers/"),
    ("src/fs/inode.cc", '"fs/tmpfs/super.h"', "fs/ must not include fs/tmpfs/"),
    ("src/core/log/printk.cc", '"core/time/clock.h"', "core/log/ must not include core/time/"),
    ("src/core/trace/ring.cc", '"core/lock/spin_lock.h"', "core/trace/ must not include core/lock/"),
    ("src/mm/page.cc", '"core/log.h"', "name one of them"),
    ("src/mm/page.cc", '"zone.h"', "from src/ on"),
    ("src/mm/page.cc", '"../fs/inode.h"', "from src/ on"),
    ("src/mm/page.cc", "<mm/zone.h>", "is ours"),
    ("src/arch/x86_64/boot2.S", '"mm/page.h"', "arch/ must not include mm/"),
    ("src/surprise/x.cc", '"lib/types.h"', "not in the table"),
])
def test_layers_reports(tree, file, include, part):
    tree.write(file, f"// a file\n#include {include}\n")
    only(layers.problems(tree.src), part, file)


def test_layers_exempts_tests_and_refuses_a_cycle(tree, monkeypatch):
    tree.write("src/mm/page_test.cc", '#include "fs/inode.h"\n')
    assert layers.problems(tree.src) == []
    monkeypatch.setitem(layers.USES, "abi", ["init"])
    with pytest.raises(ValueError, match="cycle"):
        layers.below("init")


# --- sources ---------------------------------------------------------------------------------
def test_clean_tree_passes(tree):
    for rule in (sources.headers, sources.sizes, sources.braces, sources.todos, sources.formatted):
        assert rule(tree.root) == ([], []), rule


@pytest.mark.parametrize("header", ["algorithm", "string", "stdio.h", "cstring", "mutex"])
def test_headers(tree, header):
    tree.write("src/mm/page.cc", f"#include <span>\n#include <{header}>\n")
    only(sources.headers(tree.root)[0], "src/mm/page.cc:2", f"<{header}>")


def test_host_only_files_may_include_anything(tree):
    tree.write("src/lib/x_test.cc", "// host-only\n#include <string>\n")
    assert sources.headers(tree.root)[0] == []


LONG_BODY = "".join(f"    work({i});\n" for i in range(60))


@pytest.mark.parametrize("text, name", [
    ("namespace mm {\nResult<void> Zone::grow(int n) const {\n%s}\n}\n", "Zone::grow()"),
    ("class Zone {\npublic:\n    Zone() : a_{1}, b_(2) {\n%s    }\n};\n", "Zone()"),
    ("template <class T>\nvoid each(T t) {\n    auto f = [&](int x) { return x; };\n%s}\n", "each()"),
    ("void f() REQUIRES(lock) {\n    if (a) {\n%s    }\n}\n", "f()"),
])
def test_long_functions(tree, text, name):
    tree.write("src/mm/zone.cc", text % LONG_BODY)
    only(sources.sizes(tree.root)[0], name, "lines; at most 60")


@pytest.mark.parametrize("text", [
    "constexpr Step kSteps[] = {\n%s};\n", "const int kTable[] = {\n%s};\n",
    "namespace mm {\nenum Kind {\n%s};\n}\n", "struct Many {\n%s};\n",
])
def test_tables_are_no_functions(tree, text):
    tree.write("src/mm/table.cc", text % "".join(f"    a{i},\n" for i in range(80)))
    assert sources.sizes(tree.root)[0] == []


def test_long_file_and_warnings(tree):
    tree.write("src/mm/long.cc", "// line\n" * 501)
    tree.write("src/mm/wide.cc", "void wide(int a, Map<int, int> b, int c, int d, int e, int f) {}\n")
    tree.write("src/mm/deep.cc", "void deep() {\n    for (;;) {\n        if (a) {\n            while (b) {\n"
               "                if (c) {\n                }\n            }\n        }\n    }\n}\n")
    found, warned = sources.sizes(tree.root)
    only(found, "long.cc", "501 lines")
    assert len(warned) == 2 and "deep() nests 4" in warned[0] and "wide() takes 6" in warned[1]


@pytest.mark.parametrize("text, count", [
    ("void f() {\n    if (a)\n        b();\n}\n", 1),
    ("void f() {\n    if (a) return;\n    for (;;) b();\n}\n", 0),
    ("void f() {\n    if (a) {\n    } else\n        c();\n}\n", 1),
    ("void f() {\n    while (a(b))\n        c();\n}\n", 1),
    ("void f() {\n    do {\n        // if (a)\n    } while (a);\n}\n", 0),
    ('void f() {\n    if (a)  // why\n        b("if (x)");\n}\n', 1),
    ("void f() {\n    if (a) [[unlikely]]\n        b();\n}\n", 1),
    ("void f() {\n    if (a) [[unlikely]] {\n        b();\n    }\n}\n", 0),
    ("#if A\nint a;\n#else\nint b;\n#endif\n", 0),
    ("void f() {\n    if (a &&\n        b) {\n        c();\n    } else if (d) {\n        e();\n    }\n}\n", 0),
    ("#define ASSERT(x) \\\n    do {          \\\n    } while (0)\nint a;\n", 0),
])
def test_braces(tree, text, count):
    tree.write("src/mm/page.cc", text)
    assert len(sources.braces(tree.root)[0]) == count


@pytest.mark.parametrize("comment, bad", [
    ("TODO: later", True), ("TODO(me) later", True), ("FIXME", True), ("TODO(#12): grow", False)])
def test_todos(tree, comment, bad):
    tree.write("src/mm/page.cc", f"// {comment}\n")
    assert len(sources.todos(tree.root)[0]) == bad


def test_readmes(tree):
    tree.write("src/mm/page.cc", "// x\n")
    assert any("src/mm: no README.md" in line for line in sources.readmes(tree.root)[0])
    tree.write("src/mm/README.md", "line\n" * 61)
    assert any("README.md:1: 61 lines" in line for line in sources.readmes(tree.root)[0])
    tree.write("src/mm/README.md", "line\n" * 60)
    assert not any("src/mm" in line for line in sources.readmes(tree.root)[0])


def test_format(tree):
    assert sources.formatted(tree.root)[0] == []
    tree.write("src/mm/page.cc", "int  a ;\n")
    assert any("src/mm/page.cc" in line for line in sources.formatted(tree.root)[0])


def test_blank_keeps_positions():
    text = 'a("x{", \'{\', 1\'000); // {\nR"(}})" /* { */ b\n'
    blanked = cxx.blank(text)
    assert len(blanked) == len(text) and blanked.count("\n") == text.count("\n")
    assert "{" not in blanked and "}" not in blanked and "1'000" in blanked


# --- the image -------------------------------------------------------------------------------
RULES = (image.libc_headers, image.constructors, image.vectors, image.symbols, image.segments)


def test_clean_image_passes(tree):
    build = tree.built()
    for rule in RULES:
        assert rule(build) == ([], []), rule


@pytest.mark.parametrize("rule, part, text", [
    (image.libc_headers, "/usr/include/time.h", "#include <time.h>\n"),
    (image.constructors, ".init_array", "extern int f();\nint f() { return 1; }\nint global = f();\n"
                                        "struct S { S(); int a; } s;\nS::S() : a(f()) {}\n"),
    (image.vectors, "movdqa", 'void f() { asm volatile("movdqa %xmm0, %xmm1"); }\n'),
    (image.vectors, "fldpi", 'void f() { asm volatile("fldpi"); }\n'),
    (image.vectors, "emms", 'void f() { asm volatile("emms"); }\n'),
    (image.symbols, "missing_one", '__attribute__((weak)) void missing_one();\n'
                                   "void f() { if (missing_one) missing_one(); }\n"),
    (image.symbols, "_Znwm", "void* operator new(unsigned long) { for (;;) {} }\n"),
    (image.segments, "bytes; the budget", "extern const char kBig[];\n"
                                          "extern const char kBig[5 << 20] = {1};\n"),
    (image.segments, "writable and executable",
     'asm(".section .evil, \\"awx\\"\\n nop\\n .text");\n'),
])
def test_image_rules(tree, rule, part, text):
    tree.write("src/mm/evil.cc", text)
    problems = rule(tree.built())[0]
    assert problems and any(part in line for line in problems), problems


def test_saving_the_fpu_state_is_no_vector_instruction(tree):
    tree.write("src/mm/fpu.cc", 'void f(char* p) { asm volatile("fxsave (%0); fninit; fxrstor (%0)" ::"r"(p)); }\n')
    assert image.vectors(tree.built())[0] == []


def test_vector_code_made_by_the_compiler_does_not_even_compile(tree):
    tree.write("src/mm/fp.cc", "double f(double a) { return a * 2; }\n")
    code, output = tree.make()
    assert code != 0 and "fp.cc" in output


def test_clang_proves_locks(tree):
    import clang
    lock = ("struct __attribute__((capability(\"mutex\"))) Lock {\n"
            "    void acquire() __attribute__((acquire_capability()));\n"
            "    void release() __attribute__((release_capability()));\n};\n"
            "Lock lock;\nint guarded __attribute__((guarded_by(lock)));\n")
    tree.write("src/mm/good.cc", lock + "void good() {\n    lock.acquire();\n    guarded = 1;\n    lock.release();\n}\n")
    assert clang.problems(tree.src, tree.root / "cache")[0] == []
    tree.write("src/mm/bad.cc", lock + "void bad() { guarded = 1; }\n")
    for _ in range(2):  # a bad verdict is not cached
        only(clang.problems(tree.src, tree.root / "cache")[0], "bad.cc", "requires holding mutex 'lock'")


# --- the program -----------------------------------------------------------------------------
def test_check_counts_and_fails(tree):
    program = [sys.executable, sources.__file__.replace("sources.py", "check.py"), "--root", tree.root]
    tree.write("src/mm/page.cc", '#include "fs/inode.h"\n')
    tree.write("src/mm/README.md", "x\n")
    done = subprocess.run([*program, "--only", "layers"], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and done.stdout.endswith("0 passed, 1 failed\n")
    assert re.search(r"^\s+src/mm/page.cc:1: mm/ must not", done.stdout, re.M)
    done = subprocess.run([*program, "--only", "headers"], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0 and done.stdout.endswith("1 passed, 0 failed\n")
