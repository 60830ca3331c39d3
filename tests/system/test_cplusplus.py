"""C++ programs with many threads, from Debian's g++, unmodified: what they say is what they say on Linux."""
import json
import subprocess

import pytest
from vitrine_grader.machine import SECOND

PROCESSORS = [1, 2, 4]


@pytest.mark.parametrize("smp", PROCESSORS)
def test_threads(boot, built, smp):
    """64 std::threads with mutexes, condition variables, barriers, futures; static, and with shared libraries."""
    machine = boot("quiet", initrd="hello", agent=True, smp=smp, mem=256)
    for name in ("threads-static", "threads-dynamic"):
        host = subprocess.run([built["programs"] / "hello" / name], capture_output=True, timeout=300, check=False)
        done = machine.agent.run([f"/hello/{name}"], limit_ns=300 * SECOND)
        assert (done.stdout, done.stderr, done.exit_code) == (host.stdout, host.stderr, 7), done.describe()


def measured(report):
    """Google Benchmark's JSON: name to entry."""
    return {entry["name"]: entry for entry in json.loads(report)["benchmarks"]}


@pytest.mark.parametrize("smp", PROCESSORS)
def test_google_benchmark(boot, built, smp):
    """Debian's libbenchmark measures, and knows the machine."""
    words = ["--benchmark_min_time=0.01", "--benchmark_format=json"]
    host = subprocess.run([built["programs"] / "hello/measure", *words], capture_output=True, timeout=300, check=False)
    machine = boot("quiet", initrd="hello", agent=True, smp=smp, mem=256)
    done = machine.agent.run(["/hello/measure", *words], limit_ns=300 * SECOND)
    assert done.exit_code == 0, f"{done.describe()}\n{done.stderr.decode(errors='replace')}"
    found, expected = measured(done.stdout), measured(host.stdout)
    assert list(found) == list(expected)
    for name, entry in found.items():
        assert entry["iterations"] > 0 and entry["real_time"] > 0 and "error_occurred" not in entry, (name, entry)
    context = json.loads(done.stdout)["context"]
    assert context["num_cpus"] == smp and len(context["load_avg"]) == 3, context
