"""The second opinion: clang 14 proves the lock annotations (GUARDED_BY, REQUIRES, EXCLUDES).

It only analyses. -mgeneral-regs-only is replaced, since with it clang rejects parts of libstdc++.
Results are kept in build/clang/, keyed on everything that a file's verdict depends on.
"""
import concurrent.futures
import hashlib
import pathlib
import re
import subprocess

LABS = "BOOT TRAPS SCHEDULING PAGING SLAB VFS EXT4 BLOCK DRIVERS".split()
FLAGS = ["-std=gnu++20", "-fsyntax-only", "-Wthread-safety", "-Werror", "-ffreestanding", "-fno-exceptions",
         "-fno-rtti", "-fno-threadsafe-statics", "-mno-red-zone", "-mno-sse", "-mno-mmx", "-mcmodel=kernel",
         "-D_GLIBCXX_ASSERTIONS", *(f"-DSOLVED_{lab}" for lab in LABS)]


def fingerprint(src):
    """Changes when any header does: cheaper to compute than exact dependencies, and never wrong."""
    total = hashlib.sha256(repr(FLAGS).encode())
    for path in sorted(pathlib.Path(src).rglob("*.h")):
        total.update(str(path).encode() + path.read_bytes())
    return total.digest()


def variants(src):
    """{folder: the flags of the variant of the kernel that it is a part of}, from kernel.mk."""
    makefile = (src / "kernel.mk").read_text() if (src / "kernel.mk").exists() else ""
    found = {}
    for name, flags in (("CHECKS", ("-DDEBUG=1",)), ("SHADOWED", ("-DDEBUG=1", "-DKASAN=1"))):
        for line in re.findall(rf"^{name}\s*:=(.*)$", makefile, re.MULTILINE):
            found |= {src / folder: flags for folder in line.split()}
    return found


def analyse(src, path, more):
    done = subprocess.run(["clang++-14", *FLAGS, *more, f"-I{src}", "-include", f"{src}/lib/freestanding.h", str(path)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout.strip() or f"{path}: clang++-14 failed" if done.returncode else ""


def problems(src, cache):
    """What clang has to say about each .cc file below `src` that is part of the kernel."""
    src, cache = pathlib.Path(src), pathlib.Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    common, special = fingerprint(src), variants(src)

    def verdict(path):
        stamp = cache / hashlib.sha256(common + str(path).encode() + path.read_bytes()).hexdigest()
        if stamp.exists():
            return ""
        more = [flag for folder in path.parents for flag in special.get(folder, ())]
        complaint = analyse(src, path, more)
        if not complaint:
            stamp.touch()
        return complaint

    paths = [path for path in sorted(src.rglob("*.cc"))
             if not path.read_text(errors="replace").startswith("// host-only")]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return [complaint for complaint in pool.map(verdict, paths) if complaint], []
