"""What the kernel does about its own errors: oopses, warnings, stack overflow, NMI, machine checks.

The probe `crash` (src/init/probes/crash.cc) hurts it on purpose.
"""
import contextlib
import re
import time

import pytest
from vitrine_grader.errors import MachineStopped
from vitrine_grader.machine import SECOND, Exit

PROBE = "/sys/kernel/debug/probe/crash"
MOUNTED = "mkdir -p /sys; mount -t sysfs none /sys; mount -t debugfs none /sys/kernel/debug"
PROGRAM = ["/bin/sh", "-c", f"exec 3<>{PROBE}; echo -n $1 >&3; exec cat <&3", "sh"]


def hurt(machine, wound):
    """A program that asks for it, and how it ended."""
    machine.agent.run(["/bin/sh", "-c", f"[ -e {PROBE} ] || {{ {MOUNTED}; }}"])
    return machine.agent.run([*PROGRAM, wound])


def taint(machine):
    return int(machine.agent.read_file("/proc/sys/kernel/tainted"))


@pytest.mark.parametrize("wound, said", [
    ("EXCEPTION", r"BUG: page fault in the kernel, at 0x0*10 \(null pointer\)"),
    ("NONCANONICAL", r"BUG: general protection fault in the kernel"),
    ("WRITE_IDT", r"BUG: page fault in the kernel, at 0xffffffff8"),
    ("WRITE_KERN", r"BUG: page fault in the kernel, at 0xffffffff8"),
    ("EXEC_NULL", r"BUG: page fault in the kernel"),
])
def test_oops_ends_the_task_only(boot, wound, said):
    """The report has registers, code and a trace by name; the program dies, the system lives on."""
    machine = boot("", agent=True, smp=2)
    done = hurt(machine, wound)
    assert b"survived" not in done.stdout
    console = machine.console.text
    assert re.search(said, console), console[-3000:]
    assert re.search(r"Oops: [0-9a-f]{4} \[#1\]", console)
    assert re.search(r"PID: \d+ Comm: cat", console)
    assert re.search(r"RIP: 0010:[0-9a-f]{16}", console)
    if wound != "EXEC_NULL":
        assert re.search(r"Code:( [0-9a-f]{2}){24} <[0-9a-f]{2}>", console)
        assert "fs::vfs_read" in console and "syscall::sys_read" in console
    assert taint(machine) == 128
    hurt(machine, wound)  # again, and nothing is worse
    assert "[#2] Tainted" in machine.console.text
    assert machine.agent.run(["/bin/sh", "-c", "echo alive"]).stdout == b"alive\n"


@pytest.mark.parametrize("wound, said", [
    ("EXHAUST_STACK", "BUG: kernel stack overflow (double fault) in the kernel"),
    ("EXCEPTION_IN_IRQ", "Kernel panic - not syncing: Fatal exception in interrupt"),
    ("EXCEPTION_LOCKED", "Kernel panic - not syncing: Fatal exception with a lock held"),
    ("BUG", "Kernel panic - not syncing: assertion failed"),
    ("PANIC", "Kernel panic - not syncing: asked for"),
])
def test_some_errors_end_everything(boot, wound, said):
    machine = boot("", agent=True, smp=2)
    machine.agent.run(["/bin/sh", "-c", f"[ -e {PROBE} ] || {{ {MOUNTED}; }}"])
    with contextlib.suppress(MachineStopped):  # a panic may beat the agent's answer
        machine.agent.start([*PROGRAM, wound])
    assert machine.wait_exit(30 * SECOND) is Exit.PANIC, machine.console.text[-3000:]
    assert said in machine.console.text, machine.console.text[-3000:]


@pytest.mark.parametrize("how", ["command line", "sysctl"])
def test_panic_on_oops(boot, how):
    machine = boot("oops=panic" if how == "command line" else "", agent=True, smp=2)
    if how == "sysctl":
        machine.agent.run(["/bin/sh", "-c", "echo 1 > /proc/sys/kernel/panic_on_oops"])
    assert machine.agent.read_file("/proc/sys/kernel/panic_on_oops") == b"1\n"
    machine.agent.run(["/bin/sh", "-c", f"[ -e {PROBE} ] || {{ {MOUNTED}; }}"])
    with contextlib.suppress(MachineStopped):
        machine.agent.start([*PROGRAM, "EXCEPTION"])
    assert machine.wait_exit(30 * SECOND) is Exit.PANIC, machine.console.text[-3000:]
    assert "Fatal exception: panic_on_oops" in machine.console.text


def test_warning_is_told_once(boot):
    machine = boot("", agent=True)
    assert b"survived" in hurt(machine, "WARNING").stdout
    assert b"survived" in hurt(machine, "WARNING").stdout
    assert len(re.findall("WARNING: i >= 0, in warn_once", machine.console.text)) == 1
    assert taint(machine) == 512


def count_nmis(machine):
    row = re.search(rb"^ *NMI:((?: +\d+)+)", machine.agent.read_file("/proc/interrupts"), re.MULTILINE)
    return sum(map(int, row[1].split()))


def test_nmi_is_counted_and_told(boot):
    machine = boot("", agent=True, smp=2)
    assert count_nmis(machine) == 0
    machine._ask("inject-nmi")
    machine.console.expect(r"NMI: unknown reason \(0x[0-9a-f]+\) on CPU \d", 20 * SECOND)
    assert count_nmis(machine) >= 1


LOOP = "i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); read x < /proc/self/stat; done; echo done"


def test_nmis_do_no_harm(boot):
    """They strike at entries, exits and in the middle of everything, also one upon the other."""
    machine = boot("quiet", agent=True, smp=2)
    jobs = [machine.agent.start(["/bin/sh", "-c", LOOP], limit_ns=200 * SECOND)[0] for _ in range(2)]
    for n in range(400):
        machine._ask("inject-nmi")
        if n % 20 == 0:
            time.sleep(0.01)
    for job in jobs:
        said = b""
        while not (report := machine.agent.job(job)).done:
            said += report.out
        assert said + report.out == b"done\n" and report.wait_status == 0
    assert count_nmis(machine) >= 100
    assert taint(machine) == 0


@pytest.mark.parametrize("busy", [False, True])
def test_machine_check_stops_with_its_banks(boot, busy):
    """Whether the processor sleeps in the kernel or runs a program, whose frame pointer is none."""
    machine = boot("", agent=True)
    machine.agent.ping()
    if busy:
        machine.agent.start(["/bin/sh", "-c", "while :; do :; done"], limit_ns=60 * SECOND)
    machine._human("mce 0 1 0xb600000000000000 0x7 0xabcd000 0x8c")
    assert machine.wait_exit(30 * SECOND) is Exit.PANIC, machine.console.text[-3000:]
    assert "Machine check: CPU 0 bank 1: status b600000000000000 address 000000000abcd000" in machine.console.text
    assert "Fatal exception on an exception stack" in machine.console.text
