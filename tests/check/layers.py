#!/usr/bin/python3
"""Folders of src/ may include only the folders below them. The table USES *is* the architecture.

An include names its file from src/ on ("mm/page.h"), so each include is an edge between folders.
Tests may include anything; every other file only its own folder and what that transitively builds
on. `core` stands for all its parts: nothing lies in src/core/ itself.

    layers.py [SRC]     prints what breaks the rule
"""
import pathlib
import re
import sys

USES = {                                    # folder: the folders it builds on directly
    "abi":          [],
    "lib":          ["abi"],
    "arch":         ["lib"],
    "core/percpu":  ["arch"],
    "core/trace":   ["core/percpu"],
    "core/lock":    ["core/trace"],
    "core/log":     ["core/lock"],
    "core/random":  ["core/lock"],
    "core/validator": ["core/log"],
    "core/kasan":   ["core/log"],
    "core/ubsan":   ["core/log"],
    "core/softirq": ["core/log"],
    "core/irq":     ["core/softirq", "core/random"],
    "core/irq_work": ["core/irq"],
    "core/time":    ["core/irq_work"],
    "vdso":         ["core/time"],
    "core/user":    ["core/log"],
    "core/rcu":     ["core/time"],
    "core":         ["core/rcu", "core/user", "core/validator", "core/kasan", "core/ubsan"],
    "mm":           ["core"],
    "sched":        ["mm"],
    "vm":           ["sched"],
    "block":        ["vm"],
    "fs":           ["block"],
    "fs/ext4":      ["fs"],
    "fs/tmpfs":     ["fs"],
    "fs/devtmpfs":  ["fs/tmpfs"],
    "ipc":          ["fs"],
    "net":          ["fs"],
    "process":      ["ipc"],
    "fs/libfs":     ["fs"],
    "fs/procfs":    ["process", "fs/libfs"],
    "fs/tracefs":   ["fs/libfs"],
    "fs/debugfs":   ["fs/libfs"],
    "fs/sysfs":     ["fs/libfs"],
    "drivers":      ["process", "net"],
    "syscall":      ["process", "net", "fs/libfs"],
}
USES["init"] = list(USES)                   # puts everything in order, so it sees everything

INCLUDE = re.compile(r'\s*#\s*include\s*(["<])([^">]+)[">]')


def below(folder, path=()):
    """`folder` and all it builds on. Raises ValueError when the table goes round in a circle."""
    if folder in path:
        raise ValueError(f"cycle: {' -> '.join((*path, folder))}")
    return {folder}.union(*(below(used, (*path, folder)) for used in USES[folder]))


ALLOWED = {folder: below(folder) for folder in USES}


def folder_of(path):
    """The innermost folder of the table that `path` (from src/ on) lies in, or None."""
    names = pathlib.PurePosixPath(path).parts[:-1]
    prefixes = ("/".join(names[:count]) for count in range(len(names), 0, -1))
    return next((prefix for prefix in prefixes if prefix in USES), None)


def complaint(here, bracket, name):
    """What is wrong with this include in folder `here`, or None."""
    there = folder_of(name)
    if bracket == "<":
        return f'<{name}> is ours: write "{name}"' if there else None
    if there is None:
        return f'"{name}": write the path from src/ on, into a folder that tests/check/layers.py knows'
    if there == "core":
        return f'"{name}": src/core has parts only; name one of them'
    if there not in ALLOWED[here]:
        return f'{here}/ must not include {there}/ ("{name}")'
    return None


def problems(src):
    """One line for each include that breaks the rule."""
    found, src = [], pathlib.Path(src)
    for file in sorted(path for path in src.rglob("*") if path.suffix in (".cc", ".h", ".S")):
        inside = file.relative_to(src)
        here = folder_of(inside)
        if here is None or here == "core":
            found.append(f"{file}:1: folder {inside.parent}/ is not in the table of tests/check/layers.py")
            continue
        if file.stem.endswith("_test"):
            continue
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
            match = INCLUDE.match(line)
            wrong = match and complaint(here, *match.groups())
            if wrong:
                found.append(f"{file}:{number}: {wrong}")
    return found


if __name__ == "__main__":
    lines = problems(sys.argv[1] if len(sys.argv) > 1 else "src")
    print(*lines, sep="\n", end="\n" if lines else "")
    sys.exit(bool(lines))
