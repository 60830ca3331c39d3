"""Task 3: from the firmware's memory map to memblock."""

from __future__ import annotations

import memory_map
from memory_map import MAX_PHYS, PAGE, TOP, USABLE

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

MIB = 1 << 20


def shown(ranges) -> str:
    return " ".join(f"[{start:#x}, {end:#x})" for start, end in ranges) or "nothing"


def check_map(probes, entries) -> None:
    error, ram, _ = memory_map.decode(probes.ask("boot_memory_map", memory_map.encode(entries)))
    text = "; ".join(f"{start:#x} + {length:#x} type {kind}" for start, length, kind in entries)
    check_equal(error, 0, f"the map is usable: {text}")
    check_equal(shown(ram), shown(memory_map.ram_of(entries)), f"the RAM in the map: {text}")


@points(6, task="3", function="collect_ram", handout="handouts/01-boot.md, task 3", emulators=["qemu"])
def test_memory_map(direct, rng, emu):
    """RAM is what usable entries cover and no other entry claims, in whole pages, in any order"""
    ordinary = [(0, 0x9FC00, 1), (0x9FC00, 0x400, 2), (0xF0000, 0x10000, 2), (MIB, 63 * MIB, 1), (0xFFFC0000, 0x40000, 2)]
    for entries in (ordinary, ordinary[::-1], [(2 * MIB, MIB, 2), (MIB, 4 * MIB, USABLE)],
                    [(MIB, 4 * MIB, USABLE), (2 * MIB + 5, 1, 77)], [(MIB + 1, 2 * PAGE - 2, USABLE)]):  # fmt: skip
        check_map(direct, entries)
    for _ in range(60):
        check_map(direct, memory_map.draw(rng))


@points(5, task="3", function="range_of", handout="handouts/01-boot.md, task 3", requires=["test_memory_map"], emulators=["qemu"])
def test_memory_hostile(direct, rng, emu):
    """entries that are empty, wrap around, or lie beyond what the kernel can map do no harm"""
    ram = (MIB, 30 * MIB, USABLE)
    inside = rng.randrange(2 * MIB, 20 * MIB)
    for entries in (
        [ram, (inside, 0, 2)],
        [(inside, 0, USABLE)],
        [ram, (16 * MIB, TOP, 2)],
        [ram, (inside // PAGE * PAGE, TOP - inside // PAGE * PAGE + 1, 3)],
        [ram, (inside | 1, (1 << 64) - (inside | 1) + rng.randrange(1, MIB), 2)],
        [ram, (TOP - 7, 100, 2)],
        [ram, (TOP - 7, 100, USABLE)],
        [ram, (TOP, 1, USABLE), (TOP, 1, 2)],
        [(8 * MIB, TOP - 4 * MIB, USABLE)],
        [(MAX_PHYS - 4 * MIB, 8 * MIB, USABLE), ram],
        [(MAX_PHYS + rng.randrange(1 << 39) // PAGE * PAGE, 1 << 30, USABLE), ram],
        [(0, TOP, USABLE), (0, TOP, 2)],
        [(i * 16 * PAGE, 8 * PAGE, rng.choice([1, 1, 2])) for i in range(128)],
    ):
        check(memory_map.is_clear(entries), "the test asks for what is defined")
        check_map(direct, entries)
