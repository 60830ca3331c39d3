"""The kernel with KASAN: every planted mistake is reported in Linux' form, and nothing else is."""
import re
import subprocess

import pytest
from vitrine_grader.machine import SECOND

from machines import BUILD, REPOSITORY

LIMIT = 900 * SECOND
# What is planted: src/mm/kasan/kasan_test.cc, src/core/ubsan/ubsan_test.cc. Anything else is a bug.
CLASSES = {"slab-out-of-bounds", "slab-use-after-free", "double-free", "invalid-free", "use-after-free",
           "vmalloc-out-of-bounds", "stack-out-of-bounds", "use-after-scope", "global-out-of-bounds"}
UNDEFINED = {"shift-out-of-bounds", "array-index-out-of-bounds", "signed-integer-overflow", "invalid-load",
             "invalid-builtin", "null-argument"}
REPORT = re.compile(r"BUG: KASAN: slab-use-after-free in mm::test_freed_object\+0x\w+/0x\w+\n"
                    r".*Read of size 1 at addr ffff8\w{11} by task ktest/\d+\n"
                    r".*CPU: \d+ PID: \d+ Comm: ktest\n.*Call trace:.*"
                    r"Allocated by task \d+:.*Freed by task \d+:.*"
                    r"which belongs to the cache kmalloc-64 of size 64.*is located 3 bytes inside of.*"
                    r"Memory state around the buggy address:.*>ffff8\w+: (\w\w ){15}\w\w", re.DOTALL)
PROGRAMS = ("memory", "processes", "exec", "pipes", "signals", "threads", "futex_pi", "epoll", "files", "proc_pid",
            "terminal")
pytestmark = pytest.mark.timeout(900)  # slow kernels


@pytest.fixture(scope="module")
def kasan_kernel():
    """The kernel with KASAN, beside the other one."""
    subprocess.run(["make", "--no-print-directory", "-j2", "KASAN=1", "kernel"], cwd=REPOSITORY, check=True,
                   stdout=subprocess.DEVNULL)
    return BUILD / "kernel-kasan/vitrine.img.elf"


def outside_of_tests(text):
    """The reports whose first frames are not those of a test that plants them."""
    reports = re.split(r"(?=BUG: KASAN: )", text)[1:]
    return [report[:600] for report in reports if not re.search(r"::test_\w+\+0x", report[:1200])]


@pytest.mark.slow
@pytest.mark.parametrize("smp", [1, 4])
def test_planted(boot, kasan_kernel, smp):
    """All kernel tests pass, and each class of mistake was reported."""
    machine = boot("ktest=*", kernel=kasan_kernel, smp=smp, mem=512)
    machine.wait_exit(LIMIT)
    text = re.sub(r"(?m)^\[ *\d+\.\d+\] ", "", machine.console.text.replace("\r", ""))
    assert not re.findall(r"(?:.*# .*\n)*.*not ok \d+ - .*", text)
    assert re.search(r"ktest: \d+ passed, 0 failed", text), text[-3000:]
    assert set(re.findall(r"BUG: KASAN: ([\w-]+) in", text)) == CLASSES
    assert set(re.findall(r"UBSAN: ([\w-]+) in src/core/ubsan/ubsan_test.cc:\d+:\d+", text)) == UNDEFINED
    assert not re.findall(r"UBSAN: .* in (?!src/core/ubsan/ubsan_test.cc).*", text)
    assert not outside_of_tests(text)
    assert REPORT.search(text)


@pytest.mark.slow
@pytest.mark.parametrize("smp", [1, 4])
def test_programs(boot, kasan_kernel, smp):
    """Programs run without a report, and none of the kernel's objects is lost."""
    machine = boot("quiet", kernel=kasan_kernel, agent=True, smp=smp, mem=512)

    def shell(line):
        return machine.agent.run(["/bin/sh", "-c", line], limit_ns=LIMIT).stdout.decode()

    for name in PROGRAMS:
        done = machine.agent.run([f"/tests/{name}"], limit_ns=LIMIT)
        assert done.exit_code == 0, f"{name}: {done.stdout.decode()[-2000:]}"
    assert shell("cat /proc/sys/kernel/tainted") == "0\n", shell("dmesg | tail -60")
    lost = shell("echo scan > /sys/kernel/debug/kmemleak; cat /sys/kernel/debug/kmemleak")
    assert lost.count("unreferenced object") <= 8, lost[:6000]
