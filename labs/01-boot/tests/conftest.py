"""What the tests of lab 01-boot share: asking the probes, a machine caught at its first step."""

from __future__ import annotations

import pytest

from vitrine_grader.caller import AgentProbes, DirectProbes

COM3 = 0x3E8
COM3_ARGUMENTS = {
    "qemu": ("-chardev", "socket,id=com3,path=com3.sock,server=on,wait=off", "-serial", "chardev:com3"),
    "bochs": ("com3: enabled=1, mode=file, dev=com3.out",),
}


@pytest.fixture
def direct(boot, symbols):
    """Probes called from outside at the entry of kernel_main(). QEMU only."""
    return DirectProbes(boot(paused=True, mem=64, extra=COM3_ARGUMENTS["qemu"]), symbols)


@pytest.fixture
def com3_machine(boot, emu):
    """A booted machine with a third serial port, which the kernel leaves alone."""
    machine = boot(extra=COM3_ARGUMENTS[emu])
    machine.agent.ping()
    return machine


@pytest.fixture
def through_agent(com3_machine):
    """Probes of a booted kernel."""
    return AgentProbes(com3_machine.agent)
