"""Walks x86-64 page tables through a reader of physical memory (4 levels; See: Intel SDM 3A, 4.5)."""

from __future__ import annotations

import dataclasses
import struct
from typing import Callable

PRESENT, WRITE, USER, LARGE, NX = 1, 2, 4, 0x80, 1 << 63
FRAME = 0x000F_FFFF_FFFF_F000
PAGE = 4096


@dataclasses.dataclass(frozen=True)
class Translation:
    """Where a linear address leads: the physical address, the size of its page, its rights."""

    physical: int
    page_size: int
    writable: bool
    user: bool
    executable: bool


def translate(read_phys: Callable[[int, int], bytes], cr3: int, address: int) -> Translation:
    """LookupError, with the level at which the walk ended, when nothing is mapped."""
    table, rights, executable = cr3 & FRAME, WRITE | USER, True
    for level, shift in ((4, 39), (3, 30), (2, 21), (1, 12)):
        index = address >> shift & 0x1FF
        (entry,) = struct.unpack("<Q", read_phys(table + 8 * index, 8))
        if not entry & PRESENT:
            raise LookupError(f"{address:#x} is not mapped: level {level} entry is {entry:#x}")
        rights &= entry
        executable = executable and not entry & NX
        if level == 1 or (level < 4 and entry & LARGE):
            size = 1 << shift
            physical = (entry & FRAME & ~(size - 1)) | (address & (size - 1))
            return Translation(physical, size, bool(rights & WRITE), bool(rights & USER), executable)
        table = entry & FRAME
    raise AssertionError("unreachable")


def read_virt(read_phys: Callable[[int, int], bytes], cr3: int, address: int, length: int) -> bytes:
    """Linear memory, page by page."""
    data = bytearray()
    while len(data) < length:
        at = address + len(data)
        found = translate(read_phys, cr3, at)
        step = min(length - len(data), found.page_size - (at & (found.page_size - 1)))
        data += read_phys(found.physical, step)
    return bytes(data)
