"""Task 1: gates, a whole table, and the one that the processor runs with."""

from __future__ import annotations

import struct

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

KERNEL_CS, FENCE, STUB = 0x10, 64, 16
STACKS = {8: 1, 2: 2, 18: 3}  # double fault, NMI, machine check
RUNNING_STACKS = {**STACKS, 1: 4}  # prepare_traps() gives the debug exception one, after build_idt()
FOR_PROGRAMS = (3, 4, 0x80)
NAMES = {2: "NMI", 3: "int3", 4: "into", 8: "double fault", 14: "page fault", 18: "machine check", 0x80: "int $0x80"}


def gate(entry: int, ist: int, ring: int) -> bytes:
    return struct.pack("<HHBBHII", entry & 0xFFFF, KERNEL_CS, ist, 0x8E | ring << 5, entry >> 16 & 0xFFFF, entry >> 32, 0)


def check_gate(found: bytes, entry: int, ist: int, ring: int, what: str) -> None:
    """Field by field, so that a failure says which."""
    low, selector, stack, kind, middle, high, reserved = struct.unpack("<HHBBHII", found)
    check_equal(high << 32 | middle << 16 | low, entry, f"{what} leads to its entry")
    check_equal(selector, KERNEL_CS, f"{what} runs in the kernel's code segment")
    check_equal(stack, ist, f"{what} has the right stack (IST)")
    check_equal(kind >> 7, 1, f"{what} is present")
    check_equal(kind >> 5 & 3, ring, f"{what} may be raised from the right privilege on (DPL)")
    check_equal(kind & 0x1F, 0x0E, f"{what} is an interrupt gate of 64-bit mode")
    check_equal(reserved, 0, f"{what} has zeros where nothing is defined")


def check_table(table: bytes, stubs: int, stacks: dict[int, int]) -> None:
    for vector in range(256):
        what = f"gate {vector}" + (f" ({NAMES[vector]})" if vector in NAMES else "")
        ring = 3 if vector in FOR_PROGRAMS else 0
        check_gate(table[16 * vector :][:16], stubs + STUB * vector, stacks.get(vector, 0), ring, what)


@points(5, task="1", function="make_gate", handout="handouts/02-traps.md, task 1", emulators=["qemu"])
def test_idt_gates(direct, rng, emu):
    """every bit of a gate stands where the processor looks for it"""
    for _ in range(60):
        entry = rng.choice([rng.getrandbits(64), 0xFFFF_FFFF_8000_0000 | rng.getrandbits(31)])
        ist, ring = rng.randrange(4), rng.randrange(4)
        found = direct.ask("trap_gate", struct.pack("<QBB", entry, ist, ring))
        check_gate(found, entry, ist, ring, f"make_gate({entry:#x}, IST {ist}, ring {ring})")


@points(5, task="1", function="build_idt", handout="handouts/02-traps.md, task 1", requires=["test_idt_gates"], emulators=["qemu"])
def test_idt_table(direct, rng, emu):
    """build_idt() fills a whole table, whatever was there, and nothing else"""
    for _ in range(6):
        fill, stubs = rng.randrange(256), rng.getrandbits(62) & ~0xF
        memory = direct.ask("trap_idt", struct.pack("<BQ", fill, stubs))
        for fence in (memory[:FENCE], memory[-FENCE:]):
            check_equal(fence, bytes([fill]) * FENCE, "memory around the table is left alone")
        check_table(memory[FENCE:-FENCE], stubs, STACKS)


@points(6, task="1", function="build_idt", handout="handouts/02-traps.md, task 1")
def test_idt_running(boot, symbols, emu):
    """every processor runs with the kernel's table: IDTR, 256 gates in memory, a page nobody writes"""
    machine = boot(smp=2)
    machine.agent.ping()
    machine.pause()
    cr3 = machine.registers()["cr3"]
    tables = [machine.descriptor_tables(cpu) for cpu in range(2)]
    for cpu, found in enumerate(tables):
        check_equal(found["idt_limit"], 256 * 16 - 1, f"processor {cpu}: IDTR's limit covers all gates")
        check_equal(found["idt_base"], tables[0]["idt_base"], f"processor {cpu} has the same table as processor 0")
    base = tables[0]["idt_base"]
    check(symbols["__rodata_start"] <= base < symbols["__rodata_end"], "the table lies on pages that cannot be written",
          observed=base)  # fmt: skip
    check_table(machine.read_virt(base, 4096, cr3), symbols["trap_stubs"], RUNNING_STACKS)
