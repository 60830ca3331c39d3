"""A whole project in small for test_grade.py: a kernel, a lab with a hole, tests, patches."""

from __future__ import annotations

import difflib
import pathlib

from conftest import ROOT

ANSWER = """\
extern "C" int printk_like();
// The student's file: the double of x.
extern "C" int answer(int x) {
#ifdef SOLVED_TINY
    return 2 * x;
#else
    return 0 * x;
#endif
}
"""
KERNEL_MK = """\
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
FLAGS = -O1 -ffreestanding -fno-pic -no-pie -mno-red-zone -mgeneral-regs-only -fcf-protection=none \\
        -fno-asynchronous-unwind-tables -DSOLVED_TINY
OBJ = $(OUT)/obj/boot.S.o $(OUT)/obj/kernel.c.o $(OUT)/obj/answer.cc.o
all: $(OUT)/vitrine.elf
$(OUT)/obj/%.o: $(SRC)/%
\t@mkdir -p $(@D) && echo $* >> $(OUT)/made
\tgcc $(FLAGS) -c $< -o $@
$(OUT)/vitrine.elf: $(OBJ)
\tld -nostdlib -z noexecstack --no-warn-rwx-segments -T $(SRC)/kernel.ld -o $@ $(OBJ)
"""
TESTS = '''\
from vitrine_grader.failure import check_equal
from vitrine_grader.plugin import points


@points(1, task="1")
def test_boots(machine):
    machine.console.expect("test kernel.*\\n")


@points(3, task="2", requires=["test_boots"], function="answer", handout="2.1")
def test_doubles(machine, rng):
    """answer(x) is the double of x"""
    machine.console.expect("test kernel.*\\n")
    x = rng.randrange(2, 5)
    machine.console.send(f"d{x}")
    check_equal(ord(machine.console.expect(b".")[0]) - ord("0"), 2 * x, "answer(x) is the double of x")


@points(2, task="2", requires=["test_doubles"], visibility="hidden")
def test_doubles_again(machine):
    machine.console.expect("test kernel.*\\n")
    machine.console.send("d4")
    check_equal(machine.console.expect(b".")[0], b"8", "answer(4) is 8")
'''
PATCHES = {
    "mutants/adds-one": ("Kills: test_doubles", ("    return 2 * x;", "    return x + 1;")),
    "alternates/shift": ("", ("    return 2 * x;", "    return x + x;")),
    "adversaries/reads-host": ("", ("    return 2 * x;", '    asm(".incbin \\"/etc/shadow\\"");\n    return 0;')),
    "adversaries/calls-out": ("", ("    return 2 * x;", "    asm volatile(\"call power_off\");\n    return 0;")),
    "adversaries/loads-tables": (
        "Named: `lidt   (%rsp)` in answer()",
        ("    return 2 * x;", "    asm volatile(\"lidt (%rsp)\");\n    return 2 * x;"),
    ),
    "adversaries/writes-port": (
        "Fakes: test_doubles test_doubles_again",
        ("    return 2 * x;", "    asm volatile(\"outb %%al, %%dx\" :: \"a\"('8'), \"d\"(0x3f8));\n    return -40;"),
    ),
}


def build(root: pathlib.Path) -> pathlib.Path:
    """Writes the tree; returns its root."""
    source, lab = root / "src", root / "labs/01-tiny"
    for folder in (source, lab / "tests", *(lab / kind for kind in ("mutants", "alternates", "adversaries"))):
        folder.mkdir(parents=True)
    for name in ("boot.S", "kernel.c", "kernel.ld"):
        (source / name).write_bytes((ROOT / "tests/grader/kernel" / name).read_bytes())
    (source / "answer.cc").write_text(ANSWER)
    (source / "kernel.mk").write_text(KERNEL_MK)
    (lab / "lab.toml").write_text(
        'title = "Tiny"\nnumber = 1\nfiles = ["src/answer.cc"]\nallowed_symbols = []\n'
        '[machine_code]\n"src/answer.cc" = ["cli", "hlt", "out"]\n'
    )
    (lab / "tests/test_tiny.py").write_text(TESTS)
    for name, (head, (old, new)) in PATCHES.items():
        (lab / f"{name}.patch").write_text(head + "\n" + diff(old, new))
    (root / "mkfs").symlink_to(ROOT / "mkfs")
    return root


def diff(old: str, new: str) -> str:
    before, after = ANSWER.splitlines(True), ANSWER.replace(old, new).splitlines(True)
    assert before != after
    return "".join(difflib.unified_diff(before, after, "a/src/answer.cc", "b/src/answer.cc"))
