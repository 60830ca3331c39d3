"""The short form of `make stress`: under load of every kind no check fails, and nothing is kept."""
import re
import subprocess

import pytest
from vitrine_grader.machine import SECOND

RESULT = re.compile(r"^stress: (\d+) operations, \d+ rounds, 0 failures, 0 leaks$", re.MULTILINE)


def run_stress(machine, *words):
    done = machine.agent.run(["/sbin/stress", *map(str, words)], limit_ns=600 * SECOND)
    text = done.stdout.decode(errors="replace")
    assert done.exit_code == 0, f"{done.describe()}\n{text}{done.stderr.decode(errors='replace')}"
    assert int(RESULT.search(text)[1]) > 0, text
    assert machine.agent.run(["/bin/true"]).exit_code == 0, "the system lives on"


@pytest.mark.parametrize("smp", [4, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_stress(boot, smp):
    """Workers of all kinds at once."""
    run_stress(boot("quiet", agent=True, smp=smp, mem=256), "-t", 10)


@pytest.mark.oracle
def test_stress_on_linux(built):
    """The oracle: what the workers demand is what Linux does."""
    done = subprocess.run([built["programs"] / "stress", "-t", "3"], capture_output=True, text=True, timeout=300,
                          check=False, stdin=subprocess.DEVNULL, start_new_session=True)
    assert done.returncode == 0 and RESULT.search(done.stdout), done.stdout + done.stderr
