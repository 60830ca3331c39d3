#!/usr/bin/python3
"""make bench: runs the benchmark on our kernel and on Linux in the same QEMU and compares.

One instruction is one nanosecond (-icount shift=0, EMULATORS 2), so the numbers do not depend on
the host and repeat, nearly always to the instruction and always to half a percent. Linux' are kept in OUT and measured again only
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
QEMU = ["qemu-system-x86_64", "-accel", "tcg", "-machine", "pc", "-cpu", "qemu64", "-smp", "1", "-m", "2048",
        "-rtc", "clock=vm,base=2000-01-01", "-seed", "1", "-nodefaults", "-display", "none", "-no-reboot",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
EXACT = [*QEMU, "-icount", "shift=0,sleep=off"]
SILENCE = 900  # wall seconds; only against an emulator that hangs


class BenchError(Exception):
    """No result, and why."""


def measure(kernel, initrd, log, emulator=EXACT, words=()):
    """Boots `kernel`; {operation: nanoseconds of its clock, or None where it failed}, in their order."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [*emulator, "-kernel", kernel, "-initrd", initrd, "-serial", f"file:{log}",
               "-append", " ".join(["console=ttyS0 quiet panic=-1", *words])]
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
    key = hashlib.sha256(kernel.read_bytes() + options.initrd.read_bytes() + " ".join(EXACT).encode()).hexdigest()
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


def wall_results(options, rounds=2):
    """What a clock on the wall says, ours and Linux', best of several, taken in turns (A B B A)."""
    linux = pathlib.Path(options.linux) if options.linux else fetch_linux(options.out / "linux")
    best = {kernel: {} for kernel in (options.kernel, linux)}
    for number in range(rounds):
        for kernel in (options.kernel, linux)[:: -1 if number % 2 else 1]:
            found = measure(kernel, options.initrd, options.out / "wall.log", QEMU)
            for operation, cost in found.items():
                known = best[kernel].get(operation)
                best[kernel][operation] = min(filter(None, (known, cost)), default=None)
    return best[options.kernel], best[linux]


def report(title, ours, theirs):
    """The table; returns the ratios."""
    print(title)
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
    parser.add_argument("--wall", action="store_true", help="also by the clock on the wall: noisy")
    options = parser.parse_args()
    ours = measure(options.kernel, options.initrd, options.out / "vitrine.log")
    name, theirs = linux_results(options)
    ratios = report(f"instructions for one operation; compared with {name}", ours, theirs)
    results = {"ours": ours, "linux": theirs, "compared_with": name, "ratios": ratios}
    (options.out / "results.json").write_text(json.dumps(results, indent=1))
    if options.wall and options.linux != "none":
        report("\nnanoseconds on the wall for one operation, best of 2, noisy", *wall_results(options))
    return 1 if None in ours.values() else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as why:
        sys.exit(f"bench: {why}")
