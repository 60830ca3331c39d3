"""The benchmark runs on a machine without SMAP, SMEP and XSAVE, and its numbers repeat."""
import importlib.util
import subprocess

import pytest

from traced import BUILD, KERNEL, REPOSITORY


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("vitrine_bench", REPOSITORY / "userland/bench/bench.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_operation_works_and_costs_the_same_twice(bench, tmp_path):
    """To the instruction, but for the few across which the emulator, on a loaded host, was a timer late."""
    first = bench.measure(KERNEL, BUILD / "initramfs-bench.cpio", tmp_path / "first")
    assert len(first) >= 33 and None not in first.values()
    second = bench.measure(KERNEL, BUILD / "initramfs-bench.cpio", tmp_path / "second")
    assert second == pytest.approx(first, rel=0.005)
    assert sum(second[operation] == cost for operation, cost in first.items()) >= len(first) * 3 // 4


def test_words_choose_operations(bench, tmp_path):
    found = bench.measure(KERNEL, BUILD / "initramfs-bench.cpio", tmp_path / "log", words=["getcwd", "enosys"])
    assert list(found) == ["enosys", "getcwd"]


def test_a_kernel_that_does_not_finish_is_no_result(bench, tmp_path):
    with pytest.raises(bench.BenchError, match="did not finish"):
        bench.measure(KERNEL, "/dev/null", tmp_path / "log")


def test_recorded_numbers_and_report(bench, capsys):
    recorded = bench.recorded()
    assert recorded["null_getppid"] == 338 and len(recorded) > 60
    ratios = bench.report("title", {"null_getppid": 169.0, "enosys": None, "not_there": 5.0}, recorded)
    assert ratios == {"null_getppid": 0.5}
    said = capsys.readouterr().out
    assert "failed" in said and "0 of 1 dearer" in said and "\033" not in said


def test_the_program_also_runs_on_the_host():
    """Linux itself is the oracle: every operation does its work there (but exec: no /tiny)."""
    program = BUILD / "userland/bench/init"
    done = subprocess.run([program, "null_getppid", "cow_fault", "pipe_bw_mib"], capture_output=True, text=True, check=True)
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["null_getppid", "cow_fault", "pipe_bw_mib", "end"]
    assert "failed" not in done.stdout
