"""For the leaderboard: how long the way to the first program is. Worth no points."""

from __future__ import annotations

from vitrine_grader.plugin import points


@points(0, emulators=["qemu"], requires=["test_boot_user_program"], metric="instructions from the kernel's entry to init")
def test_cost_of_boot(boot, symbols, measure, emu):
    """from the kernel's first instruction to init's first, by the machine's own clock: one is 1 ns"""
    machine = boot("quiet", paused=True)
    machine.run_to(symbols["pvh_start"] & 0x7FFF_FFFF)  # where it is before paging
    begin = machine.virtual_ns()
    machine.run_to(symbols["first_return_to_user"])
    measure(machine.virtual_ns() - begin)
