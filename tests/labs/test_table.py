"""Each lab's own proof, as `make mutants LAB=...` prints it: every row must be good.

Reference and alternates get everything, the starter gets its base and names the hole, each mutant
is killed by the test that its patch names, each adversary gets nothing for what it fakes and is called
what it is.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LABS = sorted(path.parent.name for path in (ROOT / "labs").glob("*/lab.toml"))
# How far two runs may be apart; the others' metrics are exact. Where many programs share a processor, or one
# works for longer than from tick to tick, the moment at which the grader's request arrives, which the host
# decides, still shows a little: programs that wake each other settle into one of several rhythms, in which more
# or fewer of those who are woken run at once.
NEARLY = {"03-scheduling": (0.06, 0), "04-paging": (0.002, 20)}
# Who is ahead when the time is over is ahead by up to a slice of 4 ms, of the 400 ms that each had.
FAR = {"fairness error, millionths": 10_000}
LEAST = {"mutants": 16, "alternates": 3, "adversaries": 4}


def grader(*arguments: str, seconds: int = 3000) -> subprocess.CompletedProcess:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "grader"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "vitrine_grader", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=seconds)


def patches(lab: str, kind: str) -> list[pathlib.Path]:
    return sorted((ROOT / "labs" / lab / kind).glob("*.patch"))


@pytest.mark.parametrize("lab", LABS)
def test_lab_has_enough_proof(lab):
    for kind, least in LEAST.items():
        assert len(patches(lab, kind)) >= least, f"{lab}: {kind}"
    for patch in patches(lab, "mutants"):
        assert re.search(r"^Kills: test_\w+$", patch.read_text(), re.MULTILINE), patch
    for patch in patches(lab, "adversaries"):
        assert re.search(r"^Named: \S", patch.read_text(), re.MULTILINE), patch


@pytest.mark.proof
@pytest.mark.parametrize("lab", LABS)
@pytest.mark.timeout(3000)
def test_table_has_no_bad_row(lab):
    done = grader("mutants", lab)
    rows = [line for line in done.stdout.splitlines() if line.startswith(("ok ", "BAD"))]
    assert not [row for row in rows if row.startswith("BAD")], done.stdout + done.stderr
    assert [row for row in rows if "starter" in row and "empty: " in row], "the starter's hole is not named"
    wanted = 2 + sum(len(patches(lab, kind)) for kind in LEAST)
    assert len(rows) == wanted and done.returncode == 0, done.stdout + done.stderr
    assert f"{wanted} passed, 0 failed" in done.stdout


@pytest.mark.parametrize("lab", LABS)
@pytest.mark.timeout(900)
def test_reference_gets_everything_on_both(lab):
    done = grader("grade", lab, "--emu", "both", seconds=900)
    assert done.returncode == 0, done.stdout + done.stderr
    score = re.search(r"([\d.]+)/([\d.]+) points", done.stdout)
    assert score and score[1] == score[2] and "FAIL" not in done.stdout


@pytest.mark.proof
@pytest.mark.parametrize("lab", LABS)
def test_metrics_are_exact(lab, tmp_path):
    """What lab.toml promises the leaderboard is measured, and is the same twice, or nearly."""
    promised = tomllib.loads((ROOT / "labs" / lab / "lab.toml").read_text())["metrics"]
    runs = []
    for out in (tmp_path / "1.json", tmp_path / "2.json"):
        done = grader("grade", lab, "--emu", "qemu", "--tests", "cost", "--json", str(out))
        assert done.returncode == 0, done.stdout
        runs.append({entry["name"]: entry["value"] for entry in json.loads(out.read_text())["leaderboard"]})
    assert sorted(runs[0]) == sorted(promised) and min(runs[0].values()) > 0
    relative, absolute = NEARLY.get(lab, (0, 0))
    for name, value in runs[0].items():
        assert value == pytest.approx(runs[1][name], rel=relative, abs=FAR.get(name, absolute)), name
