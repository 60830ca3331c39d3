"""What a stranger's code can reach from inside the sandbox."""

from __future__ import annotations

import dataclasses
import os
import subprocess

import pytest

from vitrine_grader import sandbox
from vitrine_grader.sandbox import Limits

pytestmark = pytest.mark.skipif(bool(sandbox.why_unusable()), reason="no bubblewrap")


def inside(script: str, tmp_path, box=None) -> subprocess.CompletedProcess:
    box = box or sandbox.require()
    command = box.with_paths(write=[tmp_path]).wrap(["/bin/sh", "-c", script], tmp_path)
    return subprocess.run(command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("path", ["/etc/shadow", "/etc/passwd", "/root", "/home", "/work", "/var"])
def test_cannot_see(path, tmp_path):
    assert inside(f"ls {path}", tmp_path).returncode != 0


def test_cannot_write_the_system(tmp_path):
    assert inside("echo x > /usr/x", tmp_path).returncode != 0


def test_has_no_network(tmp_path):
    names = inside("ls /sys/class/net 2>/dev/null; cat /proc/net/dev", tmp_path).stdout
    interfaces = [line.split(":")[0].strip() for line in names.splitlines() if ":" in line]
    assert set(interfaces) <= {"lo"}


def test_file_size_is_limited(tmp_path):
    box = dataclasses.replace(sandbox.require(), limits=Limits(file=1 << 20))
    assert inside("head -c 9000000 /dev/zero > big", tmp_path, box).returncode != 0
    assert (tmp_path / "big").stat().st_size <= 1 << 20


def test_cpu_is_limited(tmp_path):
    box = dataclasses.replace(sandbox.require(), limits=Limits(cpu_s=1))
    assert inside("while :; do :; done", tmp_path, box).returncode != 0


def test_nothing_outlives_it(tmp_path):
    inside("sleep 4242 & exit 0", tmp_path)
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert "sleep 4242" not in listed


def test_processes_are_limited(tmp_path):
    """Also when the grader runs as root, which has no limit of its own."""
    box = dataclasses.replace(sandbox.require(), limits=Limits(cpu_s=2, processes=20), stranger=True)
    script = "for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait) & done; wait"
    done = inside(f"id -u; {script}", tmp_path, dataclasses.replace(box, binds=((tmp_path, "/w"),)))
    assert done.stdout.strip() == str(sandbox.NOBODY if os.getuid() == 0 else os.getuid()), done.stderr
    assert "fork" in done.stderr
