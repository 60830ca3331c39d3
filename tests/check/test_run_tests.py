"""The aggregator must never call silence, a hang or a lie a success."""
import sys

import pytest
import run_tests


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(run_tests, "RESULTS", tmp_path)
    monkeypatch.setattr(run_tests, "REPOSITORY", tmp_path)
    return tmp_path


def run(script, junit=False, seconds=20):
    return run_tests.run_layer(run_tests.Layer("x", "y", ("/bin/sh", "-c", script), seconds, junit=junit))


@pytest.mark.parametrize("script, passed, failed, complaint", [
    ("echo 3 passed, 0 failed", 3, 0, ""),
    ("echo 3 passed, 2 failed; exit 1", 3, 2, ""),
    ("echo 9 passed, 9 failed; echo 3 passed, 0 failed", 3, 0, ""),
    ("echo 0 passed, 0 failed", 0, 0, "ran no test"),
    ("true", 0, 0, "ran no test"),
    ("echo all tests passed", 0, 0, "ran no test"),
    ("echo 3 passed, 0 failed; exit 1", 3, 0, "ended with exit code 1 although no test failed"),
    ("echo 3 passed, 0 failed; kill -9 $$", 3, 0, "ended with exit code -9"),
    ("echo 3 passed, 1 failed", 3, 1, "as if all was well"),
    ("no-such-program-at-all", 0, 0, "ran no test"),
])
def test_layers_that_print(script, passed, failed, complaint):
    outcome = run(script)
    assert (outcome.passed, outcome.failed) == (passed, failed)
    assert complaint in outcome.complaint and bool(outcome.complaint) == bool(complaint)


def test_a_hanging_layer_is_ended_with_its_children():
    outcome = run("sleep 100 & sleep 100", seconds=1)
    assert "still running after 1 s" in outcome.complaint


def test_pytest_layer_counts_from_junit(results):
    (results / "test_some.py").write_text(
        "import pytest\ndef test_a(): pass\ndef test_b(): assert 0\n@pytest.mark.skip\ndef test_c(): pass\n"
        "@pytest.fixture\ndef broken(): raise OSError\ndef test_d(broken): pass\n")
    outcome = run(f"{sys.executable} -m pytest -q --junitxml={results}/x.xml test_some.py", junit=True)
    assert (outcome.passed, outcome.failed, outcome.skipped, outcome.complaint) == (1, 2, 1, "")


def test_pytest_layer_that_cannot_start_is_no_success(results):
    assert "ran no test" in run(f"{sys.executable} -m pytest --junitxml={results}/x.xml no_such_folder", junit=True).complaint


def test_report_ends_with_the_line_that_ci_reads(capsys):
    layer = run_tests.LAYERS[0]
    good, bad = run_tests.Outcome(5), run_tests.Outcome(4, 0, 0, "ran no test")
    assert run_tests.report([(layer, good, 1.0)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "5 passed, 0 failed"
    assert run_tests.report([(layer, good, 1.0), (layer, bad, 1.0)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "9 passed, 1 failed"
    assert run_tests.report([]) == 1


def test_the_larger_run_leaves_nothing_out():
    names = {size: {layer.name for layer in run_tests.LAYERS if size in layer.sizes} for size in run_tests.EVERY}
    assert names["test"] < names["all"]
    # The quick run has less of what the others have under other names.
    assert names["quick"] - names["test"] == {"rules", "main"} and {"check", "system"} <= names["test"]
    assert names["quick"] | names["all"] == {layer.name for layer in run_tests.LAYERS}
