"""Task 3: the exception table, and what becomes of addresses that lead nowhere."""

from __future__ import annotations

import struct

from programs import CLOCK_GETTIME, EFAULT, MASK, MMAP, PIPE, READ, UNAME, WRITE, error

from vitrine_grader.caller import AgentProbes
from vitrine_grader.errors import AgentError
from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points


def draw_table(rng, count: int) -> list[tuple[int, int]]:
    """Entries in any order, neighbours included; addresses over the whole range."""
    places = set()
    while len(places) < count:
        at = rng.choice([rng.getrandbits(64), 0xFFFF_FFFF_8010_0000 + rng.getrandbits(14)])
        places |= {at, at + 1 & MASK} if rng.random() < 0.3 and len(places) + 1 < count else {at}
    return [(at, rng.getrandbits(64)) for at in rng.sample(sorted(places), count)]


@points(8, task="3", function="sort_extable, search_extable", handout="handouts/02-traps.md, task 3", emulators=["qemu"])
def test_extable_search(direct, rng, emu):
    """every entry of a sorted table is found, the first and the last as well, and nothing else"""
    for count in (0, 1, 2, 3, 4, 7, 8, 9, 31, 100, 255, 256, 600, *(rng.randrange(1, 200) for _ in range(8))):
        table = draw_table(rng, count)
        places = sorted(at for at, _ in table)
        wanted = rng.sample(places, min(count, 200)) + [0, MASK, *places[:1], *places[-1:]]
        wanted += [near & MASK for at in rng.sample(places, min(count, 40)) for near in (at - 1, at + 1)]
        data = struct.pack("<I", count) + b"".join(struct.pack("<QQ", *row) for row in table)
        answer = direct.ask("trap_extable", data + struct.pack(f"<{len(wanted)}Q", *wanted))
        rows = list(struct.iter_unpack("<QQ", answer[: 16 * count]))
        check_equal(rows, sorted(table), f"{count} entries are sorted by address, each with its fixup",
                    function="sort_extable")  # fmt: skip
        index = {at: i for i, at in enumerate(places)}
        for rip, (found,) in zip(wanted, struct.iter_unpack("<Q", answer[16 * count :])):
            check_equal(found, index.get(rip, MASK), f"the entry for {rip:#x} among {count} ({MASK:#x}: none)",
                        function="search_extable")  # fmt: skip


@points(4, task="3", function="sort_extable, fixup_exception", handout="handouts/02-traps.md, task 3")
def test_extable_running(machine, symbols, rng, emu):
    """the kernel's own table is sorted in memory, and a frame is sent where its entry says"""
    probes = AgentProbes(machine.agent)
    machine.agent.ping()
    machine.pause()
    start, end = symbols["__extable_start"], symbols["__extable_end"]
    rows = list(struct.iter_unpack("<QQ", machine.read_virt(start, end - start)))
    machine.resume()
    places = [at for at, _ in rows]
    check(len(rows) > 3 and all(a < b for a, b in zip(places, places[1:])), "the entries stand in ascending order",
          observed=", ".join(map(hex, places)))  # fmt: skip
    texts = range(symbols["__text_start"], symbols["__text_end"])
    check(all(at in texts and resume in texts for at, resume in rows), "and lead from the kernel's code to the kernel's code")
    table = dict(rows)
    for rip in rng.sample(places, len(places)) + [places[0] - 1, places[-1] + 1, 0, MASK, *rng.sample(texts, 20)]:
        others = rng.getrandbits(64)
        found, resume, changed = struct.unpack("<IQI", probes.ask("trap_fixup", struct.pack("<QQ", rip, others)))
        check_equal((found, resume), (int(rip in table), table.get(rip, rip)), f"fixup_exception() for rip {rip:#x}: result and new rip")
        check_equal(changed, 0, "the other registers of the frame stay as they were")


@points(6, task="3", function="fixup_exception, handle_exception", handout="handouts/02-traps.md, task 3",
        requires=["test_extable_running"])  # fmt: skip
def test_extable_copies(tool, rng, emu):
    """addresses that lead nowhere are EFAULT, whatever kind they are of, and the kernel goes on"""
    places = {
        "unmapped": rng.randrange(1 << 20, 1 << 34) << 12, "null": 0, "the kernel's": 0xFFFF_FFFF_8010_0000,
        "in the hole": 0x0000_8000_0000_0000 + rng.getrandbits(40), "the direct map": 0xFFFF_8880_0000_0000,
        "the last byte": MASK,
    }  # fmt: skip
    for what, at in places.items():
        found = tool.call((UNAME, at), (CLOCK_GETTIME, 1, at), (PIPE, at))
        check_equal(found, [error(EFAULT)] * 3, f"a result for an address that is {what} ({at:#x}) is EFAULT")
    page = rng.randrange(1 << 24, 1 << 34) << 12
    keep = rng.randrange(1, 300)
    edge = page + 4096 - keep
    found = tool.call((MMAP, page, 4096, 3, 0x100022, MASK, 0), (PIPE, page), (WRITE, 4, edge, 1000), (WRITE, 4, edge, keep),
                      (READ, 3, page, 4096), (WRITE, 4, page - 8, 16), (UNAME, page + 4090))  # fmt: skip
    check_equal(found[:2], [page, 0], "a pipe, told in a page of the program's")
    check(found[2] in (keep, error(EFAULT)), "a copy that runs into a page that is not there ends at its edge",
          expected=f"{keep} bytes, or EFAULT", observed=found[2])  # fmt: skip
    total = keep + (found[2] if found[2] == keep else 0)
    check_equal(found[3:5], [keep, total], "what came before the edge, and no more, is in the pipe")
    check_equal(found[5:], [error(EFAULT)] * 2, "a copy that begins or ends outside is EFAULT")
    try:
        missing = tool.agent.stat("/none")
    except AgentError as known:
        missing = known.errno
    check_equal(missing, 2, "the next program's calls work as before")
