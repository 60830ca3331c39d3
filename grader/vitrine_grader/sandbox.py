"""bubblewrap and prlimit around whatever runs a stranger's code: the build and the emulators.

No network, read-only system, nothing of the host's /home or /work but what is named, limits on
memory, processes, files, CPU time. See: EMULATORS 4.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
import shutil
import subprocess

from .errors import InfrastructureFault

MIB = 1 << 20
NOBODY = 65534
_ETC = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")  # not shadow


@dataclasses.dataclass(frozen=True)
class Limits:
    """Per process (CPU, memory, file size, descriptors) and per user (processes)."""

    cpu_s: int = 600
    memory: int = 4096 * MIB
    file: int = 256 * MIB
    files: int = 512
    processes: int = 256


@dataclasses.dataclass(frozen=True)
class Sandbox:
    """Paths keep their names inside. `pts` is for Bochs' serial lines."""

    read: tuple[pathlib.Path, ...] = ()
    write: tuple[pathlib.Path, ...] = ()
    binds: tuple[tuple[pathlib.Path, str], ...] = ()  # writable, under another name inside
    pts: bool = False
    limits: Limits = Limits()
    tmp_bytes: int = 256 * MIB
    stranger: bool = False  # run as NOBODY even when we are root: root has no process limit

    def _drops(self) -> bool:
        return self.stranger and os.getuid() == 0

    def _unshare(self) -> list[str]:
        """Root needs no user namespace, and inside one it could not become somebody else."""
        if not self._drops():
            return ["--unshare-all"]
        return [f"--unshare-{kind}" for kind in ("ipc", "pid", "net", "uts", "cgroup-try")]

    def give(self, tree: pathlib.Path) -> None:
        """Makes `tree` writable for who will run inside."""
        if self._drops():
            for path in (tree, *tree.rglob("*")):
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)

    def with_paths(self, read=(), write=(), pts: bool | None = None) -> "Sandbox":
        """The same, with more to see."""
        pts = self.pts if pts is None else pts
        return dataclasses.replace(
            self, read=(*self.read, *read), write=(*self.write, *write), pts=pts
        )

    def wrap(self, argv: list[str], folder: pathlib.Path | str, env: dict[str, str] | None = None) -> list[str]:
        """The command that runs `argv` inside, in `folder`."""
        limits = self.limits
        command = [
            "prlimit", f"--cpu={limits.cpu_s}", f"--as={limits.memory}", f"--fsize={limits.file}",
            f"--nofile={limits.files}", "--core=0", "--",
            "bwrap", *self._unshare(), "--die-with-parent", "--new-session", "--cap-drop", "ALL",
            *(("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID") if self._drops() else ()),
            "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin",
            "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
            "--proc", "/proc", "--dev", "/dev",
            "--size", str(self.tmp_bytes), "--tmpfs", "/tmp", "--perms", "0755", "--dir", "/etc",
        ]  # fmt: skip
        for name in _ETC:
            command += ["--ro-bind-try", name, name]
        if self.pts:
            command += ["--dev-bind", "/dev/pts", "/dev/pts"]
        for option, paths in (("--ro-bind", self.read), ("--bind", self.write)):
            for path in paths:
                command += [option, str(path), str(path)]
        for path, inside in self.binds:
            command += ["--bind", str(path), inside]
        command += ["--chdir", str(folder), "--clearenv"]
        variables = {"PATH": "/usr/sbin:/usr/bin", "HOME": "/tmp", "LC_ALL": "C.UTF-8", **(env or {})}
        for name, value in variables.items():
            command += ["--setenv", name, value]
        inner = ["prlimit", f"--nproc={limits.processes}", "--", *argv]
        if self._drops():
            ids = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
            inner = ["setpriv", *ids, "--", *inner]
        return [*command, "--", *inner]


@functools.cache
def why_unusable() -> str:
    """Empty when bubblewrap works here, else the reason in its own words."""
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed: apt-get install bubblewrap"
    test = Sandbox().wrap(["/bin/true"], pathlib.Path("/"))
    done = subprocess.run(test, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return "" if done.returncode == 0 else done.stderr.strip() or f"exit code {done.returncode}"


def require() -> Sandbox:
    """A sandbox, or InfrastructureFault: strangers' code never runs without one unasked."""
    if why := why_unusable():
        raise InfrastructureFault(f"no sandbox: {why} (--no-sandbox runs without, at your risk)")
    return Sandbox()
