"""The whole way, on a project in small: overlay, sandboxed build, emulator, record, exit code."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
import small_tree
from conftest import ROOT

from vitrine_grader import dependencies, sandbox

pytestmark = pytest.mark.skipif(bool(sandbox.why_unusable()), reason="no bubblewrap")


@pytest.fixture(scope="session")
def tree(tmp_path_factory) -> pathlib.Path:
    return small_tree.build(tmp_path_factory.mktemp("small"))


def grader(tree: pathlib.Path, *arguments: object) -> subprocess.CompletedProcess:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "grader"), "VITRINE_ROOT": str(tree)}
    command = [sys.executable, "-B", "-m", "vitrine_grader", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)


def submit(folder: pathlib.Path, text: str) -> pathlib.Path:
    (folder / "src").mkdir(parents=True)
    (folder / "src/answer.cc").write_text(text)
    return folder


def test_reference_gets_all_on_both(tree, tmp_path):
    out, junit = tmp_path / "r.json", tmp_path / "r.xml"
    submission = submit(tmp_path / "s", small_tree.ANSWER)
    done = grader(tree, "grade", "tiny", "--emu", "both", "--submission", submission, "--json", out, "--junit", junit)
    assert done.returncode == 0, done.stdout + done.stderr
    data = json.loads(out.read_text())
    assert data["score"] == 6 and len(data["tests"]) == 6
    assert {test["name"] for test in data["tests"]} >= {"test_boots [qemu]", "test_boots [bochs]"}
    assert "6/6 points" in done.stdout and junit.stat().st_size > 500


def test_wrong_answer_explains_itself_and_skips_dependants(tree, tmp_path):
    submission = submit(tmp_path / "s", 'extern "C" int answer(int x) { return x + 5; }\n')
    done = grader(tree, "grade", "tiny", "--submission", submission, "--seed", "cafe")
    assert done.returncode == 1, done.stderr
    for part in (
        "Broken property: answer(x) is the double of x", "expected:", "observed:", "look at:  answer",
        "read:     2.1", "replay:   make grade LAB=tiny T=test_doubles EMU=qemu SEED=cafe",
        "not run, because test_doubles failed", "1/6 points",
    ):  # fmt: skip
        assert part in done.stdout, part


def test_missing_file_is_graded_as_starter(tree, tmp_path):
    (tmp_path / "s").mkdir()
    done = grader(tree, "grade", "tiny", "--submission", tmp_path / "s")
    assert done.returncode == 1 and "src/answer.cc: missing" in done.stdout
    assert "1/6 points" in done.stdout


def test_build_failure_is_zero_and_said(tree, tmp_path):
    submission = submit(tmp_path / "s", "int answer(int x) { return x +; }\n")
    done = grader(tree, "grade-one", submission, "tiny", "--emu", "qemu", "--out", tmp_path / "r.json")
    assert done.returncode == 0, done.stderr
    data = json.loads((tmp_path / "r.json").read_text())
    assert data["score"] == 0 and "expected primary-expression" in data["tests"][0]["output"]


def test_hanging_kernel_fails_by_guest_time(tree, tmp_path):
    submission = submit(tmp_path / "s", 'extern "C" int answer(int x) { asm("cli; hlt"); return x; }\n')
    done = grader(tree, "grade", "tiny", "--submission", submission)
    assert done.returncode == 1 and "halted with interrupts off" in done.stdout


def test_build_cannot_see_the_host(tree, tmp_path):
    """Not the project's tree, and so no hidden test; the same file outside the sandbox is there."""
    from vitrine_grader import builder, lab

    box, secret = sandbox.require(), tree / "labs/01-tiny/tests/test_tiny.py"
    text = f'asm(".section .rodata; .incbin \\"{secret}\\"; .text");\nextern "C" int answer(int x) {{ return x; }}\n'
    submission = submit(tmp_path / "s", text)
    reference = builder.reference(tree, tree / "build/grader", box)
    tiny = lab.find(tree, "tiny")
    build = builder.build_submission(tiny, submission, reference, tmp_path / "in", box)
    assert "file not found" in build.problem and str(secret) in build.problem
    build = builder.build_submission(tiny, submission, reference, tmp_path / "out", None)
    assert build.problem == ""


def test_mutants_table_and_its_survivor(tree):
    """One equivalent mutant is among them: the only bad row."""
    patch = tree / "labs/01-tiny/mutants/equal.patch"
    patch.write_text("Kills: test_doubles\n" + small_tree.diff("return 2 * x", "return x * 2"))
    done = grader(tree, "mutants", "tiny", "-n", 1)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("BAD")] == [line for line in lines if "SURVIVED" in line]
    assert sum("killed by test_doubles [qemu]" in line for line in lines) == 1
    assert any("calls-out" in line and "does not allow: src/answer.cc: power_off" in line for line in lines)
    assert any("reads-host" in line and "does not build" in line for line in lines)
    assert any("loads-tables" in line and "machine code that this lab does not allow" in line for line in lines)
    assert lines[-1] == f"{2 + len(small_tree.PATCHES)} passed, 1 failed"


@pytest.mark.parametrize("arguments", [["grade", "nolab"], ["grade", "tiny", "--tests", "test_none"]])
def test_nothing_to_do_is_an_error(tree, tmp_path, arguments):
    done = grader(tree, *arguments, "--submission", submit(tmp_path / "s", small_tree.ANSWER))
    assert done.returncode == 2 and done.stderr


def test_only_what_changed_is_rebuilt(tree, tmp_path):
    from vitrine_grader import builder, lab

    box = sandbox.require()
    reference = builder.reference(tree, tmp_path / "cache", box)
    submission = submit(tmp_path / "s", small_tree.ANSWER.replace("2 * x", "x + x"))
    build = builder.build_submission(lab.find(tree, "tiny"), submission, reference, tmp_path / "w", box)
    assert not build.problem
    before = (reference / "out/made").read_text().split()
    assert (build.out / "made").read_text().split()[len(before) :] == ["answer.cc"]


def test_dependency_order_and_cycles():
    keys = {name: (name, "") for name in "abcd"}
    wanted = {"a": [("c", "")], "b": [], "c": [("b", "")], "d": []}
    # Who requires nothing goes first, so that nobody stands and waits while there is something to do.
    assert dependencies.sort(list("abcd"), keys, wanted) == ["b", "d", "c", "a"]
    wanted["b"] = [("a", "")]
    with pytest.raises(ValueError, match="require each other"):
        dependencies.sort(list("abcd"), keys, wanted)


def test_worst_status_of_a_test_stands(tmp_path):
    for status in ("passed", "failed", "passed"):
        dependencies.publish(tmp_path, ("t", "qemu"), status)
    assert dependencies.wait_for(tmp_path, ("t", "qemu")) == "failed"
