"""Debian's procps, unmodified and dynamically linked, shows what a test knows to be true.

/sbin/load makes processes with a known number of threads, amount of memory, use of processor time.
"""
import re
from types import SimpleNamespace

import pytest
from vitrine_grader.machine import SECOND

START = """
/sbin/load threads 7 /tmp/threads < /dev/null > /dev/null 2>&1 &
echo $!
/sbin/load touch 24 /tmp/touch < /dev/null > /dev/null 2>&1 &
echo $!
/sbin/load burn /tmp/burn < /dev/null > /dev/null 2>&1 &
echo $!
for name in threads touch burn; do while [ ! -e /tmp/$name ]; do sleep 0.1; done; done
"""
PS, TOP, FREE, VMSTAT = "/bin/ps", "/usr/bin/top", "/usr/bin/free", "/usr/bin/vmstat"


@pytest.fixture
def guest(boot):
    """A machine with the three loads running: `run(program, argument...)`, and their pids."""
    machine = boot("quiet", initrd="procps", agent=True, smp=2)

    def run(*argv, code=0):
        done = machine.agent.run(list(argv), limit_ns=120 * SECOND, env={"TERM": "dumb"})
        text = done.stdout.decode()
        assert done.exit_code == code and not done.stderr, f"{argv}: {done.describe()}\n{text}\n{done.stderr.decode()}"
        return text

    pids = [int(pid) for pid in run("/bin/sh", "-c", START).split()]
    return SimpleNamespace(run=run, machine=machine, threads=pids[0], touch=pids[1], burn=pids[2])


def table(text):
    """The lines under a heading, as dicts; the last column takes what is left."""
    head, *lines = text.strip("\n").splitlines()
    names = head.split()
    return [dict(zip(names, line.split(None, len(names) - 1))) for line in lines]


def by_pid(text):
    return {int(row["PID"]): row for row in table(text)}


def status(guest, pid):
    text = guest.machine.agent.read_file(f"/proc/{pid}/status").decode()
    return dict(line.split(":\t", 1) for line in text.splitlines())


def kib(value):
    return int(value.split()[0])


def test_ps_aux(guest):
    rows = by_pid(guest.run(PS, "aux"))
    numbered = {int(name) for name in guest.machine.agent.list_dir("/proc") if name.isdigit()}
    assert len(set(rows) ^ numbered) <= 4, "ps itself, and a worker that came or went"
    assert rows[guest.threads]["COMMAND"] == "/sbin/load threads 7 /tmp/threads"
    assert rows[guest.threads]["STAT"].startswith("Sl") and rows[guest.threads]["USER"] == "root"
    assert rows[guest.burn]["STAT"].startswith("R") and float(rows[guest.burn]["%CPU"]) > 5
    assert re.fullmatch(r"\d+:\d\d", rows[guest.burn]["TIME"]) and rows[guest.burn]["TIME"] != "0:00"
    assert rows[guest.threads]["TIME"] == "0:00"
    touch = rows[guest.touch]
    assert 24 * 1024 <= int(touch["RSS"]) < 26 * 1024 and int(touch["VSZ"]) >= int(touch["RSS"])
    assert int(rows[guest.threads]["RSS"]) < 2048
    assert rows[2]["COMMAND"] == "[kthreadd]" and rows[2]["RSS"] == "0"


def test_ps_threads_and_tree(guest):
    rows = [row for row in table(guest.run(PS, "-eLf")) if row["PID"] == str(guest.threads)]
    assert len(rows) == 7 and len({row["LWP"] for row in rows}) == 7
    assert all(row["NLWP"] == "7" for row in rows)
    tree = guest.run("/bin/sh", "-c", "/bin/sh -c '/bin/ps -ef --forest; true'; true")
    depth = {row["CMD"].split()[-1]: len(re.match(r"[ |\\_]*", row["CMD"])[0]) for row in table(tree) if "CMD" in row}
    assert depth["--forest"] > 0 and re.search(r"\\_ /bin/ps -ef --forest", tree), tree
    assert re.search(r" 2 +\d .* \\_ \[ksoftirqd/0\]", tree), "kthreadd has made it"


def test_ps_columns(guest):
    """Every column that ps can print about a process; those that the test knows are right."""
    columns = "pid,ppid,pgid,sid,tid,nlwp,stat,psr,ni,pri,tty,rss,vsz,min_flt,maj_flt,etimes,uid,euser,group,wchan:30,comm"
    row = by_pid(guest.run(PS, "-o", columns, "-p", str(guest.threads)))[guest.threads]
    assert row["NLWP"] == "7" and row["NI"] == "0" and row["TT"] == "?" and row["COMMAND"] == "load"
    assert row["EUSER"] == row["GROUP"] == "root" and row["PSR"] in "01"
    assert row["WCHAN"] == "sys_pause" and row["PGID"] == status(guest, guest.threads)["NSpgid"]
    known = guest.run(PS, "L").split("\n")
    for name in [line.split()[0] for line in known if line]:
        guest.run(PS, "-o", f"pid,{name}", "-p", str(guest.burn))


def test_top(guest):
    text = guest.run(TOP, "-b", "-n1", "-w", "200")
    found = re.search(r"Tasks: +(\d+) total, +(\d+) running, +(\d+) sleeping, +0 stopped, +0 zombie", text)
    assert found, text
    rows = by_pid(text[re.search(r"^ *PID", text, re.MULTILINE).start() :])
    assert int(found[1]) == len(rows) == int(found[2]) + int(found[3]) and int(found[2]) >= 2
    assert rows[guest.burn]["S"] == "R" and rows[guest.threads]["S"] == "S" and rows[guest.burn]["COMMAND"] == "load"
    assert int(rows[guest.touch]["RES"]) >= 24 * 1024
    parts = re.search(r"%Cpu\(s\): *(.*)", text)[1].split(",")
    assert [part.split()[1] for part in parts] == ["us", "sy", "ni", "id", "wa", "hi", "si", "st"]
    assert abs(sum(float(part.split()[0]) for part in parts) - 100) < 1
    threads = by_pid(guest.run(TOP, "-H", "-b", "-n1", "-p", str(guest.threads)).split("\n\n", 1)[1])
    assert len(threads) == 7


def test_memory(guest):
    meminfo = {name: kib(value) for name, value in re.findall(r"(\w+): +(.*)", guest.machine.agent.read_file("/proc/meminfo").decode())}
    free = table("what " + guest.run(FREE, "-k").lstrip())
    assert free[0]["what"] == "Mem:" and int(free[0]["total"]) == meminfo["MemTotal"]
    assert abs(int(free[0]["free"]) - meminfo["MemFree"]) < 2048
    assert int(free[0]["available"]) <= int(free[0]["total"]) and int(free[0]["shared"]) == meminfo["Shmem"]
    assert meminfo["AnonPages"] >= 24 * 1024 and meminfo["Mapped"] > 0 and meminfo["PageTables"] >= 4 * 20
    guest.run("/usr/bin/pkill", "-f", "touch 24")
    after = table("what " + guest.run(FREE, "-k").lstrip())
    assert 22 * 1024 < int(free[0]["used"]) - int(after[0]["used"]) < 27 * 1024


def test_pmap(guest):
    text = guest.run("/usr/bin/pmap", "-x", str(guest.touch))
    assert text.startswith(f"{guest.touch}:   /sbin/load touch 24 /tmp/touch\n")
    areas = re.findall(r"^([0-9a-f]{16}) +(\d+) +(\d+) +(\d+) (\S+) +(.*)$", text, re.MULTILINE)
    assert any(int(size) == int(rss) == int(dirty) == 24 * 1024 and "anon" in name for _, size, rss, dirty, _, name in areas)
    assert {"load", "[ stack ]"} <= {area[5].strip() for area in areas}
    total = re.search(r"^total kB +(\d+) +(\d+) +(\d+)$", text, re.MULTILINE)
    now = status(guest, guest.touch)
    assert int(total[1]) == kib(now["VmSize"]) == sum(int(area[1]) for area in areas)
    assert int(total[2]) == kib(now["VmRSS"])


def test_vmstat_and_uptime(guest):
    *_, row = table(guest.run(VMSTAT, "1", "3").split("\n", 1)[1])
    assert int(row["r"]) >= 1 and row["b"] == "0", row
    assert abs(sum(int(row[name]) for name in ("us", "sy", "id", "wa", "st")) - 100) <= 2
    assert int(row["us"]) >= 20 and int(row["in"]) > 0 and int(row["cs"]) > 0, row
    assert re.search(r" up \d+ min,  0 users?,  load average: \d+\.\d\d, \d+\.\d\d, \d+\.\d\d$", guest.run("/usr/bin/uptime").rstrip())
    assert re.search(r"(\d+) forks", guest.run(VMSTAT, "-f"))


def test_finding_and_killing(guest):
    loads = {guest.threads, guest.touch, guest.burn}
    assert {int(pid) for pid in guest.run("/usr/bin/pgrep", "-x", "load").split()} == loads
    assert guest.run("/usr/bin/pgrep", "-f", "threads 7") == f"{guest.threads}\n"
    assert guest.run("/usr/bin/pgrep", "-a", "-f", "^/sbin/load burn") == f"{guest.burn} /sbin/load burn /tmp/burn\n"
    assert guest.run("/usr/bin/pwdx", str(guest.burn)) == f"{guest.burn}: /\n"
    guest.run("/usr/bin/pkill", "-KILL", "-f", "load burn")
    guest.run("/bin/sh", "-c", f"while /usr/bin/pgrep -f 'load burn' | grep -qx {guest.burn}; do sleep 0.1; done")
    guest.run("/usr/bin/pgrep", "-u", "nobody", code=1)


def test_sysctl(guest):
    sysctl = "/sbin/sysctl"
    assert guest.run(sysctl, "kernel.ostype") == "kernel.ostype = Linux\n"
    everything = dict(re.findall(r"^(\S+) = (.*)$", guest.run(sysctl, "-a"), re.MULTILINE))
    assert everything["kernel.pid_max"] == "32768" and everything["vm.overcommit_memory"] == "0"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", everything["kernel.random.boot_id"])
    assert everything["kernel.random.boot_id"] == guest.run(sysctl, "-n", "kernel.random.boot_id").strip()
    guest.run(sysctl, "-w", "kernel.hostname=glass")
    assert guest.run("/bin/hostname") == "glass\n"
    assert "dentry" in guest.run("/usr/bin/slabtop", "-o")


@pytest.mark.slow
def test_thousands_of_processes(boot):
    """Each is listed once, and reading all of them takes what it must, not its square."""
    machine = boot("quiet", initrd="procps", agent=True, smp=2, mem=512)
    many = 2500
    begin = f"i=0; while [ $i -lt {many} ]; do /bin/sleep 1000 < /dev/null > /dev/null 2>&1 & i=$((i + 1)); done"
    assert machine.agent.run(["/bin/sh", "-c", begin], limit_ns=300 * SECOND).exit_code == 0
    done = machine.agent.run(["/bin/sh", "-c", "/bin/ps -eo pid,comm | /bin/grep -c ' sleep$'"], limit_ns=300 * SECOND)
    assert done.stdout == f"{many}\n".encode()
    listed = machine.agent.run(["/bin/sh", "-c", "ls /proc | grep -c '^[0-9]'; ls /proc | sort | uniq -d | wc -l"], limit_ns=300 * SECOND)
    count, twice = map(int, listed.stdout.split())
    assert count > many and twice == 0
    killed = machine.agent.run(["/bin/sh", "-c", "/usr/bin/pkill -x sleep; while /usr/bin/pgrep -x sleep > /dev/null; do :; done"],
                               limit_ns=300 * SECOND)
    assert killed.exit_code == 0
