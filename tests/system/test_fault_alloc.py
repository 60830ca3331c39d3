"""Allocations that fail: the short form of `make fault-alloc`, each allocation of some steps once."""
import re
import subprocess

import pytest
from vitrine_grader.machine import SECOND

from machines import BUILD, REPOSITORY

STEPS = ("fork", "exec", "mremap", "names", "pipes", "futexes", "signals", "timers", "epoll", "pty", "threads")
RESULT = re.compile(r"^scarce: 1 steps, (\d+) failures, 0 wrong, 0 leaks$", re.MULTILINE)
pytestmark = pytest.mark.timeout(900)  # slow kernels


@pytest.fixture(scope="module")
def debug_kernel():
    """The checking build, beside the other one."""
    subprocess.run(["make", "--no-print-directory", "-j2", "DEBUG=1", "kernel"], cwd=REPOSITORY, check=True,
                   stdout=subprocess.DEVNULL)
    return BUILD / "kernel-debug/vitrine.img.elf"


def scarce(machine, *words):
    done = machine.agent.run(["/sbin/scarce", *words], limit_ns=900 * SECOND)
    text = done.stdout.decode(errors="replace")
    assert done.exit_code == 0, f"{done.describe()}\n{text}{done.stderr.decode(errors='replace')}"
    return text


@pytest.mark.slow
def test_each_fails_once(boot, debug_kernel):
    """Whatever the kernel allocates for a step may fail: an errno, no leak, no panic."""
    machine = boot("quiet", kernel=debug_kernel, agent=True, smp=4, mem=256)
    for step in STEPS:
        assert int(RESULT.search(scarce(machine, "-o", step))[1]) > 3, f"{step}: hardly anything failed"


@pytest.mark.slow
def test_by_chance(boot, debug_kernel):
    """Failures that come at any time, also to what the workload starts."""
    machine = boot("quiet", kernel=debug_kernel, agent=True, smp=4, mem=256)
    assert re.search(r"^scarce: \d+ steps, 0 failures, 0 wrong, 0 leaks$", scarce(machine, "-c", "3"), re.MULTILINE)


@pytest.mark.slow
def test_switches(boot, debug_kernel):
    """The files have Linux' names and meaning; and a report names who asked."""
    machine = boot(kernel=debug_kernel, agent=True, mem=256)

    def shell(line):
        return machine.agent.run(["/bin/sh", "-c", line]).stdout.decode()

    folder = "/sys/kernel/debug/failslab"
    assert shell(f"cd {folder}; cat probability interval times space verbose task-filter ignore-gfp-wait").split() == \
        ["0", "1", "1", "0", "2", "N", "Y"]
    assert shell("cat /sys/kernel/debug/fail_page_alloc/min-order") == "1\n"
    assert shell("cat /proc/self/fail-nth /proc/self/make-it-fail") == "0\n0\n"
    assert "nvalid" in shell(f"echo x 2>&1 > {folder}/task-filter; echo 2 2>&1 > /proc/self/make-it-fail")
    shell(f"echo N > {folder}/ignore-gfp-wait; echo 5 > /proc/self/fail-nth; cd /tmp; cd /proc; cat meminfo; true")
    assert re.search(r"FAULT_INJECTION: forcing a failure. name failslab, .*\n.*Call trace:", machine.console.text)
