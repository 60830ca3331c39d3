"""Builds kernels from copied trees, inside the sandbox, reusing the reference's object files.

Every build sees its tree as /vitrine/src and its output as /vitrine/out, so command lines and
dependency files are equal everywhere and `make` rebuilds only what really differs. A stranger's
build finds no solution: the reference objects of changed files are deleted, linked kernels not even copied.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

from . import instructions, overlay, symbols
from .errors import InfrastructureFault
from .lab import Lab
from .sandbox import Limits, Sandbox

INSIDE = "/vitrine"
_LINKED = ("vitrine.elf", "vitrine.img.elf", "vitrine.map", "pass1.elf", "pass2.elf")
_LIMITS = Limits(cpu_s=120, processes=256)
_PROGRESS = re.compile(r" *(CXX|AS|LD) ")
_WALL = 600  # seconds; the CPU limit inside is the real one


@dataclasses.dataclass
class Build:
    """A built (or not) kernel. `problem` is empty when it may run."""

    tree: pathlib.Path
    problem: str = ""
    notes: list[str] = dataclasses.field(default_factory=list)

    @property
    def out(self) -> pathlib.Path:
        return self.tree / "out"


def make(tree: pathlib.Path, box: Sandbox | None, arguments: tuple[str, ...] = ()) -> str:
    """Runs kernel.mk over tree/src into tree/out; returns "" or the end of what make said."""
    inside = INSIDE if box else str(tree)
    argv = ["make", "-s", "-j2", "-f", f"{inside}/src/kernel.mk", f"SRC={inside}/src", f"OUT={inside}/out"]
    argv.append("DEBUG_INFO=")  # of no use to tests, and much to copy
    argv += arguments
    if box:
        box = dataclasses.replace(box, binds=((tree, INSIDE),), limits=_LIMITS, stranger=True)
        box.give(tree)
        argv = box.wrap(argv, INSIDE)
    try:
        done = subprocess.run(
            argv, cwd=tree, capture_output=True, text=True, errors="replace", timeout=_WALL,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"the build did not end within {_WALL} s"
    if done.returncode == 0:
        return ""
    lines = (done.stdout + done.stderr).strip().splitlines()
    said = "\n".join(line for line in lines if not _PROGRESS.match(line))
    return said[-4000:] or f"make ended with {done.returncode}"


def reference(root: pathlib.Path, cache: pathlib.Path, box: Sandbox | None) -> pathlib.Path:
    """A built copy of the reference tree; kept in `cache`, keyed by the contents of src/."""
    tree = cache / f"reference-{tree_hash(root / 'src')}{'' if box else '-open'}"
    if (tree / "done").exists():
        return tree
    for old in cache.glob("reference-*"):
        shutil.rmtree(old, ignore_errors=True)
    fresh = cache / f".reference-{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    overlay.copy_tree(root / "src", fresh / "src")
    if problem := make(fresh, box):
        shutil.rmtree(fresh)
        raise InfrastructureFault(f"the reference does not build:\n{problem}")
    (fresh / "done").touch()
    try:
        fresh.rename(tree)
    except OSError:  # somebody else was first
        shutil.rmtree(fresh)
    return tree


def tree_hash(folder: pathlib.Path) -> str:
    """Names and contents of all files below `folder`."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            total.update(path.relative_to(folder).as_posix().encode() + b"\0")
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]


def build_submission(lab: Lab, submission: pathlib.Path, ref: pathlib.Path, tree: pathlib.Path, box) -> Build:
    """Overlay, build, check of symbols and instructions; `tree` must not exist yet."""
    shutil.copytree(ref, tree, symlinks=True, ignore=shutil.ignore_patterns(*_LINKED))
    taken, changed = overlay.apply(lab, submission, tree)
    build = Build(tree, notes=taken.notes())
    forget(tree, changed)
    said = make(tree, box)
    if bad := bad_symbols(lab, ref, tree, changed):
        build.problem = "code refers to what this lab does not allow: " + "; ".join(bad)
    elif said:
        build.problem = f"the kernel does not build:\n{said}"
    elif bad := bad_instructions(lab, tree, changed):
        build.problem = "machine code that this lab does not allow: " + "; ".join(bad)
    return build


def forget(tree: pathlib.Path, changed: list[str]) -> None:
    """Deletes the objects of changed files."""
    for relative in changed:
        inner = pathlib.PurePosixPath(relative).relative_to("src").as_posix()
        for suffix in (".o", ".d"):
            (tree / "out/obj" / (inner + suffix)).unlink(missing_ok=True)


def bad_symbols(lab: Lab, ref: pathlib.Path, tree: pathlib.Path, changed: list[str]) -> list[str]:
    """`file: symbol` for undefined symbols that neither lab.toml, nor the reference's own version
    of the lab's files, nor those files' definitions explain."""
    objects = {file: _object(file) for file in lab.files if file.endswith((".cc", ".S"))}
    allowed = list(lab.allowed_symbols)
    for inner in objects.values():
        if (ref / inner).exists():
            allowed += map(_exactly, symbols.undefined_symbols(ref / inner))
        if (tree / inner).exists():
            allowed += map(_exactly, symbols.defined_symbols(tree / inner))
    found = []
    for file in changed:
        if file in objects and (tree / objects[file]).exists():
            found += [f"{file}: {name}" for name in symbols.forbidden(tree / objects[file], allowed)]
    return found


def bad_instructions(lab: Lab, tree: pathlib.Path, changed: list[str]) -> list[str]:
    """`file: instruction` for what the objects of changed files must not hold."""
    found = []
    for file in changed:
        inner = tree / _object(file)
        if file in lab.files and inner.exists():
            found += [f"{file}: {what}" for what in instructions.forbidden(inner, lab.machine_code.get(file, ()))]
    return found


def _object(relative: str) -> str:
    return "out/obj/" + pathlib.PurePosixPath(relative).relative_to("src").as_posix() + ".o"


def _exactly(name: str) -> str:
    """A pattern that matches only this name."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
