"""The record of a grading run, and its writers. The record's native shape is Gradescope's.

Status: passed, failed, skipped (a test that it requires did not pass: no points, no judgement) or
fault (ours: the record as a whole then says that it is no grade).
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import tempfile
import xml.etree.ElementTree as ET
from typing import Iterable

VISIBILITIES = ("visible", "hidden", "after_due_date", "after_published")


@dataclasses.dataclass
class TestResult:
    """One test on one emulator."""

    __test__ = False  # for pytest, which collects what is called Test...

    name: str
    status: str
    max_score: float
    score: float = 0.0
    output: str = ""
    visibility: str = "visible"
    task: str = ""
    emulator: str = ""
    seed: str = ""
    seconds: float = 0.0
    file: str = ""
    metric: str = ""  # what `value` is, on the leaderboard
    value: float | None = None

    def title(self) -> str:
        """The name as shown: with the emulator when there is one."""
        return f"{self.name} [{self.emulator}]" if self.emulator else self.name


@dataclasses.dataclass
class Record:
    """One grading run of one submission."""

    lab: str
    tests: list[TestResult] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)  # about the submission's files
    seconds: float = 0.0
    seed: str = ""
    attempts: int = 1
    provenance: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def score(self) -> float:
        return round(sum(test.score for test in self.tests), 6)

    @property
    def max_score(self) -> float:
        return round(sum(test.max_score for test in self.tests), 6)

    @property
    def metrics(self) -> dict[str, float]:
        """For the leaderboard: what was measured, the less the better. Empty without full points."""
        if not self.tests or self.score < self.max_score:
            return {}
        return {test.metric: test.value for test in self.tests if test.metric and test.value is not None}

    @property
    def has_fault(self) -> bool:
        return any(test.status == "fault" for test in self.tests)

    def summary(self) -> str:
        """One line; says "public" when there are hidden tests, so that nobody is misled."""
        count = {s: sum(t.status == s for t in self.tests) for s in ("passed", "failed", "skipped", "fault")}
        text = f"{self.score:g}/{self.max_score:g} points: " + ", ".join(
            f"{number} {status}" for status, number in count.items() if number or status == "passed"
        )
        if not self.tests:
            return "no test was run"
        return text + ("; NOT A GRADE (infrastructure fault)" if self.has_fault else "")


def to_gradescope(record: Record) -> dict:
    """results.json of Gradescope; extra_data holds what only we know."""
    tests = []
    for number, test in enumerate(record.tests, 1):
        tests.append({
            "name": test.title(),
            "number": str(number),
            "score": test.score,
            "max_score": test.max_score,
            "status": "passed" if test.status == "passed" else "failed",
            "output": test.output,
            "output_format": "text",
            "visibility": test.visibility,
            "tags": [tag for tag in (test.task, test.emulator, test.status) if tag],
            "extra_data": {"status": test.status, "seed": test.seed, "seconds": round(test.seconds, 3)},
        })  # fmt: skip
    result = {
        "score": record.score,
        "execution_time": round(record.seconds),
        "output": "\n".join([record.summary(), *record.notes]),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
        "extra_data": {
            "lab": record.lab, "seed": record.seed, "attempts": record.attempts,
            "gradable": not record.has_fault, "notes": record.notes, **record.provenance,
        },
    }  # fmt: skip
    if record.metrics:
        result["leaderboard"] = [
            {"name": name, "value": value, "order": "asc"} for name, value in record.metrics.items()
        ]
    return result


def _xml_text(text: str) -> str:
    """XML 1.0 has no control characters; a guest's console may."""
    return "".join(c if c in "\t\n" or " " <= c < "\ud800" or "\ue000" <= c <= "\ufffd" else "?" for c in text)


def to_junit(record: Record) -> str:
    """JUnit XML: failures, skips, and faults as errors."""
    kinds = {"failed": "failure", "skipped": "skipped", "fault": "error"}
    suite = ET.Element("testsuite", name=f"vitrine.{record.lab}", tests=str(len(record.tests)))
    suite.set("time", f"{record.seconds:.3f}")
    for status, plural in (("failed", "failures"), ("skipped", "skipped"), ("fault", "errors")):
        suite.set(plural, str(sum(test.status == status for test in record.tests)))
    for test in record.tests:
        case = ET.SubElement(suite, "testcase", classname=f"{record.lab}.{test.task or 'tests'}")
        case.set("name", _xml_text(test.title()))
        case.set("time", f"{test.seconds:.3f}")
        properties = ET.SubElement(case, "properties")
        for name in ("score", "max_score", "visibility", "seed"):
            ET.SubElement(properties, "property", name=name, value=str(getattr(test, name)))
        if kind := kinds.get(test.status):
            first = test.output.splitlines()[0] if test.output else test.status
            ET.SubElement(case, kind, message=_xml_text(first)).text = _xml_text(test.output)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def write_atomically(path: pathlib.Path, text: str) -> None:
    """The file is either the old one or the whole new one, whenever we are killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(name, 0o644)
    os.replace(name, path)


def write_json(record: Record, path: pathlib.Path) -> None:
    write_atomically(path, json.dumps(to_gradescope(record), indent=1, sort_keys=True) + "\n")


def write_junit(record: Record, path: pathlib.Path) -> None:
    write_atomically(path, to_junit(record))


def from_dicts(lab: str, tests: Iterable[dict]) -> Record:
    """A record from what the plug-in sent between processes."""
    return Record(lab, [TestResult(**test) for test in tests])
