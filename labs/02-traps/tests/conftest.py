"""What the tests of lab 02-traps share: two ways to ask the probes, and hands inside the system."""

from __future__ import annotations

import pytest
from programs import Tool

from vitrine_grader.caller import AgentProbes, DirectProbes


@pytest.fixture
def direct(boot, symbols):
    """Probes called from outside at the entry of kernel_main(). QEMU only."""
    return DirectProbes(boot(paused=True, mem=64), symbols)


@pytest.fixture
def through_agent(machine):
    """Probes of a booted kernel."""
    return AgentProbes(machine.agent)


@pytest.fixture
def tool(machine):
    """Runs /sbin/labtool in a booted machine."""
    return Tool(machine.agent)
