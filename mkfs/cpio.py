#!/usr/bin/python3
"""Writes a cpio archive in the "newc" format, the one Linux unpacks as an initramfs.

Contents come from a manifest; no root is needed, since owners and device numbers are only written
down. The archive depends on nothing but contents: inode numbers count up, times are 0, entries are
sorted, so the same input gives the same bytes.

    cpio.py -o OUT.cpio [-m MANIFEST]... [-t TREE]...

Manifest lines (as the Linux tool gen_init_cpio has them; '#' starts a comment):
    dir   PATH MODE                     dir   /tmp 1777
    file  PATH HOST MODE                file  /sbin/init build/userland/init 755
    slink PATH TARGET                   slink /init sbin/init
    nod   PATH MODE b|c MAJOR MINOR     nod   /dev/console 600 c 5 1
A TREE is a host folder whose contents are copied with their modes, owned by root. A later entry
replaces an earlier one of the same path, and parents that nobody named are made with mode 755.
"""
import argparse
import os
import pathlib
import shlex
import stat
import sys


class Archive:
    """Collects entries by path and writes them in order."""

    def __init__(self):
        self.entries = {}  # path without the leading "/": (mode with type bits, bytes, (major, minor))

    def add(self, path, mode, data=b"", device=(0, 0)):
        """Adds or replaces the entry `path`. `mode` has the type bits; a symlink's data is its target."""
        name = path.strip("/")
        if not name or ".." in name.split("/"):
            raise ValueError(f"not a path inside an archive: {path!r}")
        for parent in list(pathlib.PurePosixPath(name).parents)[-2::-1]:
            self.entries.setdefault(str(parent), (stat.S_IFDIR | 0o755, b"", (0, 0)))
        self.entries[name] = (mode, data, device)

    def directory(self, path, mode=0o755):
        self.add(path, stat.S_IFDIR | mode)

    def file(self, path, host, mode=0o755):
        self.add(path, stat.S_IFREG | mode, pathlib.Path(host).read_bytes())

    def text(self, path, text, mode=0o644):
        self.add(path, stat.S_IFREG | mode, text.encode())

    def symlink(self, path, target):
        self.add(path, stat.S_IFLNK | 0o777, target.encode())

    def device(self, path, mode, kind, number):
        self.add(path, {"b": stat.S_IFBLK, "c": stat.S_IFCHR}[kind] | mode, device=number)

    def tree(self, root):
        """Adds everything below the host folder `root`."""
        for host in sorted(pathlib.Path(root).rglob("*")):
            name, info = str(host.relative_to(root)), host.lstat()
            if stat.S_ISLNK(info.st_mode):
                self.symlink(name, os.readlink(host))
            elif stat.S_ISDIR(info.st_mode):
                self.directory(name, stat.S_IMODE(info.st_mode))
            elif stat.S_ISREG(info.st_mode):
                self.file(name, host, stat.S_IMODE(info.st_mode))

    def manifest(self, text, where="manifest"):
        """Adds what the manifest says. Raises ValueError that names the line."""
        for number, line in enumerate(text.splitlines(), 1):
            words = shlex.split(line, comments=True)
            try:
                if words:
                    self.manifest_line(*words)
            except (TypeError, ValueError, KeyError) as why:
                raise ValueError(f"{where}:{number}: {line.strip()!r}: {why}") from why

    def manifest_line(self, kind, path, *rest):
        if kind == "dir":
            (mode,) = rest
            self.directory(path, int(mode, 8))
        elif kind == "file":
            host, mode = rest
            self.file(path, host, int(mode, 8))
        elif kind == "slink":
            self.symlink(path, *rest)
        elif kind == "nod":
            mode, node, major, minor = rest
            self.device(path, int(mode, 8), node, (int(major), int(minor)))
        else:
            raise ValueError(f"unknown kind of entry {kind!r}")

    def bytes(self):
        """The archive, closed by its trailer and padded to 512 bytes."""
        parts = [entry(number, name, *self.entries[name])
                 for number, name in enumerate(sorted(self.entries), 1)]
        parts.append(entry(0, "TRAILER!!!", 0, b"", (0, 0)))
        whole = b"".join(parts)
        return whole + bytes(-len(whole) % 512)


def entry(inode, name, mode, data, device):
    """One member: a header of 13 numbers in hexadecimal, the name and the data, each padded to 4."""
    links = 2 if stat.S_ISDIR(mode) else 1
    encoded = name.encode() + b"\0"
    numbers = (inode, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + encoded
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("-m", "--manifest", action="append", default=[])
    parser.add_argument("-t", "--tree", action="append", default=[])
    options = parser.parse_args()
    archive = Archive()
    try:
        for tree in options.tree:
            archive.tree(tree)
        for manifest in options.manifest:
            archive.manifest(pathlib.Path(manifest).read_text(encoding="utf-8"), manifest)
    except (OSError, ValueError) as why:
        sys.exit(f"cpio.py: {why}")
    output = pathlib.Path(options.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(archive.bytes())


if __name__ == "__main__":
    main()
