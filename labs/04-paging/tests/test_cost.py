"""For the leaderboard. Worth no points."""

from __future__ import annotations

from spaces import COST_COPY, COST_FORK, COST_ZERO, Script, play

from vitrine_grader.plugin import points


def _cost(machine, kind: int, pages: int) -> int:
    script = Script()
    answer = script.cost(kind, pages)
    play(machine, script)
    return answer.value


@points(0, emulators=["qemu"], requires=["test_anon_write"], metric="instructions per first write to a page")
def test_cost_of_zero(one, measure, emu):
    """a page of zeros at the first write, from the instruction to the next one of the program, on average over 400"""
    measure(_cost(one, COST_ZERO, 400))


@points(0, emulators=["qemu"], requires=["test_cow_copies"], metric="instructions per copy on write")
def test_cost_of_copy(one, measure, emu):
    """a write to a page that a child has, too"""
    measure(_cost(one, COST_COPY, 400))


@points(0, emulators=["qemu"], requires=["test_fork_shares"], metric="instructions per fork of 64 MiB")
def test_cost_of_child(boot, measure, emu):
    """a fork of a process that has written to 64 MiB, and the end of the child"""
    measure(_cost(boot(mem=256), COST_FORK, 16384))
