"""Programs: userland/tests through the agent, and the unmodified hellos. The host's Linux is the oracle.

A test program prints TAP, one line for each case. A case must pass in the guest and on the host; it
may be skipped only on the machine that lacks the thing (the case's own comment says why).
"""
import os
import re
import subprocess

import pytest
from vitrine_grader.machine import SECOND

from machines import REPOSITORY

PROGRAMS = sorted(path.stem for path in (REPOSITORY / "userland/tests").glob("*.c"))
HELLOS = ["static-glibc", "static-pie-glibc", "dynamic-glibc", "static-musl"]
ON_BOCHS = ["clocks", "efault", "files", "fpu", "ioports", "ldt", "ldt_code", "memory", "pipes", "processes", "ptrace_steps",
            "segments", "signals", "stale_tlb",
            "threads", "tls_areas"]
CASE = re.compile(r"^(ok|not ok) \d+ - (\S+)(?: # (SKIP))?", re.MULTILINE)


def verdicts(tap):
    """Case to "ok", "not ok" or "SKIP"; the plan must have been kept."""
    found = {name: skip or verdict for verdict, name, skip in CASE.findall(tap)}
    plan = re.search(r"^1\.\.(\d+)$", tap, re.MULTILINE)
    assert plan and len(found) == int(plan[1]) > 0, f"not every case has a verdict:\n{tap}"
    return found


def run_in_guest(machine, program):
    done = machine.agent.run([f"/tests/{program}"], limit_ns=300 * SECOND)
    tap = done.stdout.decode(errors="replace")
    assert not done.timed_out and not done.truncated, f"{done.describe()}\n{tap}"
    return done.exit_code, tap


def check_program(machine, program):
    code, tap = run_in_guest(machine, program)
    bad = [name for name, verdict in verdicts(tap).items() if verdict == "not ok"]
    assert code == 0 and not bad, f"{program}: {bad}\n{tap}"
    assert machine.agent.read_file("/proc/uptime"), "the system lives on"


@pytest.mark.parametrize("program", PROGRAMS)
def test_program(boot, program):
    """Every case passes, in a system of its own."""
    check_program(boot("quiet", agent=True), program)


@pytest.mark.parametrize("smp", [pytest.param(2, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.quick)])
@pytest.mark.parametrize("part", [0, 1])
def test_programs_together(boot, part, smp):
    """One after the other, each half in one system of several processors: none spoils it for the next."""
    machine = boot("quiet", agent=True, smp=smp)
    for program in PROGRAMS[part::2]:
        check_program(machine, program)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_million_reads_of_the_clock(boot):
    """No step back among four processors, while the source of time changes every 2 ms."""
    machine = boot("quiet", agent=True, smp=4)
    command = "CLOCK_READS=10000000 CASE_SECONDS=2000 /tests/clocks"
    done = machine.agent.run(["/bin/sh", "-c", command], limit_ns=3000 * SECOND)
    tap = done.stdout.decode(errors="replace")
    assert verdicts(tap)["no_step_back_across_switches"] == "ok", tap


@pytest.mark.slow
@pytest.mark.parametrize("program", ON_BOCHS)
def test_program_on_bochs(boot, program):
    """The cases that touch the machine most, on the other emulator."""
    check_program(boot("quiet", emu="bochs", agent=True, smp=2), program)


@pytest.mark.oracle
@pytest.mark.parametrize("program", PROGRAMS)
def test_program_on_linux(built, program):
    """The oracle: Linux passes the same cases, so they ask for nothing but Linux."""
    done = subprocess.run([built["programs"] / "tests" / program], capture_output=True, text=True, timeout=240,
                          check=False, stdin=subprocess.DEVNULL, start_new_session=True)
    bad = [name for name, verdict in verdicts(done.stdout).items() if verdict == "not ok"]
    assert done.returncode == 0 and not bad, f"{program}: {bad}\n{done.stdout}{done.stderr}"


def on_host(program, arguments):
    done = subprocess.run([program, *arguments], capture_output=True, timeout=60, check=False)
    return done.stdout, done.stderr, done.returncode


@pytest.mark.parametrize("emu, smp", [("qemu", 1), ("qemu", 4), pytest.param("bochs", 1, marks=pytest.mark.slow)])
def test_hellos(boot, built, emu, smp):
    """g++'s and musl's programs, the same bytes as on the host, say and return the same; three times each."""
    machine = boot("quiet", emu=emu, initrd="hello", agent=True, smp=smp)
    word = os.urandom(8).hex()
    for name in HELLOS:
        for arguments in ([], [word], ["a b", "", word * 40]):
            done = machine.agent.run([f"/hello/{name}", *arguments], limit_ns=60 * SECOND)
            expected = on_host(built["programs"] / "hello" / name, arguments)
            assert (done.stdout, done.stderr, done.exit_code) == expected, (name, arguments, done.describe())
