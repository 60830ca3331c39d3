"""As much of something as there is (userland/hostile): the system lives on, and keeps nothing.

Small sizes always, sizes for which the machine is given memory in the slow layer; Linux is asked for the
small ones, too.
"""
import subprocess

import pytest
from vitrine_grader.machine import SECOND

SMALL = {"bomb": 60, "threads": 300, "chain": 200, "zombies": 500, "execs": 60, "unmapped": 200, "limits": 3,
         "areas": 3000}
# (what, size, processors, MiB). Tasks are limited by memory: see /proc/sys/kernel/threads-max.
LARGE = [("bomb", 500, 4, 512), ("bomb", 0, 2, 512), ("threads", 10_000, 4, 2048), ("threads", 10_000, 1, 2048),
         ("chain", 4096, 4, 2048), ("chain", 4096, 1, 2048), ("zombies", 5000, 4, 1024), ("execs", 1000, 4, 256),
         ("execs", 500, 2, 256), ("unmapped", 1500, 4, 256), ("unmapped", 2000, 1, 256),
         ("limits", 50, 4, 256), ("areas", 100_000, 2, 256)]


def run_hostile(machine, name, size):
    done = machine.agent.run(["/sbin/hostile", name, str(size)], limit_ns=900 * SECOND)
    text = done.stdout.decode(errors="replace")
    assert done.exit_code == 0, f"{done.describe()}\n{text}{done.stderr.decode(errors='replace')}"
    assert f"hostile: {name}: done, 0 leaks" in text
    shell = machine.agent.run(["/bin/sh", "-c", "echo $((6 * 7)) | cat"])
    assert shell.stdout == b"42\n", "the shell still answers"


@pytest.mark.quick
def test_small(boot):
    """One after the other in the same machine."""
    machine = boot("quiet", agent=True, smp=4, mem=256)
    for name, size in SMALL.items():
        run_hostile(machine, name, size)


@pytest.mark.slow
@pytest.mark.parametrize("name, size, smp, mem", LARGE)
def test_large(boot, name, size, smp, mem):
    """Sizes at which something gives way."""
    run_hostile(boot("quiet", agent=True, smp=smp, mem=mem), name, size)


@pytest.mark.oracle
@pytest.mark.parametrize("name", SMALL)
def test_on_linux(built, name):
    """The oracle: Linux does what is demanded."""
    done = subprocess.run([built["programs"] / "hostile", name, str(SMALL[name])], capture_output=True, text=True,
                          timeout=300, check=False, stdin=subprocess.DEVNULL, start_new_session=True)
    assert done.returncode == 0 and f"hostile: {name}: done" in done.stdout, done.stdout + done.stderr
