"""What the tests of tracing share: the built kernel, machines with it, the workload.

VITRINE_BUILD names another folder of built things.
"""
import os
import pathlib
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "grader"))

from vitrine_grader.machine import Config  # noqa: E402 (needs the path above)
from vitrine_grader.qemu import Qemu  # noqa: E402

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
