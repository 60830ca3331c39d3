"""What tests of whole systems use: `built` (what to boot) and `boot` (starts machines).

They use the grader's drivers (grader/README.md). Marker `quick` puts a test into
`make test-quick`, too; tests/run_tests.py runs those with the marker `slow` last, and those with the
marker `oracle` with nothing beside them. VITRINE_BUILD names another folder of built things. A
machine of a failed test leaves its logs in build/test-results/machines/TEST/; those of a test that
passed go.
"""
import os
import pathlib
import shutil
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / folder) for folder in ("grader", "tests/system")]

from vitrine_grader.bochs import Bochs  # noqa: E402 (needs the path above)
from vitrine_grader.machine import Config  # noqa: E402
from vitrine_grader.qemu import Qemu  # noqa: E402

BUILD = pathlib.Path(os.environ.get("VITRINE_BUILD", REPOSITORY / "build")).resolve()
KEPT = REPOSITORY / "build/test-results/machines"
DRIVERS = {"qemu": Qemu, "bochs": Bochs}
ARTIFACTS = {"kernel": "kernel/vitrine.img.elf", "elf": "kernel/vitrine.elf", "disk": "disk.img",
             "shell": "initramfs.cpio", "lab": "initramfs-lab.cpio", "hello": "initramfs-hello.cpio",
             "procps": "initramfs-procps.cpio", "debug": "initramfs-debug.cpio", "programs": "userland"}


def pytest_configure(config):
    config.addinivalue_line("markers", "quick: a main path; also in `make test-quick`")
    config.addinivalue_line("markers", "slow: takes long; in a layer of its own")
    config.addinivalue_line("markers", "oracle: runs on the host's Linux, whose clock is the wall's; one at a time")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if outcome.get_result().failed:
        item.went_wrong = True


@pytest.fixture(scope="session")
def built():
    """Everything that the build made, by name; a missing piece is an error, not a skip."""
    paths = {name: BUILD / path for name, path in ARTIFACTS.items()}
    missing = [str(path) for path in paths.values() if not path.exists()]
    assert not missing, f"build them first (make images userland): {' '.join(missing)}"
    return paths


@pytest.fixture
def boot(request, built):
    """`boot(cmdline, emu="qemu", initrd="shell"|path|None, **Config fields)` starts a machine.

    `disk=True` boots the image that `make run` boots (or name another); then cmdline and initrd do not count. The guest's
    clock is real unless deterministic=True. With `agent=True` the grader's agent is started.
    """
    machines = []

    def start(cmdline="", emu="qemu", initrd="shell", disk=False, agent=False, **fields):
        fields.setdefault("deterministic", emu == "bochs")
        if disk:
            fields["disk"] = built["disk"] if disk is True else disk
        else:
            fields.setdefault("kernel", built["kernel"])
            fields["initrd"] = built[initrd] if isinstance(initrd, str) else initrd
        if agent:
            fields["key"] = os.urandom(16)
        name = "".join(c if c.isalnum() else "-" for c in request.node.name)
        kept = KEPT / f"{name}-{len(machines)}"
        shutil.rmtree(kept, ignore_errors=True)
        machine = DRIVERS[emu](Config(cmdline=f"console=ttyS0 {cmdline}".strip(), keep=kept, **fields))
        machines.append((machine, kept))
        machine.start()
        return machine

    yield start
    for machine, kept in machines:
        machine.stop()
        if not getattr(request.node, "went_wrong", False):
            shutil.rmtree(kept, ignore_errors=True)
        else:
            print(f"{machine.name} ({machine.exit.value}): logs in {kept}")
