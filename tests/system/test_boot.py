"""The boot: its list, its log, its command line, its ends, and the kernel's own unit tests."""
import re
import time

import pytest
from shell import Shell
from vitrine_grader.machine import SECOND, Exit
from vitrine_grader.symbols import SymbolTable

from machines import REPOSITORY

STEPS = re.findall(r'^    \{"(\w+)",', (REPOSITORY / "src/init/main.cc").read_text(), re.MULTILINE)
LIMIT = 120 * SECOND


def panic_of(machine):
    """The panic's line, from a machine that ends with one."""
    assert machine.wait_exit(LIMIT) is Exit.PANIC, machine.console.text[-2000:]
    return re.search(r"Kernel panic - not syncing: (.*)", machine.console.text)[1]


@pytest.mark.quick
def test_list_of_steps(boot):
    """Each step is told with its time, in order; dmesg knows the same words as the console."""
    machine = boot(smp=2)
    shell = Shell(machine)
    log = shell.run("dmesg")
    steps = re.findall(r"^\[ *\d+\.\d{6}\] boot: (\w+) +(\d+) us  \S", log, re.MULTILINE)
    assert STEPS and [name for name, _ in steps] == STEPS
    assert all(int(us) >= 0 for _, us in steps) and sum(int(us) for _, us in steps) > 0
    assert set(re.findall(r"boot: (\w+)", machine.console.text)) == set(STEPS)
    assert "cpu 1 (APIC id 1) is up" in log and "smp: 2 of 2 processors online" in log
    stamps = [float(stamp) for stamp in re.findall(r"^\[ *(\d+\.\d{6})\]", log, re.MULTILINE)]
    assert stamps == sorted(stamps)


def test_init_memory_is_given_back(boot, built):
    """The text and data of the boot are free memory afterwards: not mapped, and counted."""
    machine = boot(agent=True)
    machine.agent.ping()
    symbols = SymbolTable(built["elf"])
    start, end = symbols["__init_begin"], symbols["__init_end"]
    freed = re.search(r"Freeing unused kernel image memory: (\d+)K", machine.console.text)
    assert int(freed[1]) * 1024 == end - start > 0
    machine.read_virt(start - 4096, 16)
    with pytest.raises(LookupError):
        machine.read_virt(start, 16)
    initrd = re.search(r"Freeing initrd memory: (\d+)K", machine.console.text)
    assert abs(int(initrd[1]) * 1024 - built["shell"].stat().st_size) < 65536


def test_command_line_goes_to_init(boot):
    """What the kernel does not know becomes init's arguments and environment, as on Linux."""
    shell = Shell(boot('foo bar=baz "quo ted=x y" quiet ro nokaslr -- single'))
    assert shell.run("tr '\\0' '|' < /proc/1/cmdline") == "/init|foo|single|"
    assert shell.run("tr '\\0' '|' < /proc/1/environ") == "HOME=/|TERM=linux|bar=baz|quo ted=x y|"
    assert shell.run("cat /proc/cmdline") == 'console=ttyS0 foo bar=baz "quo ted=x y" quiet ro nokaslr -- single\n'


def test_quiet(boot):
    """Only what went wrong is shown; dmesg still has it all."""
    machine = boot("quiet")
    shell = Shell(machine)
    assert "boot: " not in machine.console.text.split("# ")[0]
    assert "boot: root" in shell.run("dmesg")


@pytest.mark.parametrize("word, expected", [("mem=64M", 64 << 20), ("mem=65536K", 64 << 20), ("mem=0x3000000", 48 << 20)])
def test_mem(boot, word, expected):
    """RAM beyond mem= is not there."""
    agent = boot(word, agent=True).agent
    total = int(re.search(rb"MemTotal: +(\d+) kB", agent.read_file("/proc/meminfo"))[1]) * 1024
    assert 0.85 * expected < total <= expected


@pytest.mark.parametrize("word", ["mem=1M", "mem=0x100000"])
def test_mem_too_small(boot, word):
    assert "RAM" in panic_of(boot(word))


def test_wrong_numbers_on_the_command_line(boot):
    """mem= and maxcpus= that make no sense are not taken."""
    shell = Shell(boot("mem=banana maxcpus=-3 trace=nonsense console=ttyS9", smp=2))
    assert "there is no event nonsense" in shell.run("dmesg")
    assert int(shell.run("grep MemTotal /proc/meminfo | tr -dc 0-9")) > 100000


@pytest.mark.parametrize("word, online", [("maxcpus=1", 1), ("maxcpus=3", 3), ("maxcpus=0", 1), ("maxcpus=64", 4)])
def test_maxcpus(boot, word, online):
    shell = Shell(boot(word, smp=4))
    assert shell.run("grep -c ^processor /proc/cpuinfo") == f"{online}\n"
    assert shell.run("for i in 1 2 3 4 5 6 7 8; do sh -c : & done; wait; echo alive").endswith("alive\n")


def test_processor_that_does_not_answer(boot, built):
    """One that the firmware invented is named and skipped; the others work."""
    machine, symbols = boot(smp=2, paused=True), SymbolTable(built["elf"])
    machine.run_to(symbols["init::set_up_memory"])
    information = symbols["arch::acpi_info"]
    count, first, second = machine.gdb.read(information, 4), *machine.gdb.read(information + 4, 2)
    assert (int.from_bytes(count, "little"), first, second) == (2, 0, 1)
    machine.gdb.write(information, (3).to_bytes(4, "little") + bytes([0, 77, 1]))
    machine.resume()
    shell = Shell(machine)
    log = shell.run("dmesg")
    assert "cpu 1 (APIC id 77) does not answer; skipped" in log and "smp: 2 of 3 processors online" in log
    assert shell.run("grep -c ^processor /proc/cpuinfo") == "2\n"
    assert shell.run("for i in 1 2 3 4; do (echo $i) & done | sort; wait") == "1\n2\n3\n4\n"


@pytest.mark.parametrize("board", ["pc", "q35"])
@pytest.mark.parametrize("model", ["qemu64", "Haswell", "max"])
def test_other_machines(boot, board, model):
    """Both boards; processors with and without SMEP, SMAP, 1 GiB pages."""
    shell = Shell(boot("quiet", board=board, model=model, smp=2))
    assert shell.run("grep -c ^processor /proc/cpuinfo") == "2\n"
    shell.send("poweroff\r")
    assert shell.machine.wait_exit(LIMIT) is Exit.SHUTDOWN


@pytest.mark.parametrize("how, end", [("poweroff", Exit.SHUTDOWN), ("reboot", Exit.RESET)])
@pytest.mark.parametrize("smp", [1, 4])
def test_ends(boot, how, end, smp):
    shell = Shell(boot("quiet", smp=smp))
    shell.send(f"{how}\r")
    assert shell.machine.wait_exit(LIMIT) is end


# --- init ---------------------------------------------------------------------------------------


def test_init_of_the_persons_choice(boot):
    """rdinit= runs instead of /init, init= when the initramfs has no /init of its own that works."""
    machine = boot("rdinit=/bin/sh")
    assert Shell(machine).run("echo $$") == "1\n"
    machine = boot("rdinit=/none init=/bin/sh")
    assert Shell(machine).run("echo $$") == "1\n"
    assert "cannot run /none: /none: ENOENT" in machine.console.text


def test_no_init(boot):
    """The panic names every path that was tried, why it failed, and the way out."""
    said = panic_of(boot(initrd=None))
    assert said == ("No working init found. Tried /init: ENOENT, /sbin/init: ENOENT, /etc/init: ENOENT, "
                    "/bin/init: ENOENT, /bin/sh: ENOENT. Try passing init= to the kernel.")


def test_init_ends(boot):
    assert "Attempted to kill init! exitcode=0x00000300" in panic_of(boot('rdinit=/bin/sh -- -c "exit 3"'))


# --- the kernel's own tests ---------------------------------------------------------------------


def tap_of(machine):
    """(passed, not ok lines) of a finished ktest= run; the summary must agree with the lines."""
    text = machine.console.text
    passed, failed = map(int, re.search(r"ktest: (\d+) passed, (\d+) failed", text).groups())
    assert len(re.findall(r"\] ok \d+ - ", text)) == passed > 0
    bad = re.findall(r"not ok .*|# .*", text)
    assert failed == len(re.findall(r"not ok \d+", text))
    return passed, bad


@pytest.mark.parametrize("smp", [pytest.param(1, marks=pytest.mark.quick), pytest.param(4, marks=pytest.mark.slow)])
def test_ktests(boot, smp):
    machine = boot("ktest=*", smp=smp)
    end = machine.wait_exit(240 * SECOND)
    passed, bad = tap_of(machine)
    assert end is Exit.SUCCESS and not bad and passed > 150, bad


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["fs*", "lib.r*", "mm*", "vm*"])
def test_ktests_on_bochs(boot, pattern):
    machine = boot(f"ktest={pattern}", emu="bochs", initrd="lab")
    end = machine.wait_exit(60 * SECOND)
    assert end is Exit.SHUTDOWN and not tap_of(machine)[1]


def test_ktest_that_does_not_exist(boot):
    machine = boot("ktest=no.such.test")
    assert machine.wait_exit(LIMIT) is Exit.FAILURE
    assert "ktest=no.such.test matches no test" in machine.console.text


@pytest.mark.parametrize("smp", [1, 2, 4])
def test_line_of_the_agent_has_no_keys(boot, smp):
    """Bytes that are ^C, ^\\ and ^Z to a terminal do not end an agent that is just starting."""
    machine = boot("quiet", agent=True, smp=smp)
    for _ in range(100):
        machine.line.send(b"\x03\x1c\x1a\x03")
        time.sleep(0.004)
    machine.agent.ping()
    assert "the agent" not in machine.console.text
