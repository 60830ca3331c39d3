#!/usr/bin/python3
"""make test: runs the layers of the project's own tests, one after the other, and adds them up.

`make test-quick` runs the main paths, `make test` what a change can break, `make test-all` also what takes long:
the proofs that the labs' tests catch what they should, and long runs on every kind of machine and kernel.

A layer is a program that prints its progress and, somewhere near its end, a line
"N passed, M failed"; pytest layers report through JUnit files instead. A layer that says nothing,
ran no test, or ends with an error although nothing failed counts as one failure: silence is never
success. The last line of all is "N passed, M failed", and the exit code says whether M is 0.

    run_tests.py [--size quick|test|all] [LAYER...]
"""
import argparse
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
RESULTS = REPOSITORY / "build/test-results"
PYTHON = os.environ.get("PYTHON", "/usr/bin/python3")
QUICK, TEST, ALL = EVERY = ("quick", "test", "all")
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed$")


@dataclasses.dataclass(frozen=True)
class Layer:
    name: str
    what: str
    command: tuple
    seconds: int             # the wall clock only guards against a layer that hangs
    sizes: tuple = EVERY     # of which runs it is a part
    junit: bool = False      # counts come from the JUnit file that the command writes


@dataclasses.dataclass
class Outcome:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    complaint: str = ""      # why the layer as a whole counts as failed


def pytest_layer(name, what, folder, seconds, *, words=(), sizes=EVERY, workers=2):
    command = (PYTHON, "-m", "pytest", "-q", "-n", str(workers), "-p", "no:cacheprovider", "--timeout", "300",
               f"--junitxml={RESULTS / name}.xml", folder, *words)
    return Layer(name, what, command, seconds, sizes, junit=True)


BUILD = "make --no-print-directory -j2 images && echo 1 passed, 0 failed || { echo 0 passed, 1 failed; exit 1; }"
VARIANTS = BUILD.replace("images", "DEBUG=1 kernel && make --no-print-directory -j2 KASAN=1 kernel")
LAYERS = (
    Layer("build", "kernel, programs, images", ("/bin/sh", "-c", BUILD), 900),
    Layer("check", "rules of style and architecture", ("make", "--no-print-directory", "check"), 600, (TEST, ALL)),
    Layer("rules", "rules that the sources alone can break", ("make", "--no-print-directory", "check-quick"), 300,
          (QUICK,)),
    Layer("host", "kernel logic on the host, with sanitizers",
          ("make", "--no-print-directory", "-f", "tests/host/host.mk", "host-tests"), 900),
    pytest_layer("checkers", "the checkers, the build and the images", "tests/check", 600),
    pytest_layer("grader", "the grader", "tests/grader", 600, sizes=(TEST, ALL)),
    pytest_layer("trace", "trace points and make trace", "tests/trace", 600),
    pytest_layer("oracle", "the programs on the host's Linux, nothing beside them", "tests/system", 1200,
                 words=("-m", "oracle"), sizes=(TEST, ALL), workers=0),
    pytest_layer("main", "the main paths of the system", "tests/system", 600, words=("-m", "quick"), sizes=(QUICK,)),
    pytest_layer("system", "the whole system", "tests/system", 1200,
                 words=("-m", "not slow and not oracle"), sizes=(TEST, ALL)),
    pytest_layer("faults", "damaged and hostile input", "tests/faults", 1200, words=("-m", "not slow"), sizes=(TEST, ALL)),
    pytest_layer("labs", "the labs' references; each has two workers of its own", "tests/labs", 1200,
                 words=("-m", "not proof"), sizes=(TEST, ALL), workers=0),
    pytest_layer("proofs", "what the labs' tests prove: mutants, alternates, adversaries; metrics", "tests/labs", 3600,
                 words=("-m", "proof"), sizes=(ALL,), workers=0),
    Layer("variants", "the kernels with checks, for the next layer", ("/bin/sh", "-c", VARIANTS), 1200, (ALL,)),
    pytest_layer("slow", "system and faults, long runs", "tests/system", 2400,
                 words=("tests/faults", "-m", "slow and not oracle"), sizes=(ALL,)),
)


def count_junit(path):
    """The outcome that a JUnit file records."""
    outcome = Outcome()
    for suite in xml.etree.ElementTree.parse(path).getroot().iter("testsuite"):
        total, failures, errors, skipped = (int(suite.get(key, 0)) for key in
                                            ("tests", "failures", "errors", "skipped"))
        outcome.failed += failures + errors
        outcome.skipped += skipped
        outcome.passed += max(0, total - failures - errors - skipped)
    return outcome


def run_command(layer, log):
    """Runs the layer with its output shown and logged; (exit code or None for too late, summary)."""
    summary, deadline = None, time.monotonic() + layer.seconds
    process = subprocess.Popen(layer.command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", start_new_session=True)
    watchdog = subprocess.Popen(["/bin/sh", "-c", f"sleep {layer.seconds}; kill -9 -{process.pid}"],
                                stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        for line in process.stdout:
            log.write(line)
            print(f"  {line}", end="", flush=True)
            match = SUMMARY.match(line.strip())
            summary = match or summary
        code = process.wait()
    finally:
        os.killpg(watchdog.pid, 9)
        watchdog.wait()
    return (None if time.monotonic() > deadline else code), summary


def run_layer(layer):
    """Runs one layer and judges what it said."""
    junit = RESULTS / f"{layer.name}.xml"
    junit.unlink(missing_ok=True)
    with open(RESULTS / f"{layer.name}.log", "w", encoding="utf-8") as log:
        code, summary = run_command(layer, log)
    if layer.junit and junit.exists():
        outcome = count_junit(junit)
    elif summary:
        outcome = Outcome(int(summary[1]), int(summary[2]))
    else:
        outcome = Outcome()
    if code is None:
        outcome.complaint = f"still running after {layer.seconds} s"
    elif outcome.passed + outcome.failed + outcome.skipped == 0:
        outcome.complaint = f"ran no test (exit code {code})"
    elif code != 0 and outcome.failed == 0:
        outcome.complaint = f"ended with exit code {code} although no test failed"
    elif code == 0 and outcome.failed:
        outcome.complaint = "counted failures but ended as if all was well"
    return outcome


def chosen_layers(options):
    if options.layers:
        return [layer for layer in LAYERS if layer.name in options.layers]
    return [layer for layer in LAYERS if options.size in layer.sizes]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", choices=EVERY, default=TEST)
    parser.add_argument("layers", nargs="*", metavar="LAYER", help=" ".join(layer.name for layer in LAYERS))
    options = parser.parse_args()
    unknown = set(options.layers) - {layer.name for layer in LAYERS}
    if unknown:
        parser.error(f"no such layer: {' '.join(sorted(unknown))}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "summary").unlink(missing_ok=True)
    outcomes = []
    layers = chosen_layers(options)
    for number, layer in enumerate(layers, 1):
        print(f"[{number}/{len(layers)}] {layer.name}: {layer.what}", flush=True)
        started = time.monotonic()
        outcomes.append((layer, run_layer(layer), time.monotonic() - started))
    return report(outcomes)


def report(outcomes):
    """The table, and the line that CI reads."""
    print("\nlayer      passed failed skipped  seconds")
    passed = failed = 0
    for layer, outcome, seconds in outcomes:
        passed += outcome.passed
        failed += outcome.failed + bool(outcome.complaint)
        print(f"{layer.name:10} {outcome.passed:6} {outcome.failed:6} {outcome.skipped:7} {seconds:8.1f}"
              f"{'   ' + outcome.complaint if outcome.complaint else ''}")
    print(f"Logs and JUnit files are in {RESULTS.relative_to(REPOSITORY)}/.")
    summary = f"{passed} passed, {failed} failed"
    (RESULTS / "summary").write_text(summary + "\n", encoding="ascii")
    print(summary)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
