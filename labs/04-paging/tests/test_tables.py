"""Task 2: page tables that are made, shared and given back."""

from __future__ import annotations

import struct

from spaces import FRAME, LARGE, LEAF_SPAN, PRESENT, TABLE, USER, WRITABLE, Run, Script, draw_place, free_kib, play, settle

from vitrine_grader.failure import check, check_equal
from vitrine_grader.memory import proc_number
from vitrine_grader.plugin import points

TWO = "handouts/04-paging.md, task 2"
GIB = 1 << 30


def draw_far_places(rng) -> list[int]:
    """Pages whose ways down part at every level, one of them the last before a table's end."""
    base = draw_place(rng) // LEAF_SPAN * LEAF_SPAN
    last = base + LEAF_SPAN - 4096
    return [base + rng.randrange(0, 400) * 4096, last, base + LEAF_SPAN * rng.randrange(2, 100), base + GIB * rng.randrange(1, 100), base + 512 * GIB * rng.randrange(1, 20)]


@points(4, task="2", function="walk, descend", handout=TWO)
def test_walk_down(one, rng):
    """a page is found where the processor looks for it; tables are made where they are needed, and only there"""
    script, places = Script(), draw_far_places(rng)
    before = script.look()
    for i, at in enumerate(places):
        script.junk(1, 512, 0x1313_1313_1000 | PRESENT | WRITABLE | USER)  # what new tables must not keep
        script.map(1, at, 1)
        script.write(1, at, 1000 + i)
    after = script.look()
    run = Run(one, script)
    with run.looking(before) as picture:
        old = set(picture[1].tables)
    with run.looking(after) as picture:
        space = picture[1]
        for i, at in enumerate(places):
            check_equal(space.words(at, 1)[0], 1000 + i, f"the word at {at:#x}, by the page tables")
        wanted = {(level, at >> 12 + 9 * level) for at in places for level in (1, 2, 3)}
        check_equal(len(set(space.tables) - old), len(wanted), "page tables more, for five pages far from each other")
        ours = {at for at in space.entries if any(at // LEAF_SPAN == place // LEAF_SPAN for place in places)}
        check_equal(sorted(map(hex, ours)), sorted(map(hex, places)), "pages that the new tables translate")
    run.finish()


@points(3, task="2", function="new_page_table", handout=TWO, emulators=["qemu"])
def test_walk_kernel_half(one, rng):
    """every process sees the kernel through the kernel's own tables, and cannot touch it"""
    script = Script()
    script.fork(1, 2)
    script.fork(2, 3)
    here = script.look()
    run = Run(one, script)
    with run.looking(here) as picture:
        halves = {who: struct.unpack("<512Q", picture.memory.frame(space.counts.root))[256:] for who, space in picture.spaces.items()}
        check(sum(1 for entry in halves[1] if entry & PRESENT) >= 3, "the upper half of a process's table leads to the kernel's tables")
        for who in (2, 3):
            differ = [256 + i for i in range(256) if halves[who][i] & FRAME != halves[1][i] & FRAME]
            check_equal(differ, [], f"entries of the upper half in which process {who} differs from process 1")
        _check_not_for_users(picture.memory, halves[1], 3)
        check_equal(len({space.counts.root for space in picture.spaces.values()}), 3, "top-level tables of three processes")
    run.finish()


def _check_not_for_users(memory, entries, level: int) -> None:
    """No entry for kernel addresses, whichever table it stands in, lets users pass."""
    for i, entry in enumerate(entries):
        check(not entry & USER, f"entry {i} of a table of level {level}, for kernel addresses, is not for users", observed=hex(entry))
        if level > 1 and entry & PRESENT and not entry & LARGE:
            _check_not_for_users(memory, struct.unpack("<512Q", memory.frame(entry & FRAME)), level - 1)


@points(4, task="2", function="unlink_below", handout=TWO, emulators=["qemu"])
def test_walk_unmap(one, rng):
    """who unmaps gives tables back that translate nothing else; those of the neighbours stay"""
    base = draw_place(rng) // GIB * GIB
    leaf = [base + LEAF_SPAN * i for i in range(5)]
    script = Script()
    script.map(1, leaf[0], 512 * 5)
    for i, at in enumerate(leaf):
        script.fill(1, at + 4096 * 7, 2, 10 + i)
    full = script.look()
    script.unmap(1, leaf[1] + 4096 * 300, 512 * 2)  # the second half of 1, all of 2, more than half of 3
    holed = script.look()
    script.unmap(1, leaf[0], 512)
    script.unmap(1, leaf[4], 512)
    less = script.look()
    script.unmap(1, leaf[0], 512 * 5)
    empty = script.look()
    run = Run(one, script)
    with run.looking(full) as picture:
        tables = [picture[1].of_leaf(at) for at in leaf]
        upper = set(picture[1].tables)
    check(all(tables), "five leaf tables for five stretches of 2 MiB", observed=tables)
    for look, left in ((holed, [0, 1, 3, 4]), (less, [1, 3])):
        with run.looking(look) as picture:
            stays = [i for i in range(5) if picture[1].of_leaf(leaf[i])]
            check_equal(stays, left, "stretches of 2 MiB that have a leaf table still")
            for i in set(range(5)) - set(left):
                check_equal(picture.memory.info(tables[i]).flags & TABLE, 0, f"the mark of a page table on the frame that held table {i}")
            if look is holed:
                for i in left:
                    words = picture[1][leaf[i] + 4096 * 7]
                    check(words & PRESENT or i == 3, "the neighbours' pages are there still", observed=f"{words:#x} in table {i}")
    with run.looking(empty) as picture:
        rest = [at for at in picture[1].entries if base <= at < base + GIB]
        check_equal(rest, [], "pages that are mapped where all was unmapped")
        check_equal(len(upper - set(picture[1].tables)), 7, "tables that went: five leaves and the two above, which nobody else needs")
    run.finish()


@points(3, task="2", function="unlink_below", handout=TWO, requires=["test_walk_down"], emulators=["qemu"])
def test_walk_comes_back(one, rng):
    """when a process is gone all its tables and pages are free"""
    places = draw_far_places(rng)

    def live() -> Script:
        script = Script()
        script.fork(1, 2)
        for at in places:
            script.map(2, at, 40)
            script.fill(2, at, 40, 5)
        script.fork(2, 3)
        script.leave(3)
        script.leave(2)
        return script

    play(one, live())
    settle(one)
    before, tables = free_kib(one.agent), proc_number(one.agent, "/proc/vmstat", "nr_page_table_pages")
    for _ in range(6):
        play(one, live())
    settle(one)
    lost = before - free_kib(one.agent)
    now = proc_number(one.agent, "/proc/vmstat", "nr_page_table_pages")
    check(abs(now - tables) < 4, "page tables in use, as counted (nr_page_table_pages), before and after", expected=tables, observed=now)
    check(lost < 1500, "no memory is lost by processes that come and go (six times, 11 tables and 200 pages each)", observed=f"{lost} KiB less than before")
