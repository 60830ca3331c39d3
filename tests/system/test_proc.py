"""What programs parse: every file of /proc and /proc/PID can be read, has Linux's shape, and adds up."""
import re
import subprocess
import time

import pytest
from shell import Shell
from vitrine_grader.errors import AgentError

NUMBERS = r"(?: -?\d+)*"
SHAPES = {
    "/proc/version": r"Linux version \d+\.\d+\.\d+\S* \(.*\) .*\n",
    "/proc/uptime": r"\d+\.\d\d \d+\.\d\d\n",
    "/proc/loadavg": r"(\d+\.\d\d ){3}\d+/\d+ \d+\n",
    "/proc/meminfo": r"(?:\w+(?:\(\w+\))?: +\d+ kB\n)+",
    "/proc/mounts": r"(?:\S+ \S+ \w+ \S+ 0 0\n)+",
    "/proc/filesystems": r"(?:(?:nodev)?\t\w+\n)+",
    "/proc/vmstat": r"(?:\w+ \d+\n)+",
    "/proc/buddyinfo": r"(?:Node \d+, zone +\w+(?: +\d+){11} \n)+",
    "/proc/slabinfo": r"slabinfo - version: 2\.1\n# name .*\n(?:\S+(?: +\d+){5} : tunables(?: +\d+){3} : slabdata(?: +\d+){3}\n)+",
    "/proc/swaps": r"Filename\t+Type\t+Size\t+Used\t+Priority\n",
    "/proc/cpuinfo": r"(?:processor\t: \d+\n(?:[\w ]+\t*:.*\n)+address sizes\t: \d+ bits physical, \d+ bits virtual\n.*\n\n)+",
    "/proc/sys/kernel/printk": r"\d+\t\d+\t\d+\t\d+\n",
    "/proc/sys/kernel/random/uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n",
    "/proc/kallsyms": r"(?:[0-9a-f]{16} \w \S.*\n)+",
    "/proc/1/stat": rf"1 \(\w+\) [RSDZTI]{NUMBERS}\n",
    "/proc/1/statm": r"\d+( \d+){6}\n",
    "/proc/1/io": r"rchar: \d+\nwchar: \d+\nsyscr: \d+\nsyscw: \d+\n(?:\w+: \d+\n){3}",
    "/proc/1/smaps": r"(?:[0-9a-f]+-[0-9a-f]+ \S{4} .*\n(?:[\w]+: +\d+ kB\n)+THPeligible: +\d\nVmFlags: (?:\w\w )+\n)+",
    "/proc/1/smaps_rollup": r"[0-9a-f]+-[0-9a-f]+ ---p 0{8} 00:00 0 +\[rollup\]\n(?:\w+: +\d+ kB\n)+",
    "/proc/1/stack": r"(?:\[<0>\] \S.*\+0x[0-9a-f]+/0x[0-9a-f]+\n)+",
    "/proc/1/syscall": r"-?\d+( 0x[0-9a-f]+){8}\n",
    "/proc/1/wchan": r"\w+",
    "/proc/1/cgroup": r"0::/\n",
    "/proc/1/maps": r"(?:[0-9a-f]+-[0-9a-f]+ [r-][w-][x-][ps] [0-9a-f]{8} [0-9a-f]{2}:[0-9a-f]{2} \d+ *\S*\n)+",
    "/proc/1/status": r"(?:[\w ]+:\t?.*\n)+",
    "/proc/1/limits": r"Limit +Soft Limit +Hard Limit +Units *\n(?:Max .*\n)+",
    "/proc/1/mountinfo": r"(?:\d+ \d+ \d+:\d+ \S+ \S+ \S+ .*- \w+ \S+ \S+\n)+",
}


@pytest.fixture
def agent(boot):
    agent = boot("quiet", agent=True, smp=2).agent
    while not re.match(r"1 \(\w+\) S ", text_of(agent, "/proc/1/stat")):  # init may still be at its first steps
        time.sleep(0.05)
    return agent


def text_of(agent, path):
    return agent.read_file(path).decode()


def every_file(agent, folder, depth):
    for name, (kind, _) in sorted(agent.list_dir(folder).items()):
        path = f"{folder}/{name}"
        if name in (".", "..", "kmsg"):  # kmsg waits for news
            continue
        if kind == 4 and depth > 0:
            yield from every_file(agent, path, depth - 1)
        elif kind == 8:
            yield path


@pytest.mark.quick
def test_every_file_can_be_read(agent):
    """None hangs, none hurts; an errno is only allowed where Linux gives one, too."""
    paths = [*every_file(agent, "/proc", 0), *every_file(agent, "/proc/1", 3), *every_file(agent, "/proc/sys", 4)]
    assert len(paths) > 40
    for path in paths:
        try:
            agent.read_file(path, length=65536)
        except AgentError as error:
            assert path.rsplit("/")[-1] in ("syscall", "stack", "wchan", "mem", "oom_adj", "clear_refs"), (path, error)


def test_places_without_chance(agent):
    """randomize_va_space: 0, everything lies where it did; 1, only the heap lies behind the program; 2, anywhere."""
    setting = "/proc/sys/kernel/randomize_va_space"
    sets = {}
    for value in (0, 1, 2):
        agent.run(["/bin/sh", "-c", f"echo {value} > {setting}"])
        assert text_of(agent, setting) == f"{value}\n"
        runs = [agent.run(["/tests/exec", "places"]).stdout.split() for _ in range(4)]
        sets[value] = [len(set(column)) for column in zip(*runs)]  # code, stack, heap, mappings
    assert sets[0] == [1, 1, 1, 1]
    assert sets[1][1] > 1 and sets[1][2] == 1 and sets[1][3] > 1
    assert sets[2][1] > 1 and sets[2][2] > 1 and sets[2][3] > 1


def test_number_of_processes_can_be_set(agent):
    """pid_max: numbers stay below it; threads-max: no more tasks than that; nonsense is refused."""
    def set_to(name, value):
        done = agent.run(["/bin/sh", "-c", f"echo {value} > /proc/sys/kernel/{name}"])
        return done.exit_code == 0

    assert text_of(agent, "/proc/sys/kernel/pid_max") == "32768\n"
    assert not set_to("pid_max", 300) and not set_to("pid_max", 32769) and not set_to("pid_max", "many")
    assert set_to("pid_max", 400)
    numbers = {int(agent.run(["/bin/sh", "-c", "echo $$"]).stdout) for _ in range(150)}
    assert max(numbers) < 400 and len(numbers) > 50, numbers
    assert set_to("pid_max", 32768)

    most = int(text_of(agent, "/proc/sys/kernel/threads-max"))
    assert most > 100 and not set_to("threads-max", 19)
    tasks = len(agent.run(["/bin/sh", "-c", "ls -d /proc/[0-9]*/task/*"]).stdout.split())
    assert set_to("threads-max", tasks + 20)
    assert text_of(agent, "/proc/sys/kernel/threads-max") == f"{tasks + 20}\n"
    crowd = agent.run(["/bin/sh", "-c", "for i in $(seq 60); do sleep 1 & done; wait"])
    assert "can't fork" in crowd.stderr.decode(), crowd.describe()
    assert set_to("threads-max", most) and agent.run(["/bin/true"]).exit_code == 0


@pytest.mark.parametrize("path", SHAPES)
def test_shape(agent, path):
    """Ours matches; where the host has the file, the host's does, too: so the shape is Linux's."""
    text = text_of(agent, path)
    assert re.fullmatch(SHAPES[path], text), text[:2000]
    if path in ("/proc/version", "/proc/uptime", "/proc/loadavg", "/proc/1/statm", "/proc/1/limits"):
        host = subprocess.run(["cat", path.replace("/1/", "/self/")], capture_output=True, text=True, check=True).stdout
        assert re.fullmatch(SHAPES[path], host), host


def test_stat_adds_up(agent):
    """The processors' times are the total's; counters only grow; processes were made."""
    def read():
        return {line.split()[0]: [int(n) for n in line.split()[1:]] for line in text_of(agent, "/proc/stat").splitlines()}
    before = read()
    done = agent.run(["/bin/sh", "-c", "for i in 1 2 3 4 5; do /bin/ls / > /dev/null; done"])
    after = read()
    assert done.exit_code == 0
    assert {"cpu", "cpu0", "cpu1", "intr", "ctxt", "btime", "processes", "procs_running"} <= set(after)
    for one, two, total in zip(after["cpu0"], after["cpu1"], after["cpu"]):
        assert abs(one + two - total) <= 2, after
    assert after["processes"][0] >= before["processes"][0] + 5 and after["ctxt"][0] > before["ctxt"][0]


def test_nice_time_is_apart(agent):
    """What a nice program computes counts as nice, not as user."""
    def cpu():
        return [int(n) for n in text_of(agent, "/proc/stat").splitlines()[0].split()[1:]]
    before = cpu()
    agent.run(["/bin/sh", "-c", "renice -n 10 -p $$ > /dev/null; /sbin/load burn /tmp/burnt & while [ ! -e /tmp/burnt ]; do sleep 0.1; done; kill $!"],
              limit_ns=60_000_000_000)
    after = cpu()
    assert after[1] - before[1] >= 80 and after[0] - before[0] < 50, (before, after)


def test_anonymous_pages_are_counted(agent):
    """24 MiB of a process show as AnonPages, and its page tables and stack as theirs, until it ends."""
    def figure(name):
        return int(re.search(rf"{name}: +(\d+)", text_of(agent, "/proc/meminfo"))[1])
    names = ("AnonPages", "PageTables", "KernelStack")
    before = {name: figure(name) for name in names}
    faults = int(re.search(r"pgfault (\d+)", text_of(agent, "/proc/vmstat"))[1])
    during = agent.run(["/bin/sh", "-c", "/sbin/load touch 24 /tmp/touched & while [ ! -e /tmp/touched ]; do sleep 0.1; done; "
                        "cat /proc/meminfo /proc/vmstat; kill $!; wait"], limit_ns=60_000_000_000).stdout.decode()
    now = {name: int(re.search(rf"{name}: +(\d+)", during)[1]) for name in names}
    assert 24 * 1024 <= now["AnonPages"] - before["AnonPages"] < 26 * 1024
    assert now["PageTables"] - before["PageTables"] >= 12 * 4 and now["KernelStack"] > before["KernelStack"]
    assert int(re.search(r"pgfault (\d+)", during)[1]) - faults >= 24 * 256
    assert abs(figure("AnonPages") - before["AnonPages"]) < 512


def test_console_level(agent):
    """printk's first number is the console's level, and can be set."""
    path = "/proc/sys/kernel/printk"
    agent.run(["/bin/sh", "-c", f"echo 3 > {path}"])
    assert text_of(agent, path).split() == ["3", "4", "1", "7"]
    assert agent.run(["/bin/sh", "-c", f"echo x > {path}"]).exit_code == 1


def test_meminfo_follows_what_is_used(agent):
    """8 MiB in a file of tmpfs are missing while it is there, and are back afterwards."""
    def free():
        return int(re.search(r"MemFree: +(\d+)", text_of(agent, "/proc/meminfo"))[1])
    before = free()
    agent.run(["/bin/sh", "-c", "head -c 8388608 /dev/zero > /tmp/eight"])
    with_file = free()
    agent.run(["/bin/rm", "/tmp/eight"])
    assert before - with_file > 8192 - 256
    assert before - free() < 1024


def test_nothing_leaks_with_processes(agent):
    """200 processes, pipes and files later there is as much free memory as after the first 100."""
    work = ["/bin/sh", "-c", "i=0; while [ $i -lt 100 ]; do echo x | cat > /tmp/x; rm /tmp/x; i=$((i + 1)); done"]
    levels = []
    for _ in range(3):
        assert agent.run(work, limit_ns=120_000_000_000).exit_code == 0
        levels.append(int(re.search(r"MemFree: +(\d+)", text_of(agent, "/proc/meminfo"))[1]))
    assert levels[0] - levels[2] < 256, levels


def test_tools_that_parse(boot):
    """busybox's own readers of /proc understand it."""
    shell = Shell(boot("quiet", smp=2))
    assert re.search(r"^Mem: +\d+ +\d+ +\d+", shell.run("free"), re.MULTILINE)
    assert re.search(r"load average: \d\.\d\d, \d\.\d\d, \d\.\d\d", shell.run("uptime"))
    assert re.search(r"^Mem: \d+K used.*\n.*\nLoad average: ", shell.run("top -b -n 1"), re.MULTILINE)
    assert re.search(r"^proc on /proc type proc \(", shell.run("mount"), re.MULTILINE)
    assert re.search(r"^tmpfs .* /tmp$", shell.run("df -k"), re.MULTILINE)
    assert shell.run("pidof init") == "1\n"
    assert shell.run("dmesg | grep -c 'Linux version'") == "1\n"
    assert re.search(r"^1 +0 +S +init$", re.sub("^ +", "", shell.run("ps -o pid,ppid,stat,comm"), flags=re.MULTILINE), re.MULTILINE)
