"""Grades one kernel: runs the lab's tests in pytest, repeats infrastructure faults, writes results."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from . import results
from .errors import InfrastructureFault
from .lab import Lab
from .results import Record

_RERUNS = 2  # of tests that ended in an infrastructure fault; never of others


@dataclasses.dataclass
class Options:
    """How to run the tests."""

    emu: str = "qemu"
    tests: str = ""
    seed: str = ""
    workers: int = 2
    sandbox: bool = True
    initrd: pathlib.Path | None = None
    stop_at_first: bool = False
    quiet: bool = False
    keep: pathlib.Path | None = None
    failed_build: str = ""


def run_tests(lab: Lab, kernel_dir: pathlib.Path, options: Options) -> Record:
    """The record of one grading run. InfrastructureFault when pytest itself broke."""
    began = time.monotonic()
    record, problems = _pytest(lab, kernel_dir, options)
    if problems:
        raise InfrastructureFault("the lab's tests are broken:\n" + "\n".join(problems))
    while record.has_fault and record.attempts <= _RERUNS:
        names = sorted({test.name for test in record.tests if test.status in ("fault", "skipped")})
        again = dataclasses.replace(options, tests=" or ".join(names), seed=record.seed, workers=1)
        _merge(record, _pytest(lab, kernel_dir, again)[0])
    record.seconds = time.monotonic() - began
    return record


def _merge(record: Record, again: Record) -> None:
    """A repeated test replaces its fault, and what was skipped for it; verdicts stay."""
    record.attempts += 1
    fresh = {(test.name, test.emulator): test for test in again.tests}
    for i, test in enumerate(record.tests):
        if test.status in ("fault", "skipped"):
            record.tests[i] = fresh.get((test.name, test.emulator), test)


def _pytest(lab: Lab, kernel_dir: pathlib.Path, options: Options) -> tuple[Record, list[str]]:
    with tempfile.TemporaryDirectory(prefix="vitrine-grade-") as folder:
        out = pathlib.Path(folder) / "record.json"
        command = _command(lab, kernel_dir, options, out)
        package = str(pathlib.Path(__file__).resolve().parents[1])
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([package, os.environ.get("PYTHONPATH", "")])}
        env["PYTHONDONTWRITEBYTECODE"] = "1"
        sink = subprocess.PIPE if options.quiet else None
        done = subprocess.run(command, stdout=sink, stderr=sink, env=env, stdin=subprocess.DEVNULL)
        if not out.exists():
            said = ((done.stdout or b"") + (done.stderr or b"")).decode(errors="replace")[-2000:]
            raise InfrastructureFault(f"pytest ended with {done.returncode} and no record\n{said}")
        data = json.loads(out.read_text())
    record = results.from_dicts(lab.name, data["tests"])
    record.seed = data["seed"]
    return record, data["problems"]


def _command(lab: Lab, kernel_dir: pathlib.Path, options: Options, out: pathlib.Path) -> list[str]:
    ini = pathlib.Path(__file__).with_name("pytest.ini")
    command = [sys.executable, "-m", "pytest", str(lab.tests), "-c", str(ini), "--rootdir", str(lab.folder)]
    command += ["-p", "vitrine_grader.plugin", "-p", "no:cacheprovider", "--table", "--lab", lab.name]
    command += ["--emu", options.emu, "--kernel-dir", str(kernel_dir), "--record", str(out)]
    if options.workers > 1:
        command += ["-n", str(options.workers)]
    for flag, value in (("-k", options.tests), ("--seed", options.seed), ("--initrd", options.initrd),
                        ("--keep", options.keep), ("--failed-build", options.failed_build)):  # fmt: skip
        if value:
            command += [flag, str(value)]
    command += ["-x"] if options.stop_at_first else []
    return command if options.sandbox else [*command, "--no-sandbox"]
