"""What the grader's own tests share: the package path, a built agent, a line to it."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "grader"))


@pytest.fixture(scope="session")
def agent_binary(tmp_path_factory) -> pathlib.Path:
    """/sbin/agent, built the way the guest gets it; it runs on the host's Linux as well."""
    out = tmp_path_factory.mktemp("agent") / "agent"
    sources = sorted((ROOT / "userland/agent").glob("*.c"))
    flags = ["-static", "-Os", "-Wall", "-Wextra", "-Werror", "-s"]
    subprocess.run(["musl-gcc", *flags, "-o", out, *sources], check=True)
    return out
