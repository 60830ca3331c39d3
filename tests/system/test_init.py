"""/sbin/init on the host's Linux, as process 1 of its own namespaces with a pty as its console.

Nothing here touches the host: mounts, host name, processes and reboot(2) stay inside. The oracle is
what a person would see on the console.
"""
import os
import pathlib
import shutil
import subprocess
import time

import pexpect
import pytest
from pexpect import fdpexpect

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
INIT = REPOSITORY / "build/userland/init"
UNSHARE = ["unshare", "--user", "--map-root-user", "--mount", "--uts", "--pid", "--fork", "--kill-child"]
# /dev is a file system of its own before init runs, so init leaves it alone; its console is our pty.
ENTER = ('mount -t tmpfs none "$0/dev" && '
         'for device in console $DEVICE; do touch "$0/dev/$device" && '
         'mount --bind "$(tty)" "$0/dev/$device" || exit; done; exec env -i /usr/sbin/chroot "$0" /sbin/init "$@"')

pytestmark = pytest.mark.skipif(
    subprocess.run([*UNSHARE, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0,
    reason="this machine allows no user namespaces")


@pytest.fixture
def root(tmp_path):
    """A root with init and nothing else."""
    assert INIT.exists(), "build it first: make userland"
    for folder in ("dev", "proc", "sys", "tmp", "etc", "bin", "sbin", "root"):
        (tmp_path / folder).mkdir()
    shutil.copy(INIT, tmp_path / "sbin/init")
    return tmp_path


def add_shell(root):
    shutil.copy("/bin/busybox", root / "bin/busybox")
    for applet in "sh ps sleep hostname kill poweroff reboot halt mount cat setsid".split():
        (root / "bin" / applet).symlink_to("busybox")
    (root / "etc/motd").write_text("welcome to the glass case\n")
    (root / "etc/hostname").write_text("glasscase\n")


class Console(fdpexpect.fdspawn):
    """A pty that is nobody's controlling terminal yet, with init at its other end."""

    def __init__(self, root, arguments, device):
        ours, theirs = os.openpty()
        self.process = subprocess.Popen([*UNSHARE, "/bin/sh", "-c", ENTER, str(root), *arguments],
                                        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                                        env={**os.environ, "DEVICE": device})
        os.close(theirs)
        super().__init__(ours, timeout=15, encoding="utf-8")

    def end(self):
        self.process.kill()
        self.process.wait()
        self.close()


@pytest.fixture
def boot(root):
    """Starts init with these arguments; everything is gone after the test."""
    consoles = []

    def start(*arguments, device=""):
        consoles.append(Console(root, arguments, device))
        return consoles[-1]

    yield start
    for console in consoles:
        console.end()


@pytest.fixture
def console(root, boot):
    """A system with a shell, at its first prompt."""
    add_shell(root)
    started = boot()
    started.expect("welcome to the glass case")
    started.expect("# ")
    return started


def ask(console, command, answer):
    console.sendline(command)
    console.expect(answer)
    console.expect("# ")


def test_shell_has_job_control_and_the_banner_came_first(console):
    assert "can't access tty" not in console.before
    ask(console, "sleep 100000 & sleep 1; kill %1; wait; echo job-$?", r"job-\d+\r")
    console.sendline("while true; do :; done")
    time.sleep(0.3)
    console.send("\x03")
    console.expect("# ")
    ask(console, "echo alive-$((6 * 7))", "alive-42")


@pytest.mark.quick
def test_system_is_set_up(console):
    ask(console, "hostname", "glasscase")
    ask(console, "cat /proc/mounts", r"proc /proc proc")
    ask(console, "cat /proc/mounts", r" /tmp tmpfs")
    ask(console, "echo $HOME:$PATH", r"/root:/sbin:/bin")


def test_shell_is_started_again(console):
    console.sendline("exit 3")
    console.expect("init: the shell ended with status 3; starting it again")
    console.expect("welcome to the glass case")
    console.expect("# ")
    console.sendline("kill -9 $$")
    console.expect("init: the shell was killed by signal 9; starting it again")
    console.expect("# ")


def test_orphans_are_reaped(console):
    ask(console, "for i in 1 2 3 4 5; do (setsid sleep 0.1 &); done; sleep 0.5; echo done", "done\r")
    ask(console, "ps | cat > /tmp/ps; echo $(cat /tmp/ps | while read l; do case $l in *sleep*) echo Z;; esac; done)-",
        r"\r\n-\r")


@pytest.mark.parametrize("command, said", [
    ("poweroff", "the system goes down"), ("halt", "the system goes down"), ("reboot", "rebooting"),
    ("kill -TERM 1", "rebooting"), ("kill -USR2 1", "the system goes down")])
def test_machine_ends_in_order(console, command, said):
    console.sendline("sleep 1000 &")
    console.expect("# ")
    console.sendline(command)
    console.expect(said)
    console.process.wait(timeout=10)


def test_missing_pieces_are_named_once(boot):
    console = boot("unknown", "words")
    for line in ("argument 'unknown' means nothing to me", "argument 'words' means nothing to me",
                 "no shell: /bin/sh: No such file"):
        console.expect(line)
    with pytest.raises(pexpect.TIMEOUT):
        console.expect("init:", timeout=3)
    assert console.process.poll() is None


def test_agent_that_the_grader_wants_but_that_is_not_there(root, boot):
    (root / "etc/agent.key").write_text("key")
    boot().expect("no agent: /sbin/agent: No such file")
    (root / "sbin/agent").write_text("#!/bin/sh\n")
    (root / "sbin/agent").chmod(0o755)
    boot().expect("no agent: /dev/ttyS1: No such file")


def test_agent_that_cannot_live_is_given_up(root, boot):
    add_shell(root)
    (root / "etc/agent.key").write_text("key")
    (root / "sbin/agent").write_text("#!/bin/sh\nexit 2\n")
    (root / "sbin/agent").chmod(0o755)
    # Its port: the console's pty again, so that it can be opened.
    console = boot(device="ttyS1")
    console.expect("the agent ended with status 2; starting it again")
    console.expect("the agent ended with status 2; starting it again")
    console.expect("the agent ended with status 2; giving up")


def test_shell_that_is_no_program(root, boot):
    (root / "bin/sh").write_bytes(b"\x7fELFnot really")
    (root / "bin/sh").chmod(0o755)
    console = boot()
    console.expect("cannot run /bin/sh: ")
    console.expect("the shell ended with status 127; starting it again")
    console.expect("cannot run /bin/sh: ")  # slowed down, but not given up


def test_refuses_to_run_twice(root):
    done = subprocess.run([root / "sbin/init"], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and "first program" in done.stderr
