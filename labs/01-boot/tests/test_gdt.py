"""Tasks 5 and 6: descriptors, the tables of one processor, and those that the machine runs with."""

from __future__ import annotations

import struct

from vitrine_grader import paging
from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

SLOTS, TSS_BYTES, FENCE = 16, 104, 64
KERNEL_CS, KERNEL_DS, USER_CS32, USER_DS, USER_CS, TSS = 0x10, 0x18, 0x23, 0x2B, 0x33, 0x40
_ACCESSED = 1 << 40  # the processor sets it itself
_BUSY = 1 << 41  # likewise, in the descriptor of the loaded TSS
_DATA_SIZE = 1 << 54  # without meaning for data in 64-bit mode


def descriptor(access: int, flags: int) -> int:
    return 0xFFFF | access << 40 | 0xF << 48 | flags << 52


def tss_descriptor(base: int, limit: int) -> tuple[int, int]:
    low = limit & 0xFFFF | (base & 0xFFFFFF) << 16 | 0x89 << 40 | (limit >> 16) << 48 | (base >> 24 & 0xFF) << 56
    return low, base >> 32


def check_gdt(gdt: bytes, tss_base: int) -> None:
    """The slots that selectors name, and that the others are empty."""
    slots = struct.unpack(f"<{SLOTS}Q", gdt)
    wanted = {KERNEL_CS: (0x9A, 0xA), KERNEL_DS: (0x92, 0xC), USER_CS32: (0xFA, 0xC), USER_DS: (0xF2, 0xC), USER_CS: (0xFA, 0xA)}
    names = {KERNEL_CS: "kernel code", KERNEL_DS: "kernel data", USER_CS32: "32-bit user code", USER_DS: "user data",
             USER_CS: "user code"}  # fmt: skip
    for selector, (access, flags) in wanted.items():
        ignored = _ACCESSED | (_DATA_SIZE if selector in (KERNEL_DS, USER_DS) else 0)
        check_equal(slots[selector >> 3] & ~ignored, descriptor(access, flags) & ~ignored,
                    f"slot {selector >> 3} holds {names[selector]}")  # fmt: skip
    low, high = tss_descriptor(tss_base, TSS_BYTES - 1)
    check_equal(slots[TSS >> 3] & ~_BUSY, low, f"slot {TSS >> 3} describes the TSS at {tss_base:#x}, limit {TSS_BYTES - 1}")
    check_equal(slots[(TSS >> 3) + 1], high, f"slot {(TSS >> 3) + 1} holds the upper half of the TSS' address")
    used = {selector >> 3 for selector in wanted} | {TSS >> 3, (TSS >> 3) + 1}
    for number in range(SLOTS):
        check(number in used or slots[number] == 0, f"slot {number} is empty", observed=slots[number])


@points(4, task="5", function="segment_descriptor, tss_descriptor", handout="handouts/01-boot.md, task 5", emulators=["qemu"])
def test_gdt_descriptors(direct, rng, emu):
    """every bit of a descriptor stands where the processor looks for it"""
    for _ in range(60):
        access, flags = rng.getrandbits(8), rng.getrandbits(4)
        base, limit = rng.choice([rng.getrandbits(64), 0xFFFF_8880_0000_0000 | rng.getrandbits(32)]), rng.getrandbits(20)
        answer = direct.ask("boot_descriptors", struct.pack("<BBQI", access, flags, base, limit))
        segment, low, high = struct.unpack("<QQQ", answer)
        what = f"(access {access:#x}, flags {flags:#x})"
        check_equal(segment, descriptor(access, flags), f"segment_descriptor{what}", function="segment_descriptor")
        what = f"tss_descriptor(base {base:#x}, limit {limit:#x})"
        check_equal(low, tss_descriptor(base, limit)[0], f"{what}.low", function="tss_descriptor")
        check_equal(high, tss_descriptor(base, limit)[1], f"{what}.high", function="tss_descriptor")


@points(6, task="6", function="build_cpu_tables", handout="handouts/01-boot.md, task 6", requires=["test_gdt_descriptors"], emulators=["qemu"])
def test_gdt_tables(direct, rng, emu):
    """build_cpu_tables() fills one processor's GDT and TSS, whatever was there, and nothing else"""
    for _ in range(12):
        fill, tops = rng.randrange(256), [rng.getrandbits(64) for _ in range(3)]
        answer = direct.ask("boot_cpu_tables", struct.pack("<B3Q", fill, *tops))
        (address,), memory = struct.unpack_from("<Q", answer), answer[8:]
        gdt, tss = memory[FENCE : FENCE + 8 * SLOTS], memory[FENCE + 8 * SLOTS :][:TSS_BYTES]
        for fence in (memory[:FENCE], memory[-FENCE:]):
            check_equal(fence, bytes([fill]) * FENCE, "memory around the tables is left alone")
        check_gdt(gdt, address + 8 * SLOTS)
        check_equal(list(struct.unpack_from("<3Q", tss, 36)), tops, "ist[0..2] of the TSS are the tops that were given")
        check(struct.unpack_from("<H", tss, 102)[0] >= TSS_BYTES, "the I/O bitmap lies beyond the limit of the TSS")
        check_equal(tss[:36] + tss[60:102], bytes(78), "the rest of the TSS is zero")


@points(4, task="6", function="build_cpu_tables", handout="handouts/01-boot.md, task 6")
def test_gdt_running(machine, emu):
    """the processor runs with the tables that the kernel built: GDTR, TR, their memory, the stacks"""
    machine.agent.ping()
    machine.pause()
    tables, cr3 = machine.descriptor_tables(), machine.registers()["cr3"]
    check_equal(tables["tr"], TSS, "the task register holds the selector of the TSS")
    check_equal(tables["gdt_limit"], 8 * SLOTS - 1, "GDTR's limit covers all slots")
    check_gdt(machine.read_virt(tables["gdt_base"], 8 * SLOTS, cr3), tables["tr_base"])
    tss = machine.read_virt(tables["tr_base"], TSS_BYTES, cr3)
    check(struct.unpack_from("<H", tss, 102)[0] >= TSS_BYTES, "users have no I/O ports: the bitmap lies beyond the limit")
    tops = struct.unpack_from("<3Q", tss, 36)
    check_equal(len(set(tops)), 3, "double fault, NMI and machine check have stacks of their own")
    for name, top in zip(("double fault", "NMI", "machine check"), tops):
        page = paging.translate(machine.read_phys, cr3, (top - 8) & (1 << 64) - 1)
        check(page.writable and not page.user and not page.executable, f"the {name} stack is memory of the kernel's",
              observed=f"top {top:#x}: {page}")  # fmt: skip
