"""The tests of the trace points and of `make trace`.

Evidence is what a workload must have done: what the kernel recorded is compared with that, and its
three forms (tracefs' text, the raw records, the CTF trace) with each other.
"""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from traced import WORKLOAD, machine  # noqa: E402 (needs the path above)
from vitrine_grader.trace import capture, ctf  # noqa: E402


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
