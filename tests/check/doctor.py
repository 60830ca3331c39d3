#!/usr/bin/python3
"""make doctor: looks at this machine and says, for each thing that is not right, what to do.

Exit code 1 when something is missing without which a main target cannot work.
"""
import importlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SETS = {"build": "make kernel", "run": "make run", "check": "make check", "test": "make test",
        "docs": "make handouts"}
# program, arguments that print a version, oldest version that is known to work
PROGRAMS = (
    ("g++", ["--version"], "12.2"), ("ld", ["--version"], "2.40"), ("make", ["--version"], "4.3"),
    ("clang++-14", ["--version"], "14.0"), ("clang-format-14", ["--version"], "14.0"),
    ("musl-gcc", ["--version"], ""), ("qemu-system-x86_64", ["--version"], "7.2"), ("bochs", ["--help"], ""),
    ("grub-mkimage", ["--version"], "2.06"), ("grub-file", ["--version"], "2.06"),
    ("mke2fs", ["-V"], "1.47"), ("mformat", ["--version"], "4.0"), ("gdb", ["--version"], "13"),
    ("bwrap", ["--version"], "0.8"),
)
FILES = ("/usr/lib/grub/i386-pc/boot.img", "/usr/lib/grub/x86_64-efi/kernel.img", "/usr/share/OVMF/OVMF_CODE.fd",
         "/usr/share/bochs/BIOS-bochs-latest", "/usr/share/vgabios/vgabios.bin", "/bin/busybox")
MODULES = ("pytest", "pexpect", "xdist", "pytest_timeout", "elftools", "jsonschema", "rich")
FREE_GIB = 3


class Doctor:
    def __init__(self):
        self.ill = False

    def good(self, what, detail=""):
        print(f"ok    {what:20} {detail}")

    def bad(self, what, detail, cure):
        self.ill = True
        print(f"BAD   {what:20} {detail}\n      -> {cure}")

    def note(self, what, detail):
        print(f"note  {what:20} {detail}")


def search_path():
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def version_of(program, arguments):
    """The first number that looks like a version in what the program prints, or "?"."""
    done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False, timeout=20)
    match = re.search(r"\b(\d+\.\d+(?:\.\d+)?)", done.stdout)
    return match[1] if match else "?"


def older(version, wanted):
    numbers = [[int(part) for part in text.split(".")] for text in (version, wanted)]
    return numbers[0] < numbers[1]


def packages(doctor):
    for name, target in SETS.items():
        listed = subprocess.run([REPOSITORY / "tests/packages/ensure", "--list", name], check=True, text=True,
                                stdout=subprocess.PIPE).stdout.split()
        if not shutil.which("dpkg-query"):
            doctor.note("packages", "this is not Debian; versions below must do")
            return
        known = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *listed], check=False,
                               text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        installed = {line.split()[0] for line in known.splitlines() if line.endswith(" installed")}
        missing = [package for package in listed if package not in installed]
        if missing:
            doctor.bad(f"packages: {name}", f"{target} needs {' '.join(missing)}",
                       f"sudo apt-get install -y --no-install-recommends {' '.join(missing)}")
        else:
            doctor.good(f"packages: {name}", f"{len(listed)} installed, for {target}")


def programs(doctor):
    for name, arguments, wanted in PROGRAMS:
        path = shutil.which(name, path=search_path())
        if path is None:
            doctor.bad(name, "not found", "install the packages named above")
            continue
        version = version_of(path, arguments)
        if wanted and version != "?" and older(version, wanted):
            doctor.bad(name, f"{version} is older than {wanted}", "use Debian 12, or the container in .devcontainer/")
        else:
            doctor.good(name, version)
    for path in FILES:
        if not os.path.exists(path):
            doctor.bad(path, "not found", "install the packages named above")


def python(doctor):
    doctor.good("python", f"{sys.version.split()[0]} at {sys.executable}")
    for module in MODULES:
        try:
            importlib.import_module(module)
        except ImportError:
            doctor.bad(f"python: {module}", "cannot be imported",
                       "use Debian's Python: make PYTHON=/usr/bin/python3 ...")


def machine(doctor):
    free = shutil.disk_usage(REPOSITORY).free / 2**30
    if free < FREE_GIB:
        doctor.bad("disk", f"{free:.1f} GiB free", f"make clean, or free {FREE_GIB} GiB on this file system")
    else:
        doctor.good("disk", f"{free:.1f} GiB free")
    doctor.good("processors", str(os.cpu_count()))
    probe = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    if shutil.which("bwrap") and subprocess.run(probe, stderr=subprocess.DEVNULL, check=False).returncode:
        doctor.bad("sandbox", "bwrap cannot make a name space, so nothing can be graded",
                   "sysctl kernel.unprivileged_userns_clone=1; in a container: --security-opt seccomp=unconfined")
    if os.path.exists("/dev/kvm"):
        doctor.note("/dev/kvm", "is there, but not used: runs must be the same on every machine")


def main():
    doctor = Doctor()
    for examine in (packages, programs, python, machine):
        examine(doctor)
    print("\nSomething is not right; see the lines marked BAD." if doctor.ill else "\nAll is well.")
    return 1 if doctor.ill else 0


if __name__ == "__main__":
    sys.exit(main())
