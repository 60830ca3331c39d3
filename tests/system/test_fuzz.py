"""The short form of `make fuzz`: no call with bad arguments panics, hangs or leaks."""
import re

import pytest
from vitrine_grader.machine import SECOND


def run_fuzz(machine, *words):
    done = machine.agent.run(["/sbin/fuzz", *map(str, words)], limit_ns=600 * SECOND)
    text = done.stdout.decode(errors="replace")
    assert done.exit_code == 0, f"{done.describe()}\n{text}{done.stderr.decode(errors='replace')}"
    return int(re.search(r"^fuzz: (\d+) calls, \d+ workers, 0 leaks$", text, re.MULTILINE)[1])


def test_fuzz(boot):
    """Each bad value at each place of each call, then chance."""
    assert run_fuzz(boot("quiet", agent=True, smp=4, mem=256), "-n", 20_000, "-b", 3000) >= 20_000


@pytest.mark.slow
def test_fuzz_on_bochs(boot):
    """On the emulator that checks segments and reserved bits."""
    machine = boot("quiet", emu="bochs", agent=True, smp=2)
    assert run_fuzz(machine, "-n", 5_000, "-b", 500, "-s", 7) >= 5_000
