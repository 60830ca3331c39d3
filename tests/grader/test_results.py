"""The writers: against the schema of Gradescope's documentation, and JUnit's shape."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import jsonschema
import pytest

from vitrine_grader import results
from vitrine_grader.failure import Failure, check, check_equal
from vitrine_grader.results import Record, TestResult

FORMATS = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["tests"],
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": "integer"},
        "output": {"type": "string"},
        "output_format": FORMATS,
        "visibility": {"enum": list(results.VISIBILITIES)},
        "stdout_visibility": {"enum": list(results.VISIBILITIES)},
        "extra_data": {"type": "object"},
        "tests": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "score", "max_score"],
                "properties": {
                    "name": {"type": "string"},
                    "number": {"type": "string"},
                    "score": {"type": "number", "minimum": 0},
                    "max_score": {"type": "number", "minimum": 0},
                    "status": {"enum": ["passed", "failed"]},
                    "output": {"type": "string"},
                    "output_format": FORMATS,
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "visibility": {"enum": list(results.VISIBILITIES)},
                    "extra_data": {"type": "object"},
                },
            },
        },
        "leaderboard": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "value"],
                "properties": {
                    "name": {"type": "string"},
                    "value": {"type": ["number", "string"]},
                    "order": {"enum": ["asc", "desc"]},
                },
            },
        },
    },
}


@pytest.fixture
def record() -> Record:
    tests = [
        TestResult("test_a", "passed", 2, 2, emulator="qemu", task="1"),
        TestResult("test_b", "failed", 3, 0, "Broken: \x1b[2J\0 <&> \ud800 ü", "hidden"),
        TestResult("test_c", "skipped", 1, 0, "not run, because test_b failed"),
    ]
    return Record("boot", tests, ["src/x.cc: missing"], 1.5, "abc")


def test_gradescope_shape(record, tmp_path):
    results.write_json(record, tmp_path / "r.json")
    data = json.loads((tmp_path / "r.json").read_text())
    jsonschema.validate(data, SCHEMA)
    assert data["score"] == 2 and sum(t["max_score"] for t in data["tests"]) == 6
    assert [t["status"] for t in data["tests"]] == ["passed", "failed", "failed"]
    assert "src/x.cc: missing" in data["output"] and data["extra_data"]["gradable"]


def test_leaderboard_only_with_full_points(record):
    record.tests.insert(0, TestResult("test_speed", "passed", 0, metric="instructions", value=12345))
    assert "leaderboard" not in results.to_gradescope(record)
    record.tests = record.tests[:2]
    data = results.to_gradescope(record)
    jsonschema.validate(data, SCHEMA)
    assert data["leaderboard"][0]["value"] == 12345


def test_junit_shape(record, tmp_path):
    results.write_junit(record, tmp_path / "r.xml")
    suite = ET.parse(tmp_path / "r.xml").getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert [len(case.findall("failure")) for case in suite.iter("testcase")] == [0, 1, 0]
    assert suite.find("testcase").get("name") == "test_a [qemu]"


def test_fault_is_no_grade(record):
    record.tests.append(TestResult("test_d", "fault", 1))
    assert "NOT A GRADE" in record.summary()
    assert not results.to_gradescope(record)["extra_data"]["gradable"]


def test_nothing_run_is_not_success():
    assert Record("boot").summary() == "no test was run"


def test_atomic_write_leaves_no_pieces(tmp_path):
    path = tmp_path / "deep/r.json"
    for text in ("one", "two"):
        results.write_atomically(path, text)
    assert path.read_text() == "two" and [p.name for p in path.parent.iterdir()] == ["r.json"]


def test_failure_message_has_every_part():
    with pytest.raises(Failure) as raised:
        check_equal(0x1000, 0x2000, "the map is whole", function="memblock_add", handout="3.2")
    text = str(raised.value)
    for part in ("the map is whole", "expected: 8192 (0x2000)", "observed: 4096 (0x1000)", "memblock_add", "3.2"):
        assert part in text
    check(True, "never raised")
    with pytest.raises(Failure, match="no"):
        check([], "no")
