"""bubblewrap and prlimit around whatever runs a stranger's code: the build and the emulators.

No network, read-only system, nothing of the host's /home or /work but what is named, limits on
memory, processes, files, CPU time. See: EMULATORS 4.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import shutil
import subprocess

from .errors import InfrastructureFault

MIB = 1 << 20


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
    pts: bool = False
    limits: Limits = Limits()
    tmp_bytes: int = 256 * MIB

    def with_paths(self, read=(), write=(), pts: bool | None = None) -> "Sandbox":
        """The same, with more to see."""
        pts = self.pts if pts is None else pts
        return dataclasses.replace(
            self, read=(*self.read, *read), write=(*self.write, *write), pts=pts
        )

    def wrap(self, argv: list[str], folder: pathlib.Path, env: dict[str, str] | None = None) -> list[str]:
        """The command that runs `argv` inside, in `folder`."""
        limits = self.limits
        command = [
            "prlimit", f"--cpu={limits.cpu_s}", f"--as={limits.memory}", f"--fsize={limits.file}",
            f"--nofile={limits.files}", "--core=0", "--",
            "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
            "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin",
            "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
            "--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev",
            "--size", str(self.tmp_bytes), "--tmpfs", "/tmp",
        ]  # fmt: skip
        if self.pts:
            command += ["--dev-bind", "/dev/pts", "/dev/pts"]
        for option, paths in (("--ro-bind", self.read), ("--bind", self.write)):
            for path in paths:
                command += [option, str(path), str(path)]
        command += ["--chdir", str(folder), "--clearenv"]
        variables = {"PATH": "/usr/sbin:/usr/bin", "HOME": "/tmp", "LC_ALL": "C.UTF-8", **(env or {})}
        for name, value in variables.items():
            command += ["--setenv", name, value]
        inner = ["prlimit", f"--nproc={limits.processes}", "--", *argv]
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
