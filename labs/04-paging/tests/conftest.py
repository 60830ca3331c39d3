"""What the tests of lab 04-paging share.

On Bochs run one or two tests of each task, the broadest: a boot there takes longer than most tests, and what the others
ask does not depend on the machine.
"""

from __future__ import annotations

import pytest

from vitrine_grader.caller import AgentProbes, DirectProbes


@pytest.fixture
def buddy(boot, symbols, emu):
    """The probe of a buddy system: before anything has booted on QEMU, in a running kernel on Bochs."""
    if emu == "qemu":
        return DirectProbes(boot(paused=True, mem=64), symbols)
    return AgentProbes(boot(mem=96).agent)


@pytest.fixture
def one(boot):
    """A machine with one processor."""
    return boot(mem=96)


@pytest.fixture
def two(boot):
    """One with two, on the emulator whose processors go on evenly."""
    return boot(driver="bochs", mem=96, smp=2)
