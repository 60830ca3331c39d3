"""Interrupts, as far as a program in the guest cannot judge them: what ends in a panic, and the vector tables."""
import re

import pytest
from shell import Shell

from test_boot import panic_of

PROVOKE = "/sys/kernel/debug/provoke-crash/DIRECT"


def provoked(boot, mistake, smp):
    """The panic's line, after a mistake in interrupt context."""
    machine = boot(smp=smp)
    Shell(machine).begin(f"echo {mistake} > {PROVOKE}")
    return panic_of(machine), machine.console.text


@pytest.mark.parametrize("smp", [1, 2])
def test_irq_stack_overflow(boot, smp):
    """The page below the interrupt stack is not mapped: who needs it is stopped, on another stack."""
    _, text = provoked(boot, "EXHAUST_IRQ_STACK", smp)
    assert "interrupt stack overflow" in text
    assert "recurse" in text


def test_sleep_in_irq(boot):
    """Nobody may sleep in an interrupt; the report names who tried."""
    line, text = provoked(boot, "SLEEP_IN_IRQ", 1)
    assert "assertion failed" in line
    assert "sleep_in_irq" in text


def test_vector_matrix(boot):
    """Each processor has its own table; the serial line's interrupt stands in one of them."""
    agent = boot("quiet", agent=True, smp=2).agent
    text = agent.read_file("/sys/kernel/debug/irq/domains/VECTOR").decode()
    rows = re.findall(r"^ +(\d+) +(\d+) +(\d+) ((?: \d+\(\d+\))*)$", text, re.MULTILINE)
    assert [int(cpu) for cpu, *_ in rows] == [0, 1], text
    assert all(int(used) == len(list_.split()) for _, _, used, list_ in rows), text
    assert "(4)" in rows[0][3] + rows[1][3], text
