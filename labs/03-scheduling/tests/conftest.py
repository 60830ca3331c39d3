"""What the tests of lab 03-scheduling share."""

from __future__ import annotations

import pytest
from loads import Tool

from vitrine_grader.caller import AgentProbes, DirectProbes


@pytest.fixture
def direct(boot, symbols):
    """Probes called from outside at the entry of kernel_main(). QEMU only."""
    return DirectProbes(boot(paused=True, mem=64), symbols)


@pytest.fixture
def through_agent(boot):
    """Probes of a booted kernel with one processor."""
    return AgentProbes(boot(mem=96).agent)


@pytest.fixture
def tool(boot):
    """Runs loads in a booted machine with one processor."""
    return Tool(boot(mem=96).agent)


@pytest.fixture
def patient_tool(boot):
    """The same for loads that last seconds: on QEMU an instruction takes eight times as long, so there are fewer of them."""
    return Tool(boot(mem=96, instruction_ns=8).agent)
