#!/usr/bin/python3
"""make check: every mechanical rule of the project, one line each, with what breaks it.

    check.py --quick             what the sources alone can tell (< 20 s)
    check.py --kernel BUILD      that, and what the kernel built in BUILD and clang tell
    check.py --only NAME         one rule

The last line is "N passed, M failed"; the exit code says whether M is 0.
"""
import argparse
import pathlib
import sys
import time

import clang
import image
import layers
import sources

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def quick_rules(root):
    """(name, question, function) of the rules about sources."""
    src = root / "src"
    return [
        ("layers", "folders include only what is below them", lambda: (layers.problems(src), [])),
        ("headers", "only allowed standard headers", lambda: sources.headers(root)),
        ("sizes", "files, functions, parameters, nesting in budget", lambda: sources.sizes(root)),
        ("braces", "bodies are braced or on one line", lambda: sources.braces(root)),
        ("todos", "every TODO has a number", lambda: sources.todos(root)),
        ("readmes", "every kernel folder has a short README.md", lambda: sources.readmes(root)),
        ("format", "clang-format 14 changes nothing", lambda: sources.formatted(root)),
    ]


def kernel_rules(root, build):
    """The rules about the built kernel."""
    return [
        ("libc", "no libc header in any compilation", lambda: image.libc_headers(build)),
        ("constructors", "no static constructors", lambda: image.constructors(build)),
        ("vectors", "no vector or x87 instruction", lambda: image.vectors(build)),
        ("symbols", "no undefined or forbidden symbol", lambda: image.symbols(build)),
        ("segments", "write xor execute, image in budget", lambda: image.segments(build)),
        ("clang", "lock annotations hold (clang 14)", lambda: clang.problems(root / "src", root / "build/clang")),
    ]


def shown(line, root):
    """The line with paths as seen from the root of the checkout."""
    return line.replace(f"{root}/", "")


def run_rules(rules, root):
    """Runs and reports; the number of rules that are broken."""
    failed = 0
    for name, question, rule in rules:
        started = time.monotonic()
        problems, warnings = rule()
        failed += bool(problems)
        verdict = "FAIL" if problems else "ok"
        print(f"{verdict:5} {name:13} {question} ({time.monotonic() - started:.1f} s)", flush=True)
        for line in problems:
            print(f"      {shown(line, root)}")
        for line in warnings:
            print(f"      warning: {shown(line, root)}")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--kernel", metavar="BUILD", type=pathlib.Path)
    parser.add_argument("--only", metavar="NAME")
    parser.add_argument("--root", type=pathlib.Path, default=REPOSITORY, help="the checkout to look at")
    options = parser.parse_args()
    root = options.root.resolve()
    rules = quick_rules(root)
    if options.kernel and not options.quick:
        rules += kernel_rules(root, options.kernel)
    if options.only:
        rules = [rule for rule in rules if rule[0] == options.only]
    if not rules:
        parser.error(f"no rule named {options.only!r}")
    failed = run_rules(rules, root)
    print(f"{len(rules) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
