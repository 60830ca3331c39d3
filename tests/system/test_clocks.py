"""Clocks, from outside: the date that the emulator was given, machines without an HPET, clock sources on the command
line, the vDSO as a file."""
import calendar
import re
import subprocess
import time

import pytest
from vitrine_grader.machine import SECOND

from machines import REPOSITORY

SOURCE = "/sys/devices/system/clocksource/clocksource0"
DATES = ["2000-02-29T23:59:30", "2038-01-19T03:14:00", "2099-12-31T12:00:00"]


def read(machine, path):
    return machine.agent.read_file(path).decode().strip()


def wall_seconds(machine):
    """CLOCK_REALTIME at boot: what the kernel made of the CMOS clock."""
    return int(re.search(r"^btime (\d+)$", read(machine, "/proc/stat"), re.MULTILINE)[1])


@pytest.mark.parametrize("date", DATES)
def test_date_is_the_emulators(boot, date):
    """-rtc base= is what the CMOS clock shows at power-on: CLOCK_REALTIME begins there, within two seconds."""
    machine = boot("quiet", agent=True, extra=("-rtc", f"base={date},clock=vm"))
    expected = calendar.timegm(time.strptime(date, "%Y-%m-%dT%H:%M:%S"))
    assert abs(wall_seconds(machine) - expected) <= 2


@pytest.mark.parametrize("cmdline, board, available, current", [
    ("", "q35", {"tsc", "hpet", "acpi_pm"}, "tsc"),
    ("hpet=disable", "q35", {"tsc", "acpi_pm", "pit"}, "tsc"),
    ("", "pc,hpet=off", {"tsc", "acpi_pm", "pit"}, "tsc"),
    ("notsc", "q35", {"hpet", "acpi_pm"}, "hpet"),
    ("notsc hpet=disable clocksource=pit", "pc", {"acpi_pm", "pit"}, "pit"),
    ("clocksource=acpi_pm", "q35", {"tsc", "hpet", "acpi_pm"}, "acpi_pm"),
    ("clocksource=sundial", "q35", {"tsc", "hpet", "acpi_pm"}, "tsc"),
])
def test_sources(boot, cmdline, board, available, current):
    """Which clock sources there are, and which is used; with each of them programs find that time goes on."""
    machine = boot(f"quiet {cmdline}", agent=True, board=board, smp=2)
    assert set(read(machine, f"{SOURCE}/available_clocksource").split()) == available
    assert read(machine, f"{SOURCE}/current_clocksource") == current
    assert read(machine, "/sys/devices/system/clockevents/clockevent1/current_device").startswith("lapic")
    done = machine.agent.run(["/tests/timers"], limit_ns=100 * SECOND)
    assert done.exit_code == 0, done.describe()


def test_without_vdso(boot):
    """vdso=0: no vDSO in the address space, and clocks work by system call."""
    machine = boot("quiet vdso=0", agent=True)
    done = machine.agent.run(["/bin/cat", "/proc/self/maps"])
    assert b"[vdso]" not in done.stdout and b"[vvar]" not in done.stdout
    assert machine.agent.run(["/tests/timers"], limit_ns=100 * SECOND).exit_code == 0


def test_vdso_is_a_sound_elf_file():
    """binutils find nothing wrong with the image, its versions and its unwind information."""
    image = REPOSITORY / "build/kernel/vdso/vdso.so"
    shown = subprocess.run(["readelf", "-aW", "--debug-dump=frames", image], capture_output=True, text=True, check=True)
    assert "warning" not in (shown.stdout + shown.stderr).lower()
    for name in ("clock_gettime", "clock_getres", "gettimeofday", "time", "getcpu"):
        assert re.search(rf"FUNC +GLOBAL +DEFAULT +\d+ __vdso_{name}@@LINUX_2\.6$", shown.stdout, re.MULTILINE), name
    assert "There are no relocations" in shown.stdout and "FDE" in shown.stdout
