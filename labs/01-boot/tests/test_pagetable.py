"""Task 4: page tables, entry by entry, and then those of the running kernel."""

from __future__ import annotations

import dataclasses
import struct

import memory_map
import outside

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

PAGE, LARGE = 4096, 2 << 20
PRESENT, WRITABLE, USER, PS, NX = 1, 2, 4, 0x80, 1 << 63
ADDRESS = 0x000F_FFFF_FFFF_F000
ENOMEM = 12
MAX_FRAMES = 11  # Pool::kFrames of the probe


@dataclasses.dataclass(frozen=True)
class Mapping:
    va: int
    pa: int
    bytes: int
    flags: int

    def leaves(self) -> dict[int, tuple[int, int]]:
        """Address to (level, entry): what the handout's rule gives."""
        found, done = {}, 0
        while done < self.bytes:
            va, pa = self.va + done, self.pa + done
            large = (va | pa) % LARGE == 0 and self.bytes - done >= LARGE
            found[va] = (1, pa | self.flags | PS) if large else (0, pa | self.flags)
            done += LARGE if large else PAGE
        return found

    def __str__(self) -> str:
        return f"map_region({self.va:#x} -> {self.pa:#x}, {self.bytes:#x} bytes, flags {self.flags:#x})"


class Answer:
    """What boot_page_tables says, walked from the root."""

    def __init__(self, data: bytes):
        self.error, self.used, self.root, count = struct.unpack_from("<IIQI", data)
        self.entries: dict[tuple[int, int], int] = {}
        for table, index, value in struct.iter_unpack("<HHQ", data[20 : 20 + 12 * count]):
            self.entries[table, index] = value
        self.leaves: dict[int, tuple[int, int]] = {}
        self.seen: list[int] = []
        self._walk(0, 3, 0)

    def _walk(self, table: int, level: int, base: int) -> None:
        for (number, index), value in self.entries.items():
            if number != table:
                continue
            va = base | index << 12 + 9 * level
            va |= 0xFFFF << 48 if va >> 47 & 1 else 0
            if level == 0 or value & PS:
                self.leaves[va] = (level, value)
                continue
            frame = ((value & ADDRESS) - self.root) // PAGE
            check(1 <= frame <= MAX_FRAMES, "an entry leads to a table", expected="a frame from alloc()",
                  observed=f"level {level} entry {value:#x} for {va:#x}", function="table_below")  # fmt: skip
            check_equal(value & (PRESENT | WRITABLE | NX), PRESENT | WRITABLE,
                        f"the level {level} entry for {va:#x} is present and writable", function="table_below")  # fmt: skip
            self.seen.append(frame)
            self._walk(frame, level - 1, va)


def ask(probes, frames: int, mappings: list[Mapping]) -> Answer:
    packed = b"".join(struct.pack("<4Q", m.va, m.pa, m.bytes, m.flags) for m in mappings)
    return Answer(probes.ask("boot_page_tables", struct.pack("<II", frames, len(mappings)) + packed))


def draw(rng) -> list[Mapping]:
    """One or two mappings that need at most 9 tables."""
    base = rng.choice([0, 0xFFFF_8880_0000_0000, 0xFFFF_FFFF_8000_0000, rng.getrandbits(19) << 28])
    base |= rng.getrandbits(2) << 22
    flags = PRESENT | rng.choice([0, WRITABLE]) | rng.choice([0, NX]) | rng.choice([0, 0x160, 0x18])
    large = rng.choice([0, 0, 1, rng.randint(2, 40)])
    head, tail = (rng.choice([0, 0, rng.randint(1, 250)]) for _ in range(2))
    skew = rng.choice([0, 0, 0, rng.randint(1, 511)]) * PAGE if large < 2 else 0
    va = base + (LARGE - head * PAGE) % LARGE
    pa = rng.randrange(0, 1 << 30, LARGE) + (LARGE - head * PAGE) % LARGE + skew
    size = (head + tail) * PAGE + (large if not skew else min(large, 1)) * LARGE
    mappings = [Mapping(va, pa, size or PAGE, flags)]
    if rng.random() < 0.5:
        mappings.append(Mapping(base + (128 << 20), rng.randrange(1 << 30) & -PAGE, rng.randint(1, 20) * PAGE, flags ^ WRITABLE))
    return mappings


def expected_leaves(mappings: list[Mapping]) -> dict[int, tuple[int, int]]:
    return {va: leaf for mapping in mappings for va, leaf in mapping.leaves().items()}


def check_leaves(answer: Answer, mappings: list[Mapping]) -> None:
    expected, what = expected_leaves(mappings), "; ".join(map(str, mappings))
    for va in sorted(expected.keys() | answer.leaves.keys()):
        def show(leaf):
            return f"level {leaf[0]} entry {leaf[1]:#x}" if leaf else "nothing"

        check_equal(show(answer.leaves.get(va)), show(expected.get(va)), f"{what}: the entry that maps {va:#x}")


@points(2, task="4", function="table_index", handout="handouts/01-boot.md, task 4", emulators=["qemu"])
def test_pagetable_index(direct, rng, emu):
    """table_index() takes the nine bits that belong to its level"""
    asked = [(va, level) for va in (0, 0xFFF, 0x1FF000, 0xFFFF_8880_0000_0000, 0xFFFF_FFFF_FFFF_FFFF) for level in range(4)]
    asked += [(rng.getrandbits(64), rng.randrange(4)) for _ in range(200)]
    answer = direct.ask("boot_table_index", b"".join(struct.pack("<QI", *pair) for pair in asked))
    for (va, level), (index,) in zip(asked, struct.iter_unpack("<I", answer)):
        check_equal(index, va >> 12 + 9 * level & 511, f"the index of {va:#x} in a table of level {level}")


@points(7, task="4", function="map_region", handout="handouts/01-boot.md, task 4", requires=["test_pagetable_index"], emulators=["qemu"])
def test_pagetable_mappings(direct, rng, emu):
    """map_region() makes exactly the entries it should: addresses, flags, page sizes, tables"""
    fixed = [
        [Mapping(0x40_0000, 0x80_0000, LARGE, PRESENT | WRITABLE)],
        [Mapping(0x40_0000, 0x80_1000, LARGE, PRESENT | WRITABLE)],
        [Mapping(0x40_1000, 0x80_1000, LARGE, PRESENT | NX)],
        [Mapping(0x40_0000, 0x80_0000, LARGE - PAGE, PRESENT)],
        [Mapping(0x40_0000, 0x80_0000, LARGE + PAGE, PRESENT), Mapping(0x60_1000, 0x123000, PAGE, PRESENT | WRITABLE)],
        [Mapping(0xFFFF_FFFF_FFFF_F000, 0x7000, PAGE, PRESENT)],
        [Mapping(0x3FFF_F000, 0x5000, 2 * PAGE, PRESENT | WRITABLE)],
    ]
    for mappings in fixed + [draw(rng) for _ in range(25)]:
        answer = ask(direct, MAX_FRAMES, mappings)
        check_equal(answer.error, 0, "; ".join(map(str, mappings)) + " works")
        check_leaves(answer, mappings)
        check_equal(sorted(answer.seen), list(range(1, answer.used + 1)), "every table from alloc() is used, once",
                    function="table_below")  # fmt: skip


@points(3, task="4", function="table_below", handout="handouts/01-boot.md, task 4", requires=["test_pagetable_mappings"], emulators=["qemu"])
def test_pagetable_out_of_frames(direct, rng, emu):
    """map_region() says ENOMEM when there is no frame for a table, and what it mapped stays"""
    for mappings in [draw(rng) for _ in range(8)]:
        needed = ask(direct, MAX_FRAMES, mappings).used
        for frames in range(needed):
            answer = ask(direct, frames, mappings)
            what = f"{'; '.join(map(str, mappings))} with {frames} of {needed} frames"
            check_equal(answer.error, ENOMEM, f"{what} gives ENOMEM")
            check(answer.leaves.items() <= expected_leaves(mappings).items(), f"{what} maps nothing wrong")
            check_equal(answer.used, frames, f"{what} takes all of them")


@points(4, task="4", function="map_region", handout="handouts/01-boot.md, task 4")
def test_pagetable_running(boot, symbols, rng, emu):
    """the running kernel maps all RAM and nothing else, each part of its image with its rights"""
    mem = rng.randrange(64, 200) if emu == "qemu" else rng.choice([64, 96, 160])
    machine = boot(paused=True, mem=mem)
    machine.run_to(symbols["kernel_entry"], limit_ns=20_000_000_000)
    entries = outside.firmware_map(machine)
    machine.resume()
    machine.agent.ping()
    machine.pause()
    leaves = outside.kernel_mappings(machine)
    for leaf in leaves:
        check(not leaf.user, f"no user may touch {leaf.va:#x}", observed=leaf)
        check(not (leaf.writable and leaf.executable), f"{leaf.va:#x} is not writable and executable", observed=leaf)
    direct_map = [leaf for leaf in leaves if leaf.va >> 39 == outside.DIRECT_MAP >> 39]
    for leaf in direct_map:
        check_equal(leaf.pa, leaf.va - outside.DIRECT_MAP, "the direct map is one to one")
        check(not leaf.executable, f"the direct map is not executable at {leaf.va:#x}", observed=leaf)
    covered = memory_map._union([(leaf.pa, leaf.pa + leaf.size) for leaf in direct_map])
    check_equal(covered, memory_map.ram_of(entries), f"the direct map covers exactly the RAM of {mem} MiB")
    check(any(leaf.size == LARGE for leaf in direct_map), "the direct map uses 2 MiB pages")
    outside.check_image(leaves, symbols)
