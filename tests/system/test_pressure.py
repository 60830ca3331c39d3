"""More memory wanted than there is: caches go, anonymous memory is swapped, the culprit dies, the system lives.

The swap device is a RAM disk that is filled first: then swapping takes no more memory.
"""
import re

import pytest
from vitrine_grader.machine import SECOND

SWAP_ON = "dd if=/dev/zero of=/dev/ram0 bs=64k 2>/dev/null; " \
          "mkswap /dev/ram0 >/dev/null && swapon /dev/ram0"


def run(machine, *words, limit=300):
    done = machine.agent.run(list(words), limit_ns=limit * SECOND)
    return done, done.stdout.decode(errors="replace")


def sh(machine, command, limit=300):
    done, text = run(machine, "/bin/sh", "-c", command, limit=limit)
    assert done.exit_code == 0, f"{command}: {done.describe()}\n{text}{done.stderr.decode(errors='replace')}"
    return text


def table(machine, path):
    text = machine.agent.read_file(path).decode()
    return {name: int(value) for name, value in re.findall(r"^(\S+?):? +(\d+)", text, re.MULTILINE)}


def log_of(machine):
    return sh(machine, "dmesg")


@pytest.fixture(params=[1, 4])
def swapping(request, boot):
    machine = boot("quiet ramdisk_size=49152", agent=True, smp=request.param, mem=128)
    sh(machine, SWAP_ON)
    return machine


def test_anonymous_memory_is_swapped(swapping):
    """Data stays intact, nobody is killed, and swapoff brings all back."""
    before = table(swapping, "/proc/meminfo")
    assert before["SwapTotal"] == 49152 - 4 and before["SwapFree"] == before["SwapTotal"]
    mib = before["MemFree"] // 1024 + 24
    for processes in (1, 5):
        done, text = run(swapping, "/sbin/pressure", "eat", str(mib), str(processes), "2", limit=900)
        assert done.exit_code == 0 and "eat: done, 0 failures" in text, text
    stat = table(swapping, "/proc/vmstat")
    assert stat["pswpout"] > 0 and stat["pswpin"] > 0 and stat["pgsteal_anon"] > 0
    assert "Killed process" not in log_of(swapping)
    sh(swapping, "swapoff /dev/ram0")
    after = table(swapping, "/proc/meminfo")
    assert after["SwapTotal"] == after["SwapCached"] == 0


def test_huge_pages_are_swapped(swapping):
    """Reclaim splits them first, also those that a child shares."""
    sh(swapping, "echo always > /sys/kernel/mm/transparent_hugepage/enabled")
    mib = table(swapping, "/proc/meminfo")["MemFree"] // 1024 + 16
    for processes in (1, 3):
        done, text = run(swapping, "/sbin/pressure", "eat", str(mib), str(processes), "1", limit=900)
        assert done.exit_code == 0 and "eat: done, 0 failures" in text, text
    stat = table(swapping, "/proc/vmstat")
    assert stat["thp_fault_alloc"] > 0 and stat["thp_split_page"] > 0 and stat["pswpout"] > 0
    done, text = run(swapping, "/sbin/pressure", "storm", "10", "7", str(mib), limit=900)
    assert done.exit_code == 0 and "storm: 0 failures, 0 killed, 0 leaks" in text, text
    assert "Killed process" not in log_of(swapping)
    sh(swapping, "swapoff /dev/ram0")
    assert table(swapping, "/proc/meminfo")["AnonHugePages"] == 0


@pytest.mark.parametrize("huge", ["never", "always"])
def test_calls_on_swapped_memory(swapping, huge):
    sh(swapping, f"echo {huge} > /sys/kernel/mm/transparent_hugepage/enabled")
    done, text = run(swapping, "/tests/swapped")
    assert done.exit_code == 0 and "not ok" not in text and "SKIP" not in text, text


def test_tmpfs_is_swapped(swapping):
    """A file larger than what is free."""
    mib = table(swapping, "/proc/meminfo")["MemFree"] // 1024 + 8
    sh(swapping, "mkdir -p /tmp/t && mount -t tmpfs -o size=100% none /tmp/t")
    sh(swapping, f"i=0; while [ $i -lt {mib} ]; do yes $i | head -c 1048576; i=$((i + 1)); done > /tmp/t/f", limit=900)
    sums = sh(swapping, f"md5sum < /tmp/t/f; i=0; while [ $i -lt {mib} ]; do yes $i | head -c 1048576; i=$((i + 1)); "
                        "done | md5sum", limit=900).split()
    assert sums[0] == sums[2]
    assert table(swapping, "/proc/vmstat")["pswpout"] > 0
    sh(swapping, "rm /tmp/t/f; umount /tmp/t; swapoff /dev/ram0")


@pytest.mark.parametrize("smp", [1, 4])
@pytest.mark.parametrize("what", ["bomb", "witness", "forks"])
def test_the_culprit_pays(boot, smp, what):
    """Without swap space; a process that does nothing wrong is still there afterwards."""
    machine = boot("quiet", agent=True, smp=smp, mem=96)
    sh(machine, "sleep 1000 & echo $! > /tmp/innocent")
    done, text = run(machine, "/sbin/pressure", what, limit=600)
    assert done.exit_code == 0, f"{done.describe()}\n{text}"
    assert sh(machine, "kill -0 $(cat /tmp/innocent) && echo $((6 * 7)) | cat") == "42\n"
    if what == "bomb":
        assert "Out of memory: Killed process" in log_of(machine) or "told" in text


def test_strict_overcommit(boot):
    machine = boot("quiet", agent=True, mem=96)
    sh(machine, "echo 2 > /proc/sys/vm/overcommit_memory")
    done, text = run(machine, "/sbin/pressure", "bomb", limit=600)
    assert done.exit_code == 0 and "told" in text
    info = table(machine, "/proc/meminfo")
    assert info["Committed_AS"] <= info["CommitLimit"]
    assert "Killed process" not in log_of(machine)


def test_min_free_kbytes(boot):
    """What must stay free can be set, within reason; kswapd keeps it so."""
    machine = boot("quiet", agent=True, mem=96)
    setting = "/proc/sys/vm/min_free_kbytes"
    normal = int(machine.agent.read_file(setting))
    assert 500 < normal < 4096
    for bad in ("99999999", "-1", "x", "4294967296000", "18446744073709551615"):
        done, _ = run(machine, "/bin/sh", "-c", f"echo {bad} > {setting}")
        assert done.exit_code != 0, bad
        assert int(machine.agent.read_file(setting)) == normal
    sh(machine, f"echo 16384 > {setting}; echo x > /tmp/x; cat /tmp/x")
    zones = machine.agent.read_file("/proc/zoneinfo").decode()
    lowest = sum(int(pages) for pages in re.findall(r"^ +min +(\d+)", zones, re.MULTILINE))
    assert 4090 <= lowest <= 4096
    sh(machine, f"echo {normal} > {setting}")


def test_bad_swap_headers(boot):
    machine = boot("quiet ramdisk_size=1024", agent=True, mem=96)
    refused = "mkswap /dev/ram0 > /dev/null; {} | dd of=/dev/ram0 bs=1 seek={} conv=notrunc 2>/dev/null; swapon /dev/ram0"
    for damage, at in [("printf X", 4086), ("printf '\\002'", 1024), ("printf '\\377\\377'", 1028),
                       ("printf '\\377\\377\\377\\377'", 1032), ("printf '\\001'", 1032)]:
        done, _ = run(machine, "/bin/sh", "-c", refused.format(damage, at))
        assert done.exit_code != 0 and b"Invalid argument" in done.stderr, (damage, at)
    sh(machine, "mkswap /dev/ram0 >/dev/null; swapon /dev/ram0; grep -q '^/dev/ram0 .*partition' /proc/swaps")
    done, _ = run(machine, "/bin/sh", "-c", "swapon /dev/ram0")
    assert done.exit_code != 0
    sh(machine, "swapoff /dev/ram0; echo x > /tmp/f; ! swapon /tmp/f; ! swapoff /dev/ram1")
    assert "ram0" in machine.agent.read_file("/proc/partitions").decode()
