"""The memory of a stopped machine, as its kernel sees it: every page of it is read once.

Where the kernel keeps things (src/arch/layout.h, src/mm/page.h): all RAM at DIRECT_MAP, and one Page of 64 bytes
for each frame at VMEMMAP.
"""

from __future__ import annotations

import dataclasses
import struct

from . import paging
from .failure import Failure

PAGE, PAGE_BYTES = 4096, 64
DIRECT_MAP, VMEMMAP = 0xFFFF_8880_0000_0000, 0xFFFF_EA00_0000_0000


@dataclasses.dataclass(frozen=True)
class FrameInfo:
    """A Page, whatever its frame is used for."""

    flags: int
    references: int
    mappings: int
    order: int
    zone: int
    migrate_type: int


class Memory:
    """Made while the machine is stopped; what was not read by then must not be asked for later."""

    def __init__(self, machine):
        self._machine, self._pages, self._cr3 = machine, {}, machine.registers()["cr3"]

    @property
    def cr3(self) -> int:
        """Processor 0's tables."""
        return self._cr3

    def frame(self, physical: int) -> bytes:
        """The 4096 bytes around a physical address."""
        base = physical & -PAGE
        if base not in self._pages:
            self._pages[base] = self._machine.read_phys(base, PAGE)
        return self._pages[base]

    def piece(self, physical: int, length: int) -> bytes:
        """A few bytes of one frame, without reading all of it."""
        base, at = physical & -PAGE, physical % PAGE
        if base in self._pages:
            return self._pages[base][at : at + length]
        return self._machine.read_phys(physical, length)

    def _page(self, address: int) -> bytes:
        base = address & -PAGE
        if DIRECT_MAP <= base < DIRECT_MAP + (1 << 40):
            return self.frame(base - DIRECT_MAP)
        if base not in self._pages:
            physical = paging.translate(self._machine.read_phys, self._cr3, base).physical
            self._pages[base] = self.frame(physical)
        return self._pages[base]

    def read(self, address: int, length: int) -> bytes:
        """Bytes at an address of the kernel's."""
        data = b""
        while len(data) < length:
            at = address + len(data)
            data += self._page(at)[at % PAGE :][: length - len(data)]
        return data

    def word(self, address: int) -> int:
        return int.from_bytes(self.read(address, 8), "little")

    def info(self, physical: int) -> FrameInfo:
        """The Page of the frame at a physical address."""
        data = self.read(VMEMMAP + physical // PAGE * PAGE_BYTES, 16)
        flags, references, mappings, order, zone, migrate_type = struct.unpack_from("<IIIBBB", data)
        return FrameInfo(flags, references, mappings, order, zone, migrate_type)


def proc_number(agent, path: str, name: str) -> int:
    """The number behind a name at the beginning of a line: of /proc/meminfo, /proc/vmstat."""
    for line in agent.read_file(path).decode().splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == name:
            return int(words[1])
    raise Failure(f"{path} has a line {name}")
