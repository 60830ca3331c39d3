"""Proves a lab's tests: reference and alternates 100 %, every mutant killed, adversaries nothing.

A patch is applied to a copy of the tree, and that copy is graded like any submission: through the
overlay and the sandbox. Header lines before the first `---`: `Kills: test_name` (mutants: tried
first), `Fakes: test_a test_b` (adversaries: what it must not get; default: more than the starter),
`Named: text` (adversaries: what the build's or a failed test's message must say of it).
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from . import builder, overlay
from .grade import Options, run_tests
from .lab import Lab, LabError, kills
from .results import Record


@dataclasses.dataclass
class Row:
    """One line of the table."""

    kind: str
    name: str
    good: bool
    verdict: str
    points: str = ""
    seconds: float = 0.0

    def text(self) -> str:
        mark = "ok " if self.good else "BAD"
        return f"{mark}  {self.kind:10} {self.name:34} {self.points:>8}  {self.verdict}  ({self.seconds:.1f} s)"


@dataclasses.dataclass
class Bench:
    """What all rows share: the lab, the tree, the built reference, the sandbox."""

    root: pathlib.Path
    lab: Lab
    reference: pathlib.Path
    box: object
    options: Options

    def grade(self, submission: pathlib.Path, **changes) -> tuple[Record, builder.Build]:
        """One run through overlay and build; the work tree is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="vitrine-mutant-") as folder:
            tree = pathlib.Path(folder) / "tree"
            build = builder.build_submission(self.lab, submission, self.reference, tree, self.box)
            options = dataclasses.replace(self.options, failed_build=build.problem, **changes)
            return run_tests(self.lab, build.out, options), build

    def patched(self, patch: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
        """A submission: the reference with a patch. LabError when it does not apply."""
        overlay.copy_tree(self.root / "src", folder / "src")
        argv = ["patch", "-p1", "-s", "-f", "--no-backup-if-mismatch", "-i", str(patch)]
        done = subprocess.run(argv, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise LabError(f"{patch} does not apply:\n{done.stdout}{done.stderr}")
        return folder


def table(bench: Bench, show) -> list[Row]:
    """All rows; `show` is called with each, in their order. Reference and starter have all workers;
    then each worker judges one patch, for most of them are one build and one short test."""
    rows: list[Row] = []

    def add(row: Row) -> None:
        rows.append(row)
        show(row)

    add(_full(bench, "reference", bench.root))
    starter, base = _starter(bench)
    add(starter)
    alone = dataclasses.replace(bench, options=dataclasses.replace(bench.options, workers=1))
    kinds = (("alternates", _alternate), ("adversaries", _adversary), ("mutants", _mutant))  # the longest first
    tasks = [(judge, patch) for kind, judge in kinds for patch in bench.lab.patches(kind)]
    pool = concurrent.futures.ThreadPoolExecutor(max(1, bench.options.workers))
    try:
        for row in pool.map(lambda task: _row(alone, *task, base), tasks):
            add(row)
    finally:
        pool.shutdown(cancel_futures=True)
    return rows


def _row(bench: Bench, judge, patch: pathlib.Path, base: set[str]) -> Row:
    """One patch, judged in a tree of its own."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vitrine-patch-") as folder:
        row = judge(bench, patch, bench.patched(patch, pathlib.Path(folder)), base)
    row.seconds = time.monotonic() - began
    return row


def _points(record: Record) -> str:
    return f"{record.score:g}/{record.max_score:g}"


def _full(bench: Bench, kind: str, submission: pathlib.Path) -> Row:
    """Must get everything."""
    began = time.monotonic()
    record, build = bench.grade(submission)
    failed = [test.title() for test in record.tests if test.status != "passed"]
    good = bool(record.tests) and not failed
    verdict = "100 %" if good else (build.problem.splitlines() or [f"failed: {', '.join(failed) or 'no tests'}"])[0]
    return Row(kind, submission.name, good, verdict, _points(record), time.monotonic() - began)


def _alternate(bench: Bench, patch: pathlib.Path, submission: pathlib.Path, _base) -> Row:
    return dataclasses.replace(_full(bench, "alternate", submission), name=patch.stem)


def _starter(bench: Bench) -> tuple[Row, set[str]]:
    """The empty submission. Returns also the tests that it passes: the base."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vitrine-starter-") as empty:
        record, build = bench.grade(pathlib.Path(empty))
    passed = {test.title() for test in record.tests if test.status == "passed"}
    good = not build.problem and record.score < record.max_score
    found = (re.search(r"LAB \w+: ([\w:]+\(\)) is (still empty|not written)", test.output) for test in record.tests)
    holes = sorted({hole[1] for hole in found if hole})
    named = f", empty: {' '.join(holes)}" if holes else ""
    verdict = f"base: {len(passed)} of {len(record.tests)} tests{named}" if good else build.problem or "gets everything"
    return Row("starter", "empty holes", good, verdict, _points(record), time.monotonic() - began), passed


def _mutant(bench: Bench, patch: pathlib.Path, submission: pathlib.Path, _base) -> Row:
    """Tries the named test first and stops at the first kill."""
    first = kills(patch)
    steps = [first, ""] if first else [""]
    for tests in steps:
        record, build = bench.grade(submission, tests=tests, stop_at_first=True)
        if build.problem:
            return Row("mutant", patch.stem, False, build.problem.splitlines()[0])
        killers = [test.title() for test in record.tests if test.status == "failed"]
        if killers:
            named = first in {killer.split(" [")[0] for killer in killers}
            note = "" if named or not first else f", but the patch names {first}"
            return Row("mutant", patch.stem, not note, f"killed by {killers[0]}{note}")
    return Row("mutant", patch.stem, False, "SURVIVED")


def _adversary(bench: Bench, patch: pathlib.Path, submission: pathlib.Path, base: set[str]) -> Row:
    """Must get nothing for what it fakes."""
    fakes = re.search(r"^Fakes:\s*(.+)$", patch.read_text(errors="replace"), re.MULTILINE)
    record, build = bench.grade(submission)
    passed = {test.title() for test in record.tests if test.status == "passed"}
    if fakes:
        gained = {title for title in passed if title.split(" [")[0] in fakes[1].split()}
    else:
        gained = passed - base
    called, named = _naming(patch, record, build)
    verdict = f"GOT {', '.join(sorted(gained))}" if gained else named
    good = not gained and called and bool(record.tests)
    return Row("adversary", patch.stem, good, verdict[:160], _points(record))


def _naming(patch: pathlib.Path, record: Record, build: builder.Build) -> tuple[bool, str]:
    """Whether the adversary was called what it is, and the line that does it."""
    failed = [f"{test.title()}: {line.strip()}" for test in record.tests if test.status == "failed"
              for line in test.output.splitlines()]  # fmt: skip
    lines = build.problem.splitlines() + build.notes + ([] if build.problem else failed)
    wanted = re.search(r"^Named:\s*(.+)$", patch.read_text(errors="replace"), re.MULTILINE)
    if not wanted:
        return True, (build.problem.splitlines() + build.notes + ["ran, and faked nothing"])[0]
    for line in lines:
        if wanted[1].strip() in line:
            return True, line
    return False, f"NOT NAMED {wanted[1].strip()!r}: {(lines or ['ran'])[0]}"


def clean(path: pathlib.Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
