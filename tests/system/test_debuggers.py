"""Debian's unmodified debuggers in the guest: strace, gdbserver, and gdb on the host talking to that.

gdb reaches gdbserver through the guest's serial console, as one debugs a real machine: a thread here
carries the bytes between the console's channel and a TCP port of this host.
"""
import re
import socket
import subprocess
import threading

import pytest

from shell import Shell

SMP = [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)]


@pytest.fixture
def shell(boot):
    return lambda smp: Shell(boot("quiet", initrd="debug", smp=smp))


@pytest.mark.parametrize("smp", SMP)
def test_strace(shell, smp):
    """Every system call of a program, its thread and its child, with their ends."""
    prompt = shell(smp)
    assert prompt.run("strace -f -o /tmp/log debuggee") == "total 42\nchild\n"
    assert prompt.status == 3, "strace passes the status on"
    log = prompt.run("cat /tmp/log")
    parent = re.match(r"(\d+) +execve\(\"/usr/bin/debuggee\", \[\"debuggee\"\], 0x\w+ /\* \d+ vars \*/\) = 0", log)
    assert parent, log
    result = r"(\) += | <unfinished)"  # another task was faster
    for line in (r"clone3\(.*CLONE_THREAD", r'write\(1, "total 42\\n", 9' + result, r'write\(1, "child\\n", 6' + result,
                 r"WEXITSTATUS\(s\) == 3", r"--- SIGCHLD \{si_signo=SIGCHLD, si_code=CLD_EXITED",
                 r"\+\+\+ exited with 0 \+\+\+", r"\+\+\+ exited with 3 \+\+\+"):
        assert re.search(line, log), f"{line} in\n{log}"
    assert len(set(re.findall(r"^(\d+) ", log, re.MULTILINE))) == 3, "three tasks"
    assert "resuming interrupted" not in log.lower() and "ptrace" not in log.lower()


@pytest.mark.parametrize("smp", SMP)
def test_strace_attaches(shell, smp):
    """To a process that runs, and lets it go unharmed; counts; only what is asked for; makes calls fail."""
    prompt = shell(smp)
    prompt.run("debuggee wait & sleep 1; strace -o /tmp/log -p $! & sleep 2; kill $!; sleep 1")
    log = prompt.run("cat /tmp/log")
    assert re.search(r"nanosleep\(.*tv_nsec=1000000", log), log
    assert re.search(r"^State:\s+[RS]", prompt.run("grep State /proc/$(pidof debuggee)/status")), "it goes on"
    assert prompt.run("grep TracerPid /proc/$(pidof debuggee)/status").split() == ["TracerPid:", "0"]
    prompt.run("kill $(pidof debuggee)")
    summary = prompt.run("strace -f -c debuggee 2>&1")
    assert re.search(r"\d\s+execve\n", summary), summary
    only = prompt.run("strace -f -e trace=write -e signal=none debuggee 2>&1 | grep -v exited")
    assert set(re.findall(r"(\w+)\(", only)) == {"write"}, only
    changed = prompt.run("strace -e inject=fork,clone,clone3,vfork:error=EAGAIN -o /dev/null debuggee")
    assert "total 6\n" in changed, "a system call that strace made fail"


class Bridge:
    """One TCP connection, whose bytes go to and from the machine's console as they are."""

    def __init__(self, channel):
        self._channel, self._start = channel, channel.position
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        peer, _ = self._server.accept()
        threading.Thread(target=self._to_peer, args=(peer,), daemon=True).start()
        while data := peer.recv(4096):
            self._channel.send(data)
        self._server.close()

    def _to_peer(self, peer):
        position = self._start
        while not self._channel.closed:
            self._channel.wait_beyond(position, 1)
            data = self._channel.since(position)
            position += len(data)
            try:
                peer.sendall(data)
            except OSError:
                return


def debug(prompt, built, server, commands):
    """What gdb says to `commands`, connected to a gdbserver that the guest starts as `server`."""
    prompt.send(f"stty raw -echo; echo raw-$((1 + 1)); {server} >/dev/null 2>/tmp/server; stty sane\r")
    prompt.expect(r"raw-2\n")
    bridge = Bridge(prompt.machine.console.channel)
    script = ["set pagination off", "set confirm off", "set sysroot /", "set tcp connect-timeout 60",
              "set remotetimeout 60", "set print thread-events off", f"target remote {bridge.address}", *commands]
    done = subprocess.run(["gdb", "-nx", "-batch", *(word for line in script for word in ("-ex", line)),
                           built["programs"] / "debuggee"],
                          capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr


@pytest.mark.parametrize("smp", SMP)
def test_gdb(shell, built, smp):
    """Breakpoints, steps, watchpoints, registers, memory, threads, the end: of a program it starts."""
    said = debug(shell(smp), built, "gdbserver --once /dev/ttyS0 /usr/bin/debuggee", [
        "break add", "continue", "print left", "print right", "bt", "next", "print sum", "print sum = 10",
        "p $xmm0.uint128", "p half", "finish", "delete",
        "watch total", "continue", "continue", "delete", "print total",
        "hbreak in_thread", "continue", "info threads", "print add(20, 3)", "stepi", "stepi", "info registers rip",
        "delete", "continue"])
    for line in (r"Breakpoint 1, add \(left=0, right=1\)", r"\$1 = 0", r"\$2 = 1", r"#1 .* in count \(\)",
                 r"#2 .* in main \(", r"\$3 = 1\n", r"\$4 = 10\n", r"= 0\.5\n", r"Value returned is .* = 10",
                 r"Old value = 0\nNew value = 10\n", r"Old value = 10\nNew value = 12\n", r"= 12\n",
                 r"Hardware assisted breakpoint 3 at", r"hit Breakpoint 3, in_thread", r"\* 2 +Thread",
                 r"= 23\n", r"rip +0x\w+ +0x\w+ <in_thread\+", r"exited with code 03"):
        assert re.search(line, said), f"{line} in\n{said}"


@pytest.mark.parametrize("smp", SMP)
def test_gdb_attaches(shell, built, smp):
    """To a process that runs, changes it, and lets it go."""
    prompt = shell(smp)
    prompt.run("debuggee wait >/tmp/said & sleep 1")
    said = debug(prompt, built, "gdbserver --once --attach /dev/ttyS0 $(pidof debuggee)", [
        "print released", "set var released = 1", "break count", "continue", "bt", "detach"])
    assert re.search(r"Breakpoint 1, count \(\)", said), said
    assert re.search(r"#1 .* in main \(argc=2", said), said
    prompt.send("\r")
    prompt.expect(r"# (\x1b\[6n)?$")
    assert prompt.run("sleep 1; cat /tmp/said") == "total 42\nchild\n", "the breakpoint is gone"
