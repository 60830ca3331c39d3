#!/usr/bin/python3
"""make bench: runs the benchmark on our kernel and on Linux in the same QEMU and compares.

One instruction is one nanosecond (-icount shift=0, EMULATORS 2), so the numbers are exact, do not
depend on the host, and any change of them is real. Linux' are kept in OUT and measured again only
when the program or the kernel changes. Without a Linux to boot, the recorded numbers of
linux-6.1.txt are used: another binary and another libc, so a little less comparable.
"""
import argparse
import hashlib
import json
import math
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
RECORDED = HERE / "linux-6.1.txt"
PACKAGE = "linux-image-cloud-amd64"
QEMU = ["qemu-system-x86_64", "-accel", "tcg", "-machine", "pc", "-cpu", "qemu64", "-smp", "1", "-m", "512",
        "-icount", "shift=0,sleep=off", "-rtc", "clock=vm,base=2000-01-01", "-seed", "1",
        "-nodefaults", "-display", "none", "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
SILENCE = 900  # wall seconds; only against an emulator that hangs


class BenchError(Exception):
    """No result, and why."""


def measure(kernel, initrd, log):
    """Boots `kernel`; {operation: instructions, or None where it failed}, in their order."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [*QEMU, "-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 quiet panic=-1",
               "-serial", f"file:{log}"]
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, timeout=SILENCE, check=False)
    except subprocess.TimeoutExpired as late:
        raise BenchError(f"{kernel} did not come to an end within {SILENCE} s; see {log}") from late
    results, ended = {}, False
    for line in log.read_text(errors="replace").splitlines():
        words = line.split()
        if words[:1] == ["bench"] and len(words) == 3:
            results[words[1]] = int(words[2]) / 10 if words[2].isdigit() else None
        ended = ended or words == ["bench", "end"]
    if not ended:
        raise BenchError(f"{kernel} did not finish the benchmark; see {log}")
    return results


def fetch_linux(folder):
    """Debian's kernel, fetched by apt into `folder` (never part of the repository)."""
    found = sorted(folder.glob("boot/vmlinuz-*"))
    if found:
        return found[-1]
    folder.mkdir(parents=True, exist_ok=True)
    shown = subprocess.run(["apt-cache", "depends", PACKAGE], capture_output=True, text=True, check=True).stdout
    name = next(word for word in shown.split() if word.startswith("linux-image-") and word != PACKAGE)
    subprocess.run(["apt-get", "-q", "download", name], cwd=folder, check=True, capture_output=True)
    package = next(folder.glob(f"{name}_*.deb"))
    subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    package.unlink()
    return sorted(folder.glob("boot/vmlinuz-*"))[-1]


def recorded():
    """The numbers of linux-6.1.txt."""
    lines = (line.split("#")[0].split() for line in RECORDED.read_text().splitlines())
    return {words[0]: float(words[1]) for words in lines if words}


def linux_results(options):
    """(what it is, results)."""
    if options.linux == "none":
        return "Debian's Linux 6.1.192 (recorded)", recorded()
    try:
        kernel = pathlib.Path(options.linux) if options.linux else fetch_linux(options.out / "linux")
    except (OSError, subprocess.CalledProcessError, StopIteration) as error:
        print(f"no Linux to boot ({error}); comparing with the recorded numbers", file=sys.stderr)
        return "Debian's Linux 6.1.192 (recorded)", recorded()
    key = hashlib.sha256(kernel.read_bytes() + options.initrd.read_bytes() + " ".join(QEMU).encode()).hexdigest()
    cache = options.out / "linux.json"
    if cache.exists():
        kept = json.loads(cache.read_text())
        if kept["key"] == key:
            return kernel.name.replace("vmlinuz-", "Linux "), kept["results"]
    results = measure(kernel, options.initrd, options.out / "linux.log")
    cache.write_text(json.dumps({"key": key, "results": results}, indent=1))
    return kernel.name.replace("vmlinuz-", "Linux "), results


def coloured(ratio):
    """The ratio, green at most 1, red above; plain where nobody sees colours."""
    text = f"{ratio:7.2f}"
    if not sys.stdout.isatty():
        return text
    return f"\033[{32 if ratio <= 1 else 31}m{text}\033[0m"


def report(ours, name, theirs):
    """The table; returns the ratios."""
    print(f"instructions for one operation; compared with {name}")
    print(f"{'operation':24} {'ours':>12} {'Linux':>12}   ratio")
    ratios = {}
    for operation, cost in ours.items():
        linux = theirs.get(operation)
        shown = "failed" if cost is None else f"{cost:,.0f}"
        if cost is None or not linux:
            print(f"{operation:24} {shown:>12} {'-' if not linux else f'{linux:,.0f}':>12}")
            continue
        ratios[operation] = cost / linux
        print(f"{operation:24} {shown:>12} {linux:12,.0f} {coloured(cost / linux)}")
    if ratios:
        mean = math.exp(sum(map(math.log, ratios.values())) / len(ratios))
        worse = sum(ratio > 1 for ratio in ratios.values())
        print(f"{'geometric mean':24} {'':12} {'':12} {coloured(mean)}   {worse} of {len(ratios)} dearer than on Linux")
    return ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kernel", type=pathlib.Path, required=True)
    parser.add_argument("--initrd", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--linux", default="")
    options = parser.parse_args()
    ours = measure(options.kernel, options.initrd, options.out / "vitrine.log")
    name, theirs = linux_results(options)
    ratios = report(ours, name, theirs)
    results = {"ours": ours, "linux": theirs, "compared_with": name, "ratios": ratios}
    (options.out / "results.json").write_text(json.dumps(results, indent=1))
    return 1 if None in ours.values() else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as why:
        sys.exit(f"bench: {why}")
