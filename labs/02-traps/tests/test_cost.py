"""For the leaderboard: what the two commonest traps cost. Worth no points."""

from __future__ import annotations

from vitrine_grader.plugin import points


@points(0, emulators=["qemu"], requires=["test_dispatch_numbers"], metric="instructions per null system call")
def test_cost_of_system_call(tool, measure, emu):
    """getppid() from a program and back, by the machine's own count of instructions"""
    measure(tool.cost()[0])


@points(0, emulators=["qemu"], requires=["test_timer_expired"], metric="instructions per timer interrupt")
def test_cost_of_timer_interrupt(tool, measure, emu):
    """what one timer takes away from a program that runs on"""
    measure(tool.cost()[1])
