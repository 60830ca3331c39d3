"""cpio "newc" archives: just enough to put a file behind an existing initramfs.

Linux unpacks archives that follow each other; each starts at a multiple of four bytes.
"""

from __future__ import annotations

import stat


def _pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def entry(inode: int, name: str, mode: int, data: bytes = b"") -> bytes:
    """One member, times and owner zero, so that equal contents give equal bytes."""
    raw = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = [inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(raw), 0]
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _pad(header + raw) + _pad(data)


def archive(files: dict[str, bytes], mode: int = 0o600) -> bytes:
    """An archive of regular files, with their directories in front."""
    folders = sorted({"/".join(path.split("/")[:n]) for path in files for n in range(1, path.count("/") + 1)})
    members = [entry(721000 + i, name, stat.S_IFDIR | 0o755) for i, name in enumerate(folders)]
    for i, (path, data) in enumerate(sorted(files.items())):
        members.append(entry(722000 + i, path, stat.S_IFREG | mode, data))
    return b"".join(members) + entry(0, "TRAILER!!!", 0)


def append_file(base: bytes, path: str, data: bytes) -> bytes:
    """`base` with a second archive behind it that holds one more file."""
    return _pad(base) + archive({path: data})
