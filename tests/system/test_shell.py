"""What a person does at the prompt, booted by GRUB from the image that `make run` and `make bochs` boot."""
import hashlib
import pathlib
import re
import shutil
import time

import pytest
from shell import Shell
from vitrine_grader.machine import SECOND, Exit

MACHINES = [("qemu", 1), ("qemu", 2), ("qemu", 4), ("bochs", 1), ("bochs", 2)]
PARAMETERS = [pytest.param(machine, id="-".join(map(str, machine)), marks=[pytest.mark.slow if machine[1] > 1 else pytest.mark.quick])
              for machine in MACHINES]
LIMITS = {"qemu": 60 * SECOND, "bochs": 20 * SECOND}


@pytest.fixture(params=PARAMETERS)
def shell(request, boot):
    emu, smp = request.param
    machine = boot(emu=emu, disk=True, smp=smp, **({"board": "pc"} if emu == "qemu" else {}))
    started = Shell(machine, LIMITS[emu])
    started.processors = smp
    return started


def check_commands(shell):
    """The lines of the acceptance list that only print."""
    listing = shell.run("ls -l /")
    for name, kind in {"bin": "d", "dev": "d", "etc": "d", "init": "l", "proc": "d", "tmp": "d"}.items():
        assert re.search(rf"^{kind}[rwxst-]{{9}} +\d+ root +root .* (\x1b\[[0-9;]*m)?{name}\b", listing, re.MULTILINE), listing
    processes = shell.run("ps")
    assert re.search(r"^ *PID +USER +.*COMMAND", processes), processes
    for name in (r"1 root .*init", r"2 root .*\[kthreadd\]", r"\d+ root .*ps"):
        assert re.search(rf"^ *{name}", processes, re.MULTILINE), (name, processes)
    assert shell.run("cat /proc/cpuinfo | grep processor | wc -l").split() == [str(shell.processors)]
    assert shell.run("for i in 1 2 3; do echo $i | sed s/^/x/; done | sort -r") == "x3\nx2\nx1\n"
    lines = 100000 if shell.machine.name == "qemu" else 5000
    assert shell.run(f"yes | head -{lines} | md5sum").split() == [hashlib.md5(b"y\n" * lines).hexdigest(), "-"]


def check_jobs(shell):
    """Background jobs, ^C, ^Z, fg and bg.

    In one line, `sleep 100 & kill %1` hits the job before it takes SIGTERM again, which an interactive
    ash ignores and its children inherit: on Linux the wait then lasts 100 s, too.
    """
    shell.run("sleep 99999 &")  # while nothing happens, Bochs' clock leaps ahead of whoever types
    assert "Terminated" in shell.run("sleep 1; kill %1; wait; jobs") + shell.run("jobs")
    shell.begin("while true; do :; done")
    time.sleep(0.3)
    shell.send("\x03")
    shell.expect(r"\^C\r?\n")
    shell.expect("# ")
    assert shell.run("echo alive-$((6 * 7))") == "alive-42\n"
    shell.send("sleep 99999\r")
    time.sleep(0.3)
    shell.send("\x1a")
    shell.expect(r"Stopped +sleep 99999")
    shell.expect("# ")
    shell.send("bg\r")
    shell.expect(r"\[1\].* sleep 99999")
    assert "Running" in shell.run("jobs")
    shell.send("fg\r")
    shell.expect(r"sleep 99999\r\n")
    time.sleep(0.3)
    shell.send("\x03")
    shell.expect("# ")
    assert shell.run("jobs; ps | grep -c '[s]leep 99999'") == "0\n"


def check_vi(shell):
    """Types a text, changes it, saves; what is on the disk tells whether it was understood."""
    shell.send("vi /tmp/poem\r")
    for keys, then in (("", "- /tmp/poem"), ("i", "I /tmp/poem"), ("roses are red\rviolets are blue\x1b", "- /tmp/poem"),
                       (":1\r", "1/2 50%"), ("wcw", "I /tmp/poem"), ("green\x1b", "- /tmp/poem"), ("Gyyp", "Put 1 lines")):
        shell.send(keys)
        shell.expect(then)
    shell.send(":wq\r")
    shell.expect("# ")
    assert shell.run("cat /tmp/poem") == "roses green red\nviolets are blue\nviolets are blue\n"


def test_prompt(shell):
    """Every line of the acceptance list, then an orderly end."""
    check_commands(shell)
    check_jobs(shell)
    check_vi(shell)
    shell.send("poweroff\r")
    assert shell.machine.wait_exit(60 * SECOND) is Exit.SHUTDOWN


@pytest.mark.slow
def test_prompt_with_uefi(boot, tmp_path):
    """The same image through OVMF, whose variables are a fresh copy for each run."""
    firmware = pathlib.Path("/usr/share/OVMF")
    variables = shutil.copyfile(firmware / "OVMF_VARS.fd", tmp_path / "vars.fd")
    flash = [f"if=pflash,format=raw,readonly=on,file={firmware / 'OVMF_CODE.fd'}", f"if=pflash,format=raw,file={variables}"]
    machine = boot(disk=True, smp=2, extra=[word for drive in flash for word in ("-drive", drive)])
    prompt = Shell(machine, 120 * SECOND)
    assert prompt.run("cat /proc/cpuinfo | grep processor | wc -l").split() == ["2"]
    prompt.send("poweroff\r")
    assert machine.wait_exit(60 * SECOND) is Exit.SHUTDOWN
