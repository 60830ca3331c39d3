"""The machine from outside: the firmware's map, the kernel's page tables, its descriptor tables.

Nothing here asks the kernel: memory and registers come from the emulator.
"""

from __future__ import annotations

import dataclasses
import io
import struct

from elftools.elf.elffile import ELFFile

from vitrine_grader.errors import InfrastructureFault
from vitrine_grader.failure import check

DIRECT_MAP = 0xFFFF_8880_0000_0000
IMAGE = 0xFFFF_FFFF_8000_0000
PVH_MAGIC, MULTIBOOT2_MAGIC = 0x336EC578, 0x36D76289
_ADDRESS = 0x000F_FFFF_FFFF_F000


def firmware_map(machine) -> list[tuple[int, int, int]]:
    """The memory map as the loader left it, for a machine that stands at kernel_entry(magic, info)."""
    registers = machine.registers()
    magic, info = registers["rdi"] & 0xFFFFFFFF, registers["rsi"] & 0xFFFFFFFF
    if magic == PVH_MAGIC:
        table, count = struct.unpack("<QI", machine.read_phys(info + 40, 12))
        return [(start, size, kind) for start, size, kind, _ in
                struct.iter_unpack("<QQII", machine.read_phys(table, 24 * count))]  # fmt: skip
    check(magic == MULTIBOOT2_MAGIC, "a loader that we know started the kernel", observed=magic)
    (total,) = struct.unpack("<I", machine.read_phys(info, 4))
    block, at = machine.read_phys(info, total), 8
    while at + 8 <= total:
        kind, size = struct.unpack_from("<II", block, at)
        if kind == 6:
            step = struct.unpack_from("<I", block, at + 8)[0]
            return [struct.unpack_from("<QQI", block, i) for i in range(at + 16, at + size, step)]
        at += -(-size // 8) * 8
    return []


@dataclasses.dataclass(frozen=True)
class Leaf:
    """One page of the kernel's half."""

    va: int
    pa: int
    size: int
    writable: bool
    user: bool
    executable: bool

    def __str__(self) -> str:
        rights = "r" + "-w"[self.writable] + "-x"[self.executable] + (" user" if self.user else "")
        return f"{self.va:#x} -> {self.pa:#x}, {self.size // 1024} KiB, {rights}"


def kernel_mappings(machine) -> list[Leaf]:
    """All pages of the upper half; the machine is paused."""
    leaves: list[Leaf] = []

    def walk(table: int, level: int, base: int, rights: int, nx: bool) -> None:
        for index, (entry,) in enumerate(struct.iter_unpack("<Q", machine.read_phys(table, 4096))):
            if not entry & 1 or (level == 3 and index < 256):
                continue
            shift = 12 + 9 * level
            va = base | index << shift | (0xFFFF << 48 if level == 3 else 0)
            both, off = rights & entry, nx or bool(entry >> 63)
            if level == 0 or (level < 3 and entry & 0x80):
                pa = entry & _ADDRESS & -(1 << shift)
                leaves.append(Leaf(va, pa, 1 << shift, bool(both & 2), bool(both & 4), not off))
            else:
                walk(entry & _ADDRESS, level - 1, va, both, off)

    walk(machine.registers()["cr3"] & _ADDRESS, 3, 0, 6, False)
    return leaves


def check_image(leaves: list[Leaf], symbols) -> None:
    """Text is executable, constants are only read, data is written, each where it was loaded."""
    image = {leaf.va + at: (leaf, at) for leaf in leaves if leaf.va >= IMAGE for at in range(0, leaf.size, 4096)}
    parts = (("__text_start", "__text_end", False, True), ("__rodata_start", "__rodata_end", False, False),
             ("__data_start", "__percpu_end", True, False), ("__bss_start", "__kernel_end", True, False))  # fmt: skip
    for start, end, writable, executable in parts:
        for page in range(symbols[start], symbols[end], 4096):
            leaf, at = image.get(page & -4096, (None, 0))
            check(leaf, f"{page & -4096:#x} ({start} ... {end}) is mapped")
            rights = (leaf.writable, leaf.executable)
            check(rights == (writable, executable), f"{page & -4096:#x} ({start} ... {end}) has the right rights",
                  expected=f"writable {writable}, executable {executable}", observed=str(leaf))  # fmt: skip
            check(leaf.pa + at == (page & -4096) - IMAGE, f"{page & -4096:#x} leads to where it was loaded", observed=str(leaf))


def program(initrd, name: str) -> list[tuple[int, bytes]]:
    """The executable segments of a static program in an initramfs: address and bytes."""
    with open(initrd, "rb") as file:
        data = file.read()
    at = 0
    while data[at : at + 6] == b"070701":
        fields = [int(data[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        size, name_size = fields[6], fields[11]
        body = -(-(at + 110 + name_size) // 4) * 4
        if data[at + 110 : at + 109 + name_size] == name.encode():
            elf = ELFFile(io.BytesIO(data[body : body + size]))
            return [(s["p_vaddr"], s.data()) for s in elf.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_flags"] & 1]
        at = -(-(body + size) // 4) * 4
    raise InfrastructureFault(f"{initrd} has no {name}")
