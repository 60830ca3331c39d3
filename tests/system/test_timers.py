"""Timers and ticks, in guest time: how many interrupts an idle machine takes, how exact sleeping is.

The machines run on -icount: a nanosecond is an instruction, and what is measured does not depend on the host. They
are asked at the shell's prompt: the agent would look for its job's end every second.
"""
import re

import pytest
from shell import Shell
from vitrine_grader.machine import SECOND

IDLE_SECONDS = 10
LIMIT = 3600 * SECOND  # idle guest time flies


@pytest.fixture
def prompt(boot):
    return lambda cmdline, smp: Shell(boot(f"quiet {cmdline}", smp=smp, deterministic=True), limit=LIMIT)


def idle_ticks(shell):
    """Local timer interrupts of each processor in IDLE_SECONDS in which nobody does anything."""
    lines = shell.run(f"sleep 2; grep LOC /proc/interrupts; sleep {IDLE_SECONDS}; grep LOC /proc/interrupts").splitlines()
    before, after = ([int(n) for n in re.findall(r"\d+", line)] for line in lines)
    return [late - early for early, late in zip(before, after)]


def nap_lateness(shell):
    """How late 200 sleeps of a millisecond were at most: each from now on, and each until a date."""
    text = shell.run("/tests/sleep_exact")
    assert shell.status == 0, text
    return [int(ns) for ns in re.findall(r"# latest: (\d+) ns", text)]


@pytest.mark.parametrize("smp", [1, 4])
def test_idle_processors_do_not_tick(prompt, smp):
    """At most two timer interrupts a second on each processor."""
    ticks = idle_ticks(prompt("", smp))
    assert len(ticks) == smp and max(ticks) <= 2 * IDLE_SECONDS, ticks


def test_nohz_off(prompt):
    """Then they tick all the time, 250 times a second."""
    ticks = idle_ticks(prompt("nohz=off", 2))
    assert all(245 * IDLE_SECONDS < count < 270 * IDLE_SECONDS for count in ticks), ticks


def test_naps_are_exact(prompt):
    """A millisecond is a millisecond, and at most a tenth more."""
    shell = prompt("", 1)
    latest = nap_lateness(shell)
    assert "# resolution: 1 ns\nok" in shell.run("/tests/clocks | grep -A1 resolution:")
    assert len(latest) == 2 and max(latest) <= 100_000, latest


def test_highres_off(prompt):
    """Timers are as fine as the tick: a nap is late by up to one, and never early."""
    shell = prompt("highres=off", 1)
    assert 500_000 < nap_lateness(shell)[0] < 4_200_000
    assert ".hres_active    : 0" in shell.run("cat /proc/timer_list")
    assert "# resolution: 4000000 ns\nok" in shell.run("/tests/clocks | grep -A1 resolution:")


def test_timer_list(prompt):
    """/proc/timer_list shows the tick of each processor, and a sleeper."""
    text = prompt("", 2).run("sleep 100 & sleep 0.3; cat /proc/timer_list; kill $!")
    assert "Timer List Version: v0.10\n" in text
    assert re.findall(r"^cpu: (\d+)$", text, re.MULTILINE) == ["0", "1"]
    left = [int(ns) for ns in re.findall(r"\[in -?\d+ to (-?\d+) nsecs\]", text)]
    assert any(98 * SECOND < ns <= 100 * SECOND for ns in left), text
    assert text.count(".hres_active    : 1") == 2
