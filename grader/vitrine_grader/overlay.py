"""Takes a submission's files, and only the lab's own, without trusting anything about them.

A submission may hold links, FIFOs, devices, folders in place of files, binaries, gigabytes. Every
file is opened component by component without following links and without blocking; what cannot be
taken is named and replaced by the starter's version (empty holes), so the rest is still graded.
"""

from __future__ import annotations

import dataclasses
import errno
import filecmp
import os
import pathlib
import shutil
import stat

from .lab import Lab

MAX_FILE = 1 << 20
MAX_LISTED = 20  # extra files named before "and n more"
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Unusable(Exception):
    """Why one file of a submission was not taken."""


@dataclasses.dataclass
class Overlay:
    """What became of a submission's files. `taken` differ from the reference or are equal to it;
    `replaced` maps a file to the reason why the starter's version stands in for it."""

    taken: list[str] = dataclasses.field(default_factory=list)
    replaced: dict[str, str] = dataclasses.field(default_factory=dict)
    extra: list[str] = dataclasses.field(default_factory=list)

    def notes(self) -> list[str]:
        """Lines for the report."""
        lines = [f"{file}: {why}; graded with the starter's version" for file, why in self.replaced.items()]
        shown = self.extra[:MAX_LISTED]
        lines += [f"{file}: not one of this lab's files; ignored" for file in shown]
        if len(self.extra) > len(shown):
            lines.append(f"... and {len(self.extra) - len(shown)} more files that are not this lab's; ignored")
        return lines


def read_untrusted(root: pathlib.Path, relative: str) -> bytes:
    """A regular text file below `root`. Raises Unusable with the reason."""
    parts = pathlib.PurePosixPath(relative).parts
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FLAGS | os.O_DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = inner
        file = os.open(parts[-1], _FLAGS, dir_fd=folder)
    except OSError as error:
        raise Unusable(_reason(error)) from error
    finally:
        os.close(folder)
    try:
        return _read_regular(file)
    except OSError as error:
        raise Unusable(_reason(error)) from error
    finally:
        os.close(file)


def _reason(error: OSError) -> str:
    texts = {
        errno.ENOENT: "missing",
        errno.ENOTDIR: "missing, or below a symbolic link",
        errno.ELOOP: "a symbolic link",
        errno.EACCES: "unreadable (permissions)",
        errno.ENXIO: "not a regular file",
    }
    return texts.get(error.errno, os.strerror(error.errno))


def _read_regular(file: int) -> bytes:
    info = os.fstat(file)
    if stat.S_ISDIR(info.st_mode):
        raise Unusable("a folder, not a file")
    if not stat.S_ISREG(info.st_mode):
        raise Unusable("not a regular file")
    if info.st_size > MAX_FILE:
        raise Unusable(f"too large ({info.st_size} bytes, at most {MAX_FILE})")
    data = bytearray()
    while piece := os.read(file, MAX_FILE + 1 - len(data)):
        data += piece
        if len(data) > MAX_FILE:
            raise Unusable("grows while it is read")
    if b"\0" in data:
        raise Unusable("binary (holds zero bytes)")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unusable(f"not text (byte {error.start} is no UTF-8)") from error
    return bytes(data)


def starter_text(lab: Lab, relative: str, reference: bytes) -> bytes:
    """The reference file with this lab's holes empty: the symbol is undefined at its top."""
    if not relative.endswith((".cc", ".S")):
        return reference
    symbol = f"SOLVED_{lab.name.upper()}".encode()
    return b"#undef " + symbol + b'\n#line 1 "' + relative.encode() + b'"\n' + reference


def _write_if_changed(path: pathlib.Path, data: bytes) -> bool:
    """Keeps the time stamp of an equal file, so that its object file is reused."""
    if path.is_file() and path.read_bytes() == data:
        return False
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return True


def copy_tree(source: pathlib.Path, target: pathlib.Path) -> None:
    """A copy with time stamps; links stay links."""
    shutil.copytree(source, target, symlinks=True)


def apply(lab: Lab, submission: pathlib.Path, tree: pathlib.Path) -> tuple[Overlay, list[str]]:
    """Puts the submission's files of `lab` into `tree` (which holds a reference src/).

    Returns what became of them, and which files of `tree` changed.
    """
    overlay, changed = Overlay(), []
    for relative in lab.files:
        reference = (tree / relative).read_bytes() if (tree / relative).is_file() else b""
        try:
            data = read_untrusted(submission, relative)
            overlay.taken.append(relative)
        except Unusable as why:
            overlay.replaced[relative] = str(why)
            data = starter_text(lab, relative, reference)
        if _write_if_changed(tree / relative, data):
            changed.append(relative)
    overlay.extra = find_extra(lab, submission, tree)
    return overlay, changed


def find_extra(lab: Lab, submission: pathlib.Path, tree: pathlib.Path) -> list[str]:
    """Files below the submission's src/ that are new or differ, but are not the lab's."""
    extra = []
    for folder, folders, files in os.walk(submission / "src", followlinks=False):
        here = pathlib.Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in sorted(files) + links:
            relative = (here / name).relative_to(submission).as_posix()
            if relative not in lab.files and not _same(here / name, tree / relative):
                extra.append(relative)
    return sorted(extra)


def _same(theirs: pathlib.Path, ours: pathlib.Path) -> bool:
    """Never opens anything but a plain file of the right size."""
    try:
        mode = os.lstat(theirs)
        if not stat.S_ISREG(mode.st_mode) or not ours.is_file():
            return False
        return mode.st_size == ours.stat().st_size and filecmp.cmp(theirs, ours, shallow=False)
    except OSError:
        return False
