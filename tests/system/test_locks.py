"""Locks: waiting is counted in /proc; in a debug kernel the validator catches every misuse."""
import re
import subprocess

import pytest
from shell import Shell
from vitrine_grader.machine import SECOND

from machines import BUILD, REPOSITORY

LIMIT = 240 * SECOND

# What is planted (src/core/validator/validator_test.cc), and what its stacks must name: where it
# happened now, and the other half of it before.
REPORTS = {
    "taken in the opposite order elsewhere: 'planted_a', 'planted_b'":
        ("Now:", "test_opposite_orders(TestContext&)::{lambda()#2}", "Before:",
         "test_opposite_orders(TestContext&)::{lambda()#1}"),
    "taken by interrupt handlers, and held with interrupts on: 'planted_irq'":
        ("Now:", "test_held_with_interrupts_on(TestContext&)::{lambda()#3}", "Before:",
         "test_held_with_interrupts_on(TestContext&)::{lambda()#1}"),
    "sleeping where one may not: 'lock_nested', 'planted_atomic'": ("Now:", "test_sleeps_in_atomic", "Before:"),
    "released, but not held: 'planted_owner'": ("Now:", "test_unlocks_of_others"),
    "taken twice: 'planted_spin_twice'": ("Now:", "test_taken_twice", "Before:", "test_taken_twice"),
    "still held on the way to user mode: 'planted_leak'": ("Before:", "test_forgotten_locks"),
    "taken out of order: 'planted_outer'": ("Now:", "test_against_the_ranks"),
}


@pytest.fixture(scope="module")
def debug_kernel():
    """The checking build, beside the other one."""
    subprocess.run(["make", "--no-print-directory", "-j2", "DEBUG=1", "kernel"], cwd=REPOSITORY, check=True,
                   stdout=subprocess.DEVNULL)
    return BUILD / "kernel-debug/vitrine.img.elf"


def test_lock_stat(boot):
    """/proc/lock_stat has Linux' columns; 0 resets it; a switch turns the counting off."""
    shell = Shell(boot(smp=2))
    lines = shell.run("cat /proc/lock_stat").splitlines()
    assert lines[0] == "lock_stat version 0.4"
    assert lines[1].split()[2:6] == ["con-bounces", "contentions", "waittime-min", "waittime-max"]
    assert all(re.fullmatch(r" *\S+:( +\d+){2}( +\d+\.\d\d){4}( +\d+){2}( +\d+\.\d\d){4}", line) for line in lines[2:])
    assert shell.run("echo 0 > /proc/lock_stat && echo done") == "done\n"
    assert "nvalid" in shell.run("(echo 7 > /proc/lock_stat) 2>&1")
    assert shell.run("cat /proc/sys/kernel/lock_stat") == "1\n"
    assert shell.run("echo 0 > /proc/sys/kernel/lock_stat; cat /proc/sys/kernel/lock_stat") == "0\n"
    assert "No such file" in shell.run("cat /proc/lockdep_stats 2>&1")


@pytest.mark.slow
def test_validator_catches(boot, debug_kernel):
    """All tests of a debug kernel pass, and each planted misuse was reported with its stacks."""
    machine = boot("ktest=*", kernel=debug_kernel, smp=4)
    machine.wait_exit(LIMIT)
    text = machine.console.text
    assert not re.findall(r"(?:.*# .*\n)*.*not ok \d+ - .*", text)
    assert re.search(r"ktest: \d+ passed, 0 failed", text), text[-3000:]
    for report, named in REPORTS.items():
        found = re.search(rf"lock validator: {re.escape(report)}(.*?)\bok \d+ - ", text, re.DOTALL)
        assert found, report
        assert re.search(".*?".join(map(re.escape, named)), found[1], re.DOTALL), found[0]


@pytest.mark.slow
def test_debug_kernel_boots(boot, debug_kernel):
    """A debug kernel runs programs without a report, and says what it has learnt."""
    machine = boot(kernel=debug_kernel, smp=2)
    shell = Shell(machine)
    assert int(shell.run("for i in 1 2 3; do ls -lR /bin; done | wc -l")) > 3
    stats = dict(re.findall(r"^ ([\w -]+?): +(\d+)", shell.run("cat /proc/lockdep_stats"), re.MULTILINE))
    assert int(stats["lock-classes"]) > 20 and int(stats["direct dependencies"]) > 20
    assert int(stats["dependency chains"]) > 20 and stats["debug_locks"] == "1"
    assert " -> " in shell.run("head -40 /proc/lockdep_chains")
    assert "wait_queue" in shell.run("cat /proc/lockdep")
    held = [line.split() for line in shell.run("cat /proc/lock_stat").splitlines()[2:]]
    assert any(int(fields[8]) > 100 for fields in held)  # acquisitions
