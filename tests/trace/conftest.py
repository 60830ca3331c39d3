"""The tests of the trace points and of `make trace`.

Evidence is what a workload must have done: what the kernel recorded is compared with that, and its
three forms (tracefs' text, the raw records, the CTF trace) with each other.
VITRINE_BUILD names another folder of built things.
"""
import os
import pathlib
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "grader"))

from vitrine_grader.machine import Config  # noqa: E402 (needs the path above)
from vitrine_grader.qemu import Qemu  # noqa: E402
from vitrine_grader.trace import capture, ctf  # noqa: E402

BUILD = pathlib.Path(os.environ.get("VITRINE_BUILD", REPOSITORY / "build")).resolve()
KERNEL = BUILD / "kernel/vitrine.img.elf"
SUBSHELLS = 7
# Forks, a write of a known length to standard output, and tasks that wait for each other.
WORKLOAD = (f"for i in $(seq {SUBSHELLS}); do (exit $i); done; echo exactly-this-line; "
            "seq 200 | cat | cat > /dev/null; sleep 0.01")


def machine(cmdline="", **fields):
    """A machine that has not been started yet."""
    fields.setdefault("key", os.urandom(16))
    fields.setdefault("initrd", BUILD / "initramfs.cpio")
    return Qemu(Config(kernel=KERNEL, cmdline=f"console=ttyS0 {cmdline}", board="pc", **fields))


@pytest.fixture(scope="session", params=[1, 3], ids=["1cpu", "3cpus"])
def taken(request):
    """The records of WORKLOAD, every event but the memory ones switched on."""
    patterns = ["sched:*", "raw_syscalls:*", "exceptions:*", "signal:*", "irq:*"]
    with machine("quiet trace_buf_size=4M", smp=request.param, mem=256) as guest:
        found = capture.run(guest.agent, patterns, WORKLOAD, 20, with_text=True)
    assert found.ended == "exit code 0", found.output
    assert not any(found.lost.values())
    return found


@pytest.fixture(scope="session")
def ctf_trace(taken, tmp_path_factory):
    """The same as a CTF trace."""
    folder = tmp_path_factory.mktemp("trace") / "ctf"
    ctf.write(taken, folder)
    return folder
