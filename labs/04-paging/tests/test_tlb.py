"""Task 6: no processor goes on with what is no longer so.

Two processors run at once; one goes on using a page while the other takes it, or the right to write to it, away. All
of it on Bochs, which keeps translations as a processor does, and has PCID.
"""

from __future__ import annotations

import re

from spaces import FAULT, NONE, R, Run, Script, draw_place, play

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

SIX = "handouts/04-paging.md, task 6"


def pair(script: Script, at: int, pages: int) -> None:
    """Process 1 on processor 0, its thread 2 on processor 1, and memory that both have used."""
    script.map(1, at, pages)
    script.fill(1, at, pages, 1)
    script.thread(1, 2)
    script.on_cpu(1, 0)
    script.on_cpu(2, 1)
    script.differs(2, at, pages, 1)


@points(4, task="6", function="flush_tlb_range, flush_here, follow", handout=SIX, emulators=["qemu"])
def test_tlb_protect(two, rng):
    """memory that one thread makes read-only, or hides, is so for the other at once"""
    at, script = draw_place(rng), Script()
    pair(script, at, 300)
    ends = []
    for page, pages, prot in ((0, 1, R), (1, 20, R), (30, 200, R), (250, 2, NONE)):
        script.write_on(2, at + (page + pages - 1) * 4096)
        script.nap(300)
        script.protect(1, at + page * 4096, pages, prot)
        before = script.read(1, at + (page + pages - 1) * 4096)
        script.nap(300)
        ends.append((pages, prot, *script.stop(2), before))
    play(two, script)
    for pages, prot, end, last, before in ends:
        check_equal(end.value, FAULT | 11, f"what ends a thread that goes on writing, when mprotect({pages} pages, {prot}) came from another")
        if prot == R:
            check_equal(before.value, last.value - 1, "the word that the other thread had written last before mprotect(), read behind it")


@points(3, task="6", function="flush_tlb_range, flush_here, follow", handout=SIX, emulators=["qemu"])
def test_tlb_unmap(two, rng):
    """what one thread unmaps is gone for the other; what is mapped there then is what both see"""
    at, script = draw_place(rng), Script()
    pair(script, at, 100)
    script.read_on(2, at + 4096 * 3)
    script.nap(300)
    script.unmap(1, at, 100)
    script.nap(300)
    gone, _ = script.stop(2)
    script.map(1, at, 100)
    script.fill(1, at, 50, 2)
    new = script.differs(2, at, 50, 2)
    script.read_on(2, at + 4096 * 70)  # the zero page
    script.write(1, at + 4096 * 70, 8)
    script.nap(300)
    _, seen = script.stop(2)
    play(two, script)
    check_equal(gone.value, FAULT | 11, "what ends a thread that goes on reading what another unmaps")
    check_equal(new.value, 0, "words that the other thread sees of what was there before")
    check_equal(seen.value, 8, "what the other thread sees, after the zero page was replaced by a page of their own")


@points(4, task="6", function="flush_tlb_range, replace_page, copy_page_range", handout=SIX, emulators=["qemu"])
def test_tlb_copy(two, rng):
    """after a fork no thread goes on writing to the page that the child has; after a copy all use the copy"""
    at, script = draw_place(rng), Script()
    pair(script, at, 12)
    writes = []
    for child in range(3, 8):
        page = at + child * 4096
        script.write_on(2, page)
        script.nap(300)
        script.fork(1, child)
        first = script.read(child, page)
        script.nap(500)
        second = script.read(child, page)
        stopped, last = script.stop(2)
        writes.append((first, second, stopped, last, script.read(1, page)))
    script.fork(1, 8)
    script.read_on(2, at + 4096)
    script.nap(300)
    script.write(1, at + 4096, 5)
    script.nap(300)
    _, seen = script.stop(2)
    inherited = script.read(8, at + 4096)
    here = script.look()
    run = Run(two, script)
    with run.looking(here) as picture:
        picture.check_shares()
    run.finish()
    for first, second, stopped, last, parents in writes:
        check_equal(second.value, first.value, "a word that the child sees, while a thread of its parent goes on writing there")
        check(not stopped.value & FAULT, "the thread can go on writing after the fork", observed=hex(stopped.value))
        check_equal(parents.value, last.value, "the word that the thread wrote last, read by process 1")
    check_equal(seen.value, 5, "what a thread reads, after another has written to a page that was shared with a child")
    check_equal(inherited.value, 1, "the same word in the child")


@points(4, task="6", function="return_from_lazy, load_mm, choose_slot", handout=SIX, emulators=["qemu"])
def test_tlb_return(two, rng):
    """who comes back to an address space after others have run there sees what was changed meanwhile"""
    at, script = draw_place(rng), Script()
    pair(script, at, 40)
    script.fork(1, 3)
    script.on_cpu(3, 1)
    script.fill(3, at, 40, 77)
    script.fork(1, 4)  # keeps the frames as they are, so that who still looks there sees 1
    checks = []
    for step, busy in enumerate((False, True, False, True)):
        page = at + step * 10 * 4096
        script.differs(2, page, 10, 1)  # processor 1 knows the pages, then sleeps
        script.write(2, page + 4096 * 5, 1)
        script.write(2, page + 4096 * 6, 1)
        if busy:
            script.run_on(3)  # in another address space
            script.nap(300)
        script.unmap(1, page, 4)
        script.map(1, page, 4)
        script.fill(1, page, 4, 100 + step)
        script.protect(1, page + 4096 * 5, 2, R)
        if busy:
            script.stop(3)
        checks.append((busy, script.differs(2, page, 4, 100 + step), script.try_write(2, page + 4096 * 5, 3)))
        checks.append((busy, script.differs(3, page, 10, 77), script.try_write(3, page + 4096 * 5, 77)))
    play(two, script)
    for (busy, words, write), whose in zip(checks, ("the thread", "another process") * 4):
        meanwhile = "in between another process ran" if busy else "in between the processor was idle"
        check_equal(words.value, 0, f"words that {whose} sees on its processor of what was there before ({meanwhile})")
        check_equal(write.value, FAULT | 11 if whose == "the thread" else 0, f"a write by {whose} to a page that the thread's process made read-only ({meanwhile})")


@points(3, task="6", function="flush_tlb_range, without_lazy", handout=SIX, emulators=["qemu"], requires=["test_tlb_protect"])
def test_tlb_quiet(two, rng):
    """who does not use the address space is not disturbed: neither an idle processor nor one with another process"""
    at, script = draw_place(rng), Script()
    pair(script, at, 60)
    script.fork(1, 3)
    script.on_cpu(3, 1)
    script.fill(1, at, 60, 2)  # its own again
    looks = [script.look()]
    for runner, pages in ((None, range(20)), (3, range(20, 40)), (2, range(40, 60))):
        if runner:
            script.run_on(runner)
            script.nap(300)
        for page in pages:
            if not runner:
                script.read(2, at)  # then processor 1 is idle, and has these tables on loan
            script.protect(1, at + page * 4096, 1, R)
        if runner:
            script.stop(runner)
        looks.append(script.look())
    run, counts = Run(two, script), []
    for look in looks:
        run.until(look)
        counts.append(_shootdowns(run.agent)[1])
        run.go()
    run.finish()
    idle, other, user = (after - before for before, after in zip(counts, counts[1:]))
    check(idle <= 2, "interrupts at processor 1 for 20 changes, while it was idle", expected="none, or two", observed=idle)
    check(other <= 2, "interrupts at processor 1 for 20 changes, while it ran another process", expected="none, or two", observed=other)
    check(18 <= user <= 24, "interrupts at processor 1 for 20 changes, while a thread of the process ran there", expected="20, or a few more", observed=user)


def _shootdowns(agent) -> list[int]:
    """The line TLB of /proc/interrupts."""
    line = re.search(r"^ *TLB:((?: +\d+)+)", agent.read_file("/proc/interrupts").decode(), re.MULTILINE)
    check(line, "/proc/interrupts counts TLB shootdowns")
    return [int(word) for word in line[1].split()]
